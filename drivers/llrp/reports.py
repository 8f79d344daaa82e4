"""RO_ACCESS_REPORT to tag reads (LLRP 1.1 §14.2.3), two ways that give the same values.

The exact way walks every parameter. A reader fills the reports of a connection alike, in a shape or a few, so the fast
way (`layouts`) learns the bytes of one report of each, and takes a message whose every report is like one of them.

A reader may leave out a parameter that has not changed since its last report, so the last values of each ROSpec of the
connection are kept.
"""

from typing import Any, Final, NamedTuple

from drivers.llrp.codec import TV_STEP, BadMessage, overrun, parameters, tlv_at
from drivers.llrp.layouts import (
    ANTENNA,
    COUNT,
    CUSTOM,
    EPC_96,
    EPC_DATA,
    FIRST_SEEN,
    FIRST_SEEN_UPTIME,
    HOLDS_NO_EPC,
    LAST_SEEN,
    LAST_SEEN_UPTIME,
    NO_LAYOUT,
    NOTHING_YET,
    PC,
    ROSPEC,
    RSSI,
    TAG_REPORT,
    Last,
    Layout,
    epc_data,
    fine_rssi,
    layout_of,
)
from drivers.llrp.schema import PARAMETER_NAME
from drivers.readings import TagRead, by_pc

#: Last values are kept for so many ROSpecs; readers hold at most a few dozen. Beyond it the oldest is forgotten.
ROSPECS_MAX: Final = 64
#: Layouts are kept by a report's first four bytes; a reader has a few.
LAYOUTS_MAX: Final = 32
#: A layout that was of no use so often is learnt anew.
MISSES_MAX: Final = 100

HEAD_ANTENNA, HEAD_RSSI, HEAD_COUNT, HEAD_ROSPEC = 0x80 | ANTENNA, 0x80 | RSSI, 0x80 | COUNT, 0x80 | ROSPEC
HEAD_FIRST_SEEN, HEAD_LAST_SEEN = 0x80 | FIRST_SEEN, 0x80 | LAST_SEEN
HEAD_FIRST_UPTIME, HEAD_LAST_UPTIME = 0x80 | FIRST_SEEN_UPTIME, 0x80 | LAST_SEEN_UPTIME
HEAD_EPC_96, HEAD_PC = 0x80 | EPC_96, 0x80 | PC


class Reads(NamedTuple):
    """The reads of one message; how many tag reports in it said no EPC, and how many parameters are none of LLRP's."""

    reads: list[TagRead]
    nameless: int = 0
    unknown: int = 0


class ReportDecoder:
    """Decodes the reports of one connection, in order.

    `uptime_zero_us` is the time of day at which the reader's uptime was zero, in unix microseconds; None: not known,
    and times told as uptime are left out.
    """

    def __init__(self, *, fast: bool = True) -> None:
        self.uptime_zero_us: int | None = None
        self._fast = fast
        self._last: dict[int, Last] = {}
        self._rospec = 0
        self._layouts: dict[bytes, Layout] = {}

    def decode(self, payload: bytes) -> Reads:
        """What the payload of one RO_ACCESS_REPORT says. BadMessage: nothing of it was taken."""
        if self._fast:
            reads = self._alike(payload) or self._of_several_shapes(payload)
            if reads is not None:
                return Reads(reads)
        before, rospec_before = dict(self._last), self._rospec
        try:
            found = self._walk(payload)
        except BadMessage:
            self._last, self._rospec = before, rospec_before
            raise
        return found

    def _alike(self, payload: bytes) -> list[TagRead] | None:
        """The reads of a message whose reports are all of one known layout."""
        layout = self._layouts.get(payload[:4], NO_LAYOUT)
        rospec = self._rospec if layout.rospec is None else layout.rospec
        last = self._last.get(rospec, NOTHING_YET)
        if not layout.fits(payload, last):
            return None
        reads = layout.unpack(payload, last, self.uptime_zero_us)
        _, antenna, rssi, seen, count = reads[-1]
        self._remember(rospec, (antenna, rssi, seen, count, 0))
        return reads

    def _of_several_shapes(self, payload: bytes) -> list[TagRead] | None:
        """The reads of a message of reports of known layouts that leave nothing out, in any order."""
        layouts, at, stop = self._layouts, 0, len(payload)
        parts: dict[bytes, list[bytes]] = {}
        order: list[bytes] = []
        while at < stop:
            head = payload[at : at + 4]
            layout = layouts.get(head)
            if layout is None or not layout.is_whole:
                return None
            begins, at = at, at + layout.size
            order.append(head)
            if head in parts:
                parts[head].append(payload[begins:at])
            else:
                parts[head] = [payload[begins:at]]
        if len(parts) < 2:
            return None
        last = self._last.get(self._rospec, NOTHING_YET)
        rows: dict[bytes, Any] = {}
        for head, pieces in parts.items():
            layout, joined = layouts[head], b"".join(pieces)
            if layout.rospec not in (None, self._rospec) or not layout.fits(joined, last):
                return None
            rows[head] = iter(layout.unpack(joined, NOTHING_YET, self.uptime_zero_us)).__next__
        reads: list[TagRead] = [rows[head]() for head in order]
        _, antenna, rssi, seen, count = reads[-1]
        self._remember(self._rospec, (antenna, rssi, seen, count, 0))
        return reads

    def _remember(self, rospec: int, last: Last) -> None:
        self._rospec = rospec
        if rospec not in self._last and len(self._last) >= ROSPECS_MAX:
            del self._last[next(iter(self._last))]
        self._last[rospec] = last

    def _walk(self, payload: bytes) -> Reads:
        """The exact way."""
        reads: list[TagRead] = []
        nameless = unknown = 0
        for kind, start, stop in parameters(payload, 0, len(payload)):
            if kind == TAG_REPORT:
                read, odd = self._one(payload, start, stop)
                unknown += odd
                if read is None:
                    nameless += 1
                else:
                    reads.append(read)
                if self._fast and not odd:
                    self._learn(payload[start - 4 : stop])
            elif kind not in PARAMETER_NAME:
                unknown += 1
        return Reads(reads, nameless, unknown)

    def _one(self, payload: bytes, at: int, stop: int) -> tuple[TagRead | None, int]:
        """One TagReportData, parameter by parameter; None when it names no tag. And how many are none of LLRP's."""
        epc = antenna = rssi = fine = seen = count = pc = None
        first = uptime = first_uptime = None
        rospec, unknown = self._rospec, 0
        while at < stop:
            head = payload[at]
            if head < 0x80:
                kind, start, at = tlv_at(payload, at, stop)
                if kind == EPC_DATA:
                    epc = epc_data(payload, start, at)
                elif kind == CUSTOM:
                    fine = fine_rssi(payload, start, at, fine)
                elif kind not in PARAMETER_NAME:
                    unknown += 1
                continue
            start, step = at + 1, TV_STEP[head]
            if step == 0:
                unknown += 1
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
            elif head == HEAD_PC:
                pc = payload[start] << 8 | payload[start + 1]
            elif head == HEAD_FIRST_SEEN:
                first = int.from_bytes(payload[start:at], "big")
            elif head == HEAD_LAST_SEEN:
                seen = int.from_bytes(payload[start:at], "big")
            elif head == HEAD_LAST_UPTIME:
                uptime = int.from_bytes(payload[start:at], "big")
            elif head == HEAD_FIRST_UPTIME:
                first_uptime = int.from_bytes(payload[start:at], "big")
            elif head == HEAD_ROSPEC:
                rospec = int.from_bytes(payload[start:at], "big")
        # What stands behind a parameter of unknown length may be anything: not known, rather than as before.
        last = self._last.get(rospec, NOTHING_YET) if at == stop else NOTHING_YET
        if seen is None:
            seen = first
        if seen is None and self.uptime_zero_us is not None:
            uptime = first_uptime if uptime is None else uptime
            seen = None if uptime is None else self.uptime_zero_us + uptime
        strength = rssi if fine is None else fine
        now: Last = (
            last[0] if antenna is None else antenna,
            last[1] if strength is None else strength,
            last[2] if seen is None else seen,
            last[3] if count is None else count,
            last[4] if pc is None else pc & HOLDS_NO_EPC if pc & 0x0100 else 0,
        )
        self._remember(rospec, now)
        if epc is None:
            return None, unknown
        return by_pc(TagRead(epc, *now[:4]), now[4]), unknown

    def _learn(self, report: bytes) -> None:
        """Keep the layout of a report that the exact way has taken."""
        head = report[:4]
        known = self._layouts.get(head)
        if known is not None and known.misses < MISSES_MAX:
            known.misses += 1
            return
        if len(self._layouts) >= LAYOUTS_MAX:
            self._layouts.clear()
        self._layouts[head] = layout_of(report)
