"""The fast way through reports: the bytes of one are learnt, and those like it are taken at C speed.

A layout knows which bytes of a report are always the same (types, lengths, ids) and where its values are. Whether a
whole message is made of such reports is seen by comparing, for each fixed byte, all of them at once; then one struct
takes all values out. Where a byte differs, the exact way (`reports`) decides.
"""

from collections.abc import Callable, Iterable
from functools import partial
from itertools import repeat
from struct import Struct
from typing import Any, Final, cast

from drivers.llrp.codec import BadMessage, Parameter, parameters
from drivers.llrp.schema import PARAMETER
from drivers.readings import TagRead

ANTENNA, FIRST_SEEN, LAST_SEEN, RSSI, COUNT, ROSPEC, PC, EPC_96, EPC_DATA, TAG_REPORT, CUSTOM = (
    PARAMETER[name].number
    for name in (
        "AntennaID", "FirstSeenUTC", "LastSeenUTC", "PeakRSSI", "TagSeenCount", "ROSpecID", "C1G2PC", "EPC96",
        "EPCData", "TagReportData", "Custom",
    )
)  # fmt: skip
FIRST_SEEN_UPTIME, LAST_SEEN_UPTIME = PARAMETER["FirstSeenUptime"].number, PARAMETER["LastSeenUptime"].number
#: In order of what is said with them of when a tag was seen.
SEEN: Final = (LAST_SEEN, FIRST_SEEN, LAST_SEEN_UPTIME, FIRST_SEEN_UPTIME)

#: What the last report of a ROSpec said: the fields of TagRead after the EPC, and of the PC what `HOLDS_NO_EPC` covers.
Last = tuple[int | None, float | None, int | None, int, int]
NOTHING_YET: Final[Last] = (None, None, None, 1, 0)
#: Of the protocol control word: the bit that says so, and the application family.
HOLDS_NO_EPC: Final = 0x01FF

#: Impinj's signal strength in hundredths of a dBm, as a custom parameter: vendor 25882, subtype 57.
FINE_RSSI: Final = (25882).to_bytes(4, "big") + (57).to_bytes(4, "big")
#: Every byte whose lowest bit is 0, as that of a PC's first byte is when the tag holds an EPC.
EVEN: Final = bytes(range(0, 256, 2))

#: A TagRead from an iterable without a Python call for each, as TagRead._make would.
tag_read = cast(Callable[[Iterable[Any]], TagRead], partial(tuple.__new__, TagRead))


def epc_data(payload: bytes, start: int, end: int) -> bytes:
    """The EPC of an EPCData: a number of bits, and the bits in whole bytes."""
    if end - start < 2:
        raise BadMessage("an EPCData without its length")
    size = (int.from_bytes(payload[start : start + 2], "big") + 7) // 8
    if size > end - start - 2:
        raise BadMessage(f"an EPC of {size} bytes in {end - start - 2}")
    return payload[start + 2 : start + 2 + size]


def fine_rssi(payload: bytes, start: int, end: int, otherwise: float | None) -> float | None:
    """The signal strength in a custom parameter, if it is that one."""
    if not _is_fine_rssi(payload, start, end):
        return otherwise
    return int.from_bytes(payload[end - 2 : end], "big", signed=True) / 100


def _is_fine_rssi(payload: bytes, start: int, end: int) -> bool:
    return end - start == len(FINE_RSSI) + 2 and payload.startswith(FINE_RSSI, start)


class Layout:
    """The bytes of one report: which are fixed and what they are, and which are unpacked into a TagRead.

    `columns` are the fields of TagRead in the order in which they stand on the wire.
    """

    __slots__ = (
        "_columns", "_fine", "_fixed", "_mask", "_pc_at", "_picked", "_uptime", "_want", "is_whole", "misses", "rospec",
        "size",
    )  # fmt: skip

    def __init__(self, report: bytes = b"") -> None:
        self.size = len(report)
        self.misses = 0
        self.rospec: int | None = None
        self.is_whole = False
        self._fixed: list[tuple[int, bytes]] = []
        self._mask = self._want = 0
        self._picked = Struct("")
        self._columns: tuple[int, ...] = ()
        self._fine = self._uptime = False
        self._pc_at: int | None = None

    def learn(self, report: bytes, inside: list[Parameter]) -> None:
        """Take the layout of a report that consists of these parameters; it stays useless when there is no EPC."""
        kinds = [kind for kind, _, _ in inside]
        seen = next((kind for kind in SEEN if kind in kinds), None)
        self._fine = any(kind == CUSTOM and _is_fine_rssi(report, start, end) for kind, start, end in inside)
        self._uptime = seen in SEEN[2:]
        fixed, picks, columns, at = [(0, 4)], ["4x"], [], 4
        for parameter in inside:
            kind, start, end = parameter
            head, column, pick = _pick(parameter, report, seen, fine=self._fine)
            if kind == ROSPEC:
                self.rospec = int.from_bytes(report[start:end], "big")
            elif kind == PC:
                self._pc_at = start
            fixed.append((at, head))
            picks.append(f"{head - at}x{pick}")
            if column is not None:
                columns.append(column)
            at = end
        once = [kind for kind in kinds if kind != CUSTOM]
        if 0 not in columns or len(set(columns)) < len(columns) or len(set(once)) < len(once):
            return
        self._fixed = [(at, report[at : at + 1]) for start, stop in fixed for at in range(start, stop)]
        mask, want = bytearray(self.size), bytearray(self.size)
        for at, byte in self._fixed:
            mask[at], want[at] = 0xFF, byte[0]
        self._mask, self._want = int.from_bytes(mask, "big"), int.from_bytes(want, "big")
        self._picked, self._columns = Struct(">" + "".join(picks)), tuple(columns)
        self.is_whole = len(columns) == len(TagRead._fields) and not self._uptime

    def fits(self, payload: bytes, last: Last) -> bool:
        """Whether every report of the message has these fixed bytes, each at its place, and names an EPC."""
        size = self.size
        if not self._columns or not payload:
            return False
        if self._pc_at is None:
            if last[4]:
                return False
        elif payload[self._pc_at :: size].translate(None, EVEN):
            return False
        if len(payload) == size:
            return int.from_bytes(payload, "big") & self._mask == self._want
        count, odd = divmod(len(payload), size)
        if odd:
            return False
        for at, byte in self._fixed:  # noqa: SIM110 # a generator costs a third of the whole check
            if payload[at::size] != byte * count:
                return False
        return True

    def unpack(self, payload: bytes, last: Last, uptime_zero_us: int | None) -> list[TagRead]:
        """The reads of a message that fits; what the layout has not is as in `last`."""
        rows = self._picked.iter_unpack(payload)
        plain = not self._fine and not self._uptime
        if self._columns == (0, 1, 2, 3, 4) and plain:
            return list(map(tag_read, rows))
        columns: list[Iterable[Any]] = [(), *map(repeat, last[:4])]
        for column, values in zip(self._columns, zip(*rows, strict=True), strict=True):
            columns[column] = values
        if self._fine:
            columns[2] = [hundredths / 100 for hundredths in cast(Iterable[int], columns[2])]
        if self._uptime:
            columns[3] = (
                repeat(last[2])
                if uptime_zero_us is None
                else [uptime_zero_us + us for us in cast(Iterable[int], columns[3])]
            )
        return list(map(tag_read, zip(*columns, strict=False)))


#: For reports that are like no other.
NO_LAYOUT: Final = Layout()


def layout_of(report: bytes) -> Layout:
    """The layout of a report that the exact way has taken; one that fits nothing, if it is of no use."""
    layout = Layout(report)
    layout.learn(report, list(parameters(report, 4, len(report))))
    return layout


def _pick(parameter: Parameter, report: bytes, seen: int | None, *, fine: bool) -> tuple[int, int | None, str]:
    """Up to where a parameter's bytes are fixed, the TagRead field the rest is, and its struct format."""
    kind, start, stop = parameter
    if kind == EPC_96:
        return start, 0, "12s"
    if kind == EPC_DATA:
        size = len(epc_data(report, start, stop))
        return start + 2, 0, f"{size}s{stop - start - 2 - size}x"
    if kind == ROSPEC:
        return stop, None, ""
    if kind == ANTENNA:
        return start, 1, "H"
    if kind == RSSI and not fine:
        return start, 2, "b"
    if kind == CUSTOM:
        ours = _is_fine_rssi(report, start, stop)
        head = min(start + 8, stop)
        return (head, 2, "h") if ours else (head, None, f"{stop - head}x")
    if kind == seen:
        return start, 3, "Q"
    if kind == COUNT:
        return start, 4, "H"
    return start, None, f"{stop - start}x"
