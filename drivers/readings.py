"""What devices report. Plain values; a driver never knows what a reading means to the store."""

from dataclasses import dataclass
from typing import NamedTuple


class TagRead(NamedTuple):
    """A reader heard a tag. A named tuple, because thousands come per second.

    `epc` are the tag's EPC bytes (any length), `antenna` the reader's port number from 1, `rssi_dbm` the strongest
    signal, `seen_at_us` the reader's own UTC clock in microseconds, kept as data and never trusted, and `count` how
    often the tag was seen within this report. None: the reader did not say.
    """

    epc: bytes
    antenna: int | None = None
    rssi_dbm: float | None = None
    seen_at_us: int | None = None
    count: int = 1  # type: ignore[assignment]  # LLRP's TagSeenCount; nobody counts the items of a read


class IsoRead(TagRead):
    """A read of a tag that holds no EPC: `epc` is an ISO 15961 number, `afi` its application family."""

    afi: int


def by_pc(read: TagRead, pc: int) -> TagRead:
    """The read as the tag's protocol control word tells it: bit 0100h says that the tag holds no EPC (Gen2, 6.3.2.1.2).

    For drivers whose device gives the PC; of one that doesn't, every tag is taken to hold an EPC.
    """
    if not pc & 0x0100:
        return read
    iso = IsoRead(*read)
    iso.afi = pc & 0xFF
    return iso


@dataclass(frozen=True, slots=True)
class BarcodeScan:
    """One trigger pull: what the scanner decoded, as text without its terminator.

    `aim` is the AIM symbology identifier if the scanner sends one (`]E0`, `]C1` …).
    """

    text: str
    aim: str | None = None


@dataclass(frozen=True, slots=True)
class ScanAnswer:
    """What became of a scan, given once it is committed: `accepted`, and in a few words why not."""

    accepted: bool
    message: str = ""
