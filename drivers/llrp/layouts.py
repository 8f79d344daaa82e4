"""The fast way through reports: the bytes of one are learnt, and those like it are taken at C speed.

A layout knows which bytes of a report are always the same (types, lengths, ids) and where its values are. Whether a
whole message is made of such reports is seen by comparing all their fixed bytes at once, as one number; then one struct
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
#: The fields of TagRead in order.
ALL_COLUMNS: Final = tuple(range(len(TagRead._fields)))
#: What holds before a ROSpec's first report.
NOTHING_YET: Final = TagRead(b"")

#: Impinj's signal strength in hundredths of a dBm, as a custom parameter: vendor 25882, subtype 57.
FINE_RSSI: Final = (25882).to_bytes(4, "big") + (57).to_bytes(4, "big")
#: Every byte whose lowest bit is 0, as that of a PC's first byte is when the tag holds an EPC.
EVEN: Final = bytes(range(0, 256, 2))
#: For so many numbers of reports in a message the fixed bytes are kept as one number.
COUNTS_MAX: Final = 64


#: A TagRead without a Python call, as TagRead._make would.
_tag_read = cast(Callable[[tuple[Any, ...]], TagRead], partial(tuple.__new__, TagRead))


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

    `columns` are the fields of TagRead in the order in which they stand on the wire; none: it is of no use. `is_whole`
    says that it leaves nothing to what was said before.
    """

    __slots__ = (
        "_fine",
        "_fixed",
        "_is_plain",
        "_picked",
        "_report",
        "_uptime",
        "columns",
        "is_whole",
        "pc_at",
        "rospec",
        "size",
    )

    def __init__(self, report: bytes, inside: list[Parameter]) -> None:
        self.size = len(report)
        self.rospec: int | None = None
        self.pc_at: int | None = None
        kinds = [kind for kind, _, _ in inside]
        seen = next((kind for kind in SEEN if kind in kinds), None)
        self._fine = any(kind == CUSTOM and _is_fine_rssi(report, start, end) for kind, start, end in inside)
        self._uptime = seen in SEEN[2:]
        mask, picks, columns, at = bytearray(self.size), ["4x"], [], 4
        mask[:4] = b"\xff" * 4
        for parameter in inside:
            kind, start, end = parameter
            head, column, pick = _pick(parameter, report, seen, fine=self._fine)
            if kind == ROSPEC:
                self.rospec = int.from_bytes(report[start:end], "big")
            elif kind == PC:
                self.pc_at = start
            mask[at:head] = b"\xff" * (head - at)
            picks.append(f"{head - at}x{pick}")
            if column is not None:
                columns.append(column)
            at = end
        once = [kind for kind in kinds if kind != CUSTOM]
        is_odd = 0 not in columns or len(set(columns)) < len(columns) or len(set(once)) < len(once)
        self.columns = () if is_odd else tuple(columns)
        self.is_whole = len(self.columns) == len(ALL_COLUMNS) and not self._uptime
        self._is_plain = self.columns == ALL_COLUMNS and not self._fine and not self._uptime
        self._picked = Struct(">" + "".join(picks))
        want = bytes(byte & keep for byte, keep in zip(report, mask, strict=True))
        self._report = bytes(mask), want
        #: By the number of reports in a message: the mask of the fixed bytes of all of them, and those bytes.
        self._fixed: dict[int, tuple[int, int]] = {}

    def fits(self, payload: bytes) -> bool:
        """Whether every report of the message has these fixed bytes, each at its place, and a tag that holds an EPC."""
        size = self.size
        count = len(payload) // size
        if len(payload) != size * count:
            return False
        mask, want = self._fixed.get(count) or self._fixed_of(count)
        if int.from_bytes(payload, "big") & mask != want:
            return False
        return self.pc_at is None or not payload[self.pc_at :: size].translate(None, EVEN)

    def _fixed_of(self, count: int) -> tuple[int, int]:
        mask, want = (int.from_bytes(one * count, "big") for one in self._report)
        if len(self._fixed) >= COUNTS_MAX:
            self._fixed.clear()
        self._fixed[count] = mask, want
        return mask, want

    def unpack(self, payload: bytes, last: TagRead, uptime_zero_us: int | None) -> list[TagRead]:
        """The reads of a message that fits; what the layout has not is as in `last`."""
        if self._is_plain and len(payload) == self.size:
            return [_tag_read(self._picked.unpack(payload))]
        rows: Iterable[tuple[Any, ...]] = self._picked.iter_unpack(payload)
        if not self._is_plain:
            rows = self._in_order(rows, last, uptime_zero_us)
        return [*map(tuple.__new__, repeat(TagRead), rows)]

    def _in_order(
        self, rows: Iterable[tuple[Any, ...]], last: TagRead, uptime_zero_us: int | None
    ) -> Iterable[tuple[Any, ...]]:
        columns: list[Iterable[Any]] = [(), *map(repeat, last[1:])]
        for column, values in zip(self.columns, zip(*rows, strict=True), strict=True):
            columns[column] = values
        if self._fine:
            columns[2] = [hundredths / 100 for hundredths in cast(Iterable[int], columns[2])]
        if self._uptime and uptime_zero_us is None:
            columns[3] = repeat(last.seen_at_us)
        elif self._uptime and uptime_zero_us is not None:
            columns[3] = [uptime_zero_us + us for us in cast(Iterable[int], columns[3])]
        return zip(*columns, strict=False)


def layout_of(report: bytes) -> Layout:
    """The layout of a report that the exact way has taken."""
    return Layout(report, list(parameters(report, 4, len(report))))


def _pick(parameter: Parameter, report: bytes, seen: int | None, *, fine: bool) -> tuple[int, int | None, str]:
    """Up to where a parameter's bytes are fixed, the TagRead field the rest is, and its struct format."""
    kind, start, stop = parameter
    if kind == EPC_96:
        return start, 0, "12s"
    if kind == EPC_DATA:
        size = len(epc_data(report, start, stop))
        return (start + 2, 0, f"{size}s{stop - start - 2 - size}x") if size else (stop, None, "")
    if kind == ROSPEC:
        return stop, None, ""
    if kind == ANTENNA:
        return start, 1, "H"
    if kind == RSSI and not fine:
        return start, 2, "b"
    if kind == CUSTOM:
        head = min(start + len(FINE_RSSI), stop)
        return (head, 2, "h") if _is_fine_rssi(report, start, stop) else (head, None, f"{stop - head}x")
    if kind == seen:
        return start, 3, "Q"
    if kind == COUNT:
        return start, 4, "H"
    return start, None, f"{stop - start}x"
