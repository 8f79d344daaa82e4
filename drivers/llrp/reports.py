"""RO_ACCESS_REPORT to tag reads (LLRP 1.1 §14.2.3), two ways that give the same values.

The exact way walks every parameter. A reader fills the reports of a connection alike, so the fast way learns the bytes
of one report, checks that every fixed byte of a whole message stands where it stood then, and unpacks the message with
one struct at C speed. Where a byte differs, the exact way decides.

A reader may leave out a parameter that has not changed since its last report, so the last values of each ROSpec of the
connection are kept.
"""

from collections.abc import Callable, Iterable
from functools import partial
from itertools import repeat
from struct import Struct
from typing import Any, Final, NamedTuple, cast

from drivers.llrp.codec import TV_STEP, BadMessage, Parameter, overrun, parameters, tlv_at
from drivers.llrp.schema import PARAMETER
from drivers.readings import TagRead

#: Last values are kept for so many ROSpecs; readers hold at most a few dozen. Beyond it the oldest is forgotten.
ROSPECS_MAX: Final = 64
#: Layouts are kept by report length; a reader has one or two.
LAYOUTS_MAX: Final = 16
#: Below so many reports in a message the exact way is as fast.
REPORTS_WORTH_IT: Final = 3

ANTENNA, FIRST_SEEN, LAST_SEEN, RSSI, COUNT, ROSPEC = (
    PARAMETER[name].number
    for name in ("AntennaID", "FirstSeenUTC", "LastSeenUTC", "PeakRSSI", "TagSeenCount", "ROSpecID")
)
HEAD_ANTENNA, HEAD_FIRST_SEEN, HEAD_LAST_SEEN = 0x80 | ANTENNA, 0x80 | FIRST_SEEN, 0x80 | LAST_SEEN
HEAD_RSSI, HEAD_COUNT, HEAD_ROSPEC = 0x80 | RSSI, 0x80 | COUNT, 0x80 | ROSPEC
EPC_96, EPC_DATA, TAG_REPORT = (PARAMETER[name].number for name in ("EPC96", "EPCData", "TagReportData"))
HEAD_EPC_96: Final = 0x80 | EPC_96

#: A TagRead from an iterable without a Python call for each, as TagRead._make would.
_tag_read = cast(Callable[[Iterable[Any]], TagRead], partial(tuple.__new__, TagRead))

#: What the last report of a ROSpec said: the fields of TagRead after the EPC.
Last = tuple[int | None, int | None, int | None, int]
NOTHING_YET: Final[Last] = (None, None, None, 1)


class Reads(NamedTuple):
    """The reads of one message, and how many tag reports in it said no EPC."""

    reads: list[TagRead]
    nameless: int = 0


class ReportDecoder:
    """Decodes the reports of one connection, in order."""

    def __init__(self, *, fast: bool = True) -> None:
        self._fast = fast
        self._last: dict[int, Last] = {}
        self._rospec = 0
        self._layouts: dict[bytes, _Layout] = {}

    def decode(self, payload: bytes) -> Reads:
        """What the payload of one RO_ACCESS_REPORT says. BadMessage: nothing of it was taken."""
        if self._fast:
            layout = self._layouts.get(payload[2:4])
            if layout is not None and layout.fits(payload):
                return Reads(self._unpack(layout, payload))
        reads = self._walk(payload)
        if self._fast and len(reads.reads) >= REPORTS_WORTH_IT:
            self._learn(payload)
        return reads

    def _unpack(self, layout: "_Layout", payload: bytes) -> list[TagRead]:
        rospec = self._rospec if layout.rospec is None else layout.rospec
        reads = layout.unpack(payload, self._last.get(rospec, NOTHING_YET))
        self._remember(rospec, cast(Last, reads[-1][1:]))
        return reads

    def _remember(self, rospec: int, last: Last) -> None:
        self._rospec = rospec
        if rospec not in self._last and len(self._last) >= ROSPECS_MAX:
            del self._last[next(iter(self._last))]
        self._last[rospec] = last

    def _walk(self, payload: bytes) -> Reads:
        """The exact way. What was remembered changes only when all of the message was good."""
        before, rospec_before = dict(self._last), self._rospec
        reads: list[TagRead] = []
        nameless = 0
        try:
            for kind, start, stop in parameters(payload, 0, len(payload)):
                if kind == TAG_REPORT:
                    read = self._one(payload, start, stop)
                    if read is None:
                        nameless += 1
                    else:
                        reads.append(read)
        except BadMessage:
            self._last, self._rospec = before, rospec_before
            raise
        return Reads(reads, nameless)

    def _one(self, payload: bytes, at: int, stop: int) -> TagRead | None:
        """One TagReportData, parameter by parameter; None when it names no tag."""
        epc = antenna = rssi = first = seen = count = None
        rospec = self._rospec
        while at < stop:
            head = payload[at]
            if head < 0x80:
                kind, start, at = tlv_at(payload, at, stop)
                if kind == EPC_DATA:
                    epc = _epc_data(payload, start, at)
                continue
            start, step = at + 1, TV_STEP[head]
            if step == 0:
                break
            at += step
            if at > stop:
                raise overrun(head & 0x7F, at - stop)
            if head == HEAD_EPC_96:
                epc = payload[start:at]
            elif head == HEAD_ANTENNA:
                antenna = payload[start] << 8 | payload[start + 1]
            elif head == HEAD_RSSI:
                rssi = (payload[start] ^ 0x80) - 0x80
            elif head == HEAD_COUNT:
                count = payload[start] << 8 | payload[start + 1]
            elif head == HEAD_FIRST_SEEN:
                first = int.from_bytes(payload[start:at], "big")
            elif head == HEAD_LAST_SEEN:
                seen = int.from_bytes(payload[start:at], "big")
            elif head == HEAD_ROSPEC:
                rospec = int.from_bytes(payload[start:at], "big")
        # What stands behind a parameter of unknown length may be anything: not known, rather than as before.
        last = self._last.get(rospec, NOTHING_YET) if at == stop else NOTHING_YET
        if seen is None:
            seen = last[2] if first is None else first
        now = (
            last[0] if antenna is None else antenna,
            last[1] if rssi is None else rssi,
            seen,
            last[3] if count is None else count,
        )
        self._remember(rospec, now)
        return None if epc is None else TagRead(epc, *now)

    def _learn(self, payload: bytes) -> None:
        """Keep the layout of the message's first report, if the exact way found nothing odd in it."""
        layout = _layout(payload)
        if layout is not None and layout.fits(payload):
            if len(self._layouts) >= LAYOUTS_MAX:
                self._layouts.clear()
            self._layouts[payload[2:4]] = layout


def _epc_data(payload: bytes, start: int, end: int) -> bytes:
    """The EPC of an EPCData: a number of bits, and the bits in whole bytes."""
    if end - start < 2:
        raise BadMessage("an EPCData without its length")
    size = (int.from_bytes(payload[start : start + 2], "big") + 7) // 8
    if size > end - start - 2:
        raise BadMessage(f"an EPC of {size} bytes in {end - start - 2}")
    return payload[start + 2 : start + 2 + size]


class _Layout:
    """The bytes of one report: which are fixed and what they are, and which are unpacked into a TagRead.

    `columns` are the fields of TagRead in the order in which they stand on the wire.
    """

    def __init__(
        self, report: bytes, fixed: list[tuple[int, int]], picked: Struct, columns: tuple[int, ...], rospec: int | None
    ) -> None:
        self.rospec = rospec
        self._size = len(report)
        self._fixed = [(at, report[at : at + 1]) for start, stop in fixed for at in range(start, stop)]
        self._picked = picked
        self._columns = columns

    def fits(self, payload: bytes) -> bool:
        """Whether every report of the message has these fixed bytes, each at its place."""
        count, odd = divmod(len(payload), self._size)
        if odd or count < REPORTS_WORTH_IT:
            return False
        size = self._size
        for at, byte in self._fixed:  # noqa: SIM110 # a generator costs a third of the whole check
            if payload[at::size] != byte * count:
                return False
        return True

    def unpack(self, payload: bytes, last: Last) -> list[TagRead]:
        """The reads of a message that fits; what the layout has not is as in `last`."""
        rows = self._picked.iter_unpack(payload)
        if self._columns == (0, 1, 2, 3, 4):
            return list(map(_tag_read, rows))
        columns: list[Iterable[Any]] = [(), *map(repeat, last)]
        for column, values in zip(self._columns, zip(*rows, strict=True), strict=True):
            columns[column] = values
        return list(map(_tag_read, zip(*columns, strict=False)))


def _layout(payload: bytes) -> _Layout | None:
    """The layout of the first report of a message that the exact way has taken; None if it is of no use."""
    stop = int.from_bytes(payload[2:4], "big")
    if payload[:2] != TAG_REPORT.to_bytes(2, "big") or len(payload) % stop:
        return None
    report = payload[:stop]
    inside = list(parameters(report, 4, stop))
    kinds = [kind for kind, _, _ in inside]
    seen = LAST_SEEN if LAST_SEEN in kinds else FIRST_SEEN
    if not inside or inside[-1][2] != stop:
        return None
    fixed, picks, columns, rospec = [(0, 4)], ["4x"], [], None
    at = 4
    for kind, start, end in inside:
        head, column, pick = _pick((kind, start, end), report, seen)
        if kind == ROSPEC:
            rospec = int.from_bytes(report[start:end], "big")
        fixed.append((at, head))
        picks.append(f"{head - at}x{pick}")
        if column is not None:
            columns.append(column)
        at = end
    if 0 not in columns or len(set(columns)) < len(columns):
        return None
    return _Layout(report, fixed, Struct(">" + "".join(picks)), tuple(columns), rospec)


def _pick(parameter: Parameter, report: bytes, seen: int) -> tuple[int, int | None, str]:
    """Up to where a parameter's bytes are fixed, the TagRead field the rest is, and its struct format."""
    kind, start, stop = parameter
    if kind == EPC_96:
        return start, 0, "12s"
    if kind == EPC_DATA:
        size = len(_epc_data(report, start, stop))
        return start + 2, 0, f"{size}s{stop - start - 2 - size}x"
    if kind == ROSPEC:
        return stop, None, ""
    if kind == ANTENNA:
        return start, 1, "H"
    if kind == RSSI:
        return start, 2, "b"
    if kind == seen:
        return start, 3, "Q"
    if kind == COUNT:
        return start, 4, "H"
    return start, None, f"{stop - start}x"
