"""A sink that remembers what a driver told it."""

from collections.abc import Sequence

from drivers.readings import BarcodeScan, ScanAnswer, TagRead


class Listening:
    """Keeps everything, in order of arrival."""

    def __init__(self) -> None:
        self.reads: list[TagRead] = []
        self.about: list[str] = []
        self.signs_of_life = 0
        self.left_out: list[str] = []

    def online(self, about: str) -> None:
        self.about.append(about)

    def heard(self) -> None:
        self.signs_of_life += 1

    def dropped(self, why: str) -> None:
        self.left_out.append(why)

    async def tags(self, reads: Sequence[TagRead]) -> None:
        self.reads.extend(reads)

    async def scan(self, scan: BarcodeScan) -> ScanAnswer:
        raise AssertionError(f"a tag reader has no scans: {scan}")
