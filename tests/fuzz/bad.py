"""Parsers with one mistake each: what the fuzzer must find."""

_KEPT: list[bytes] = []


def crashes(data: bytes) -> None:
    """On an input that chance alone would hardly find."""
    if len(data) > 3 and data[0] == 0xBB and data[1] == 0x7E and data[2] == 0xAA and data[3] == 0x8E:
        raise IndexError("past the end")


def hangs(data: bytes) -> None:
    """As soon as a length is 0."""
    while data[:1] == b"\0":
        pass


def keeps(data: bytes) -> None:
    """What it has seen, for ever."""
    _KEPT.append(b"\xff" * (100 * len(data) + 100))


def holds(data: bytes) -> None:
    """It is well."""
    assert len(data) >= 0
