"""RO_ACCESS_REPORT to tag reads (LLRP 1.1 §14.2.3), two ways that give the same values.

The exact way walks every parameter. A reader fills the reports of a connection alike, in a shape or a few, so the fast
way (`layouts`) learns the bytes of one report of each, and takes a message whose every report is like one of them.

A reader may leave out a parameter that has not changed since its last report, so the last values of each ROSpec of the
connection are kept.
"""

from collections.abc import Callable, Sequence
from functools import partial
from operator import call
from typing import Final, NamedTuple, cast

from drivers.llrp.codec import TV_STEP, BadMessage, overrun, parameters, tlv_at
from drivers.llrp.layouts import (
    ANTENNA,
    COUNT,
    CUSTOM,
    EPC_96,
    EPC_DATA,
    FIRST_SEEN,
    FIRST_SEEN_UPTIME,
    LAST_SEEN,
    LAST_SEEN_UPTIME,
    NOTHING_YET,
    PC,
    ROSPEC,
    RSSI,
    TAG_REPORT,
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
#: Of the messages that the exact way had to take, so many are learnt from at first, and every so-manieth later.
LEARN_AT_FIRST: Final = 64
LEARN_EVERY: Final = 100

HEAD_ANTENNA, HEAD_RSSI, HEAD_COUNT, HEAD_ROSPEC = 0x80 | ANTENNA, 0x80 | RSSI, 0x80 | COUNT, 0x80 | ROSPEC
HEAD_FIRST_SEEN, HEAD_LAST_SEEN = 0x80 | FIRST_SEEN, 0x80 | LAST_SEEN
HEAD_FIRST_UPTIME, HEAD_LAST_UPTIME = 0x80 | FIRST_SEEN_UPTIME, 0x80 | LAST_SEEN_UPTIME
HEAD_EPC_96, HEAD_PC = 0x80 | EPC_96, 0x80 | PC
#: The bit of the PC that says that the tag holds no EPC.
NO_EPC: Final = 0x0100


class Reads(NamedTuple):
    """The reads of one message; how many tag reports in it said no EPC, and how many parameters are none of LLRP's."""

    reads: list[TagRead]
    nameless: int = 0
    unknown: int = 0


#: Reads without a Python call, as Reads._make would.
_reads: Final = cast(Callable[[tuple[list[TagRead], int, int]], Reads], partial(tuple.__new__, Reads))


class ReportDecoder:
    """Decodes the reports of one connection, in order.

    `uptime_zero_us` is the time of day at which the reader's uptime was zero, in unix microseconds; None: not known,
    and times told as uptime are left out.
    """

    def __init__(self, *, fast: bool = True) -> None:
        self.uptime_zero_us: int | None = None
        self._fast = fast
        #: What the last report of each ROSpec said; and its PC, where that said that the tag holds no EPC.
        self._last: dict[int, TagRead] = {}
        self._pcs: dict[int, int] = {}
        self._rospec = 0
        self._layouts: dict[bytes, Layout] = {}
        self._walked = 0

    def decode(self, payload: bytes) -> Reads:
        """What the payload of one RO_ACCESS_REPORT says. BadMessage: nothing of it was taken."""
        layout = self._layouts.get(payload[:4])
        if layout is not None and layout.columns and not (self._pcs and layout.pc_at is None):
            if (alike := self._alike(payload, layout)) is not None:
                return _reads((alike, 0, 0))
            if mixed := self._of_several_shapes(payload):
                return Reads(mixed)
        before = dict(self._last), dict(self._pcs), self._rospec
        try:
            found = self._walk(payload)
        except BadMessage:
            self._last, self._pcs, self._rospec = before
            raise
        if self._fast and not found.unknown:
            self._walked += 1
            if self._walked < LEARN_AT_FIRST or self._walked % LEARN_EVERY == 0:
                self._learn(payload)
        return found

    def decode_together(self, payloads: Sequence[bytes]) -> list[TagRead] | None:
        """The reads of several RO_ACCESS_REPORTs at once, if all their reports are of one layout: what else costs most
        is what each message costs. None: nothing was taken."""
        together = b"".join(payloads)
        layout = self._layouts.get(together[:4])
        if layout is None or not layout.columns or (self._pcs and layout.pc_at is None):
            return None
        return self._alike(together, layout)

    def _alike(self, payload: bytes, layout: Layout) -> list[TagRead] | None:
        """The reads, if every report is of this layout."""
        if not layout.fits(payload):
            return None
        rospec = self._rospec if layout.rospec is None else layout.rospec
        last = self._last.get(rospec, NOTHING_YET)
        reads = layout.unpack(payload, last, self.uptime_zero_us)
        if rospec in self._last:
            self._rospec, self._last[rospec] = rospec, reads[-1]
        else:
            self._remember(rospec, reads[-1])
        return reads

    def _of_several_shapes(self, payload: bytes) -> list[TagRead] | None:
        """The reads of a message of reports of known layouts that leave nothing out, in any order."""
        layouts = [one for one in self._layouts.values() if one.is_whole and one.rospec in (None, self._rospec)]
        if len(layouts) < 2 or (self._pcs and any(one.pc_at is None for one in layouts)):
            return None
        # Told apart by the low byte of their length; together, all their fixed bytes are checked.
        parts: list[tuple[Layout, list[bytes], list[TagRead]]] = [(one, [], []) for one in layouts]
        slots = {one.size & 0xFF: (one.size, pieces.append, iter(reads).__next__) for one, pieces, reads in parts}
        order: list[Callable[[], TagRead]] = []
        in_order, at, stop = order.append, 0, len(payload)
        try:
            while at < stop:
                size, take, read = slots[payload[at + 3]]
                take(payload[at : (at := at + size)])
                in_order(read)
        except (KeyError, IndexError):
            return None
        for one, pieces, found in parts:
            if pieces:
                joined = b"".join(pieces)
                if not one.fits(joined):
                    return None
                found += one.unpack(joined, NOTHING_YET, None)
        reads = [*map(call, order)]
        self._remember(self._rospec, reads[-1])
        return reads

    def _remember(self, rospec: int, last: TagRead) -> None:
        self._rospec = rospec
        if rospec not in self._last and len(self._last) >= ROSPECS_MAX:
            oldest = next(iter(self._last))
            del self._last[oldest]
            self._pcs.pop(oldest, None)
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
            elif head == HEAD_FIRST_SEEN:
                first = int.from_bytes(payload[start:at], "big")
            elif head == HEAD_LAST_SEEN:
                seen = int.from_bytes(payload[start:at], "big")
            elif head == HEAD_COUNT:
                count = payload[start] << 8 | payload[start + 1]
            elif head == HEAD_PC:
                pc = payload[start] << 8 | payload[start + 1]
            elif head == HEAD_LAST_UPTIME:
                uptime = int.from_bytes(payload[start:at], "big")
            elif head == HEAD_FIRST_UPTIME:
                first_uptime = int.from_bytes(payload[start:at], "big")
            elif head == HEAD_ROSPEC:
                rospec = int.from_bytes(payload[start:at], "big")
        # What stands behind a parameter of unknown length may be anything: not known, rather than as before.
        is_told = at == stop
        last = self._last.get(rospec, NOTHING_YET) if is_told else NOTHING_YET
        if pc is None:
            pc = self._pcs.get(rospec, 0) if is_told else 0
        if seen is None:
            seen = first
        if seen is None and self.uptime_zero_us is not None:
            uptime = first_uptime if uptime is None else uptime
            seen = None if uptime is None else self.uptime_zero_us + uptime
        strength = rssi if fine is None else fine
        read = TagRead(
            epc or b"",
            last.antenna if antenna is None else antenna,
            last.rssi_dbm if strength is None else strength,
            last.seen_at_us if seen is None else seen,
            last[4] if count is None else count,
        )
        self._remember(rospec, read)
        if pc & NO_EPC:
            self._pcs[rospec] = pc
            read = by_pc(read, pc)
        elif self._pcs:
            self._pcs.pop(rospec, None)
        return read if epc else None, unknown

    def _learn(self, payload: bytes) -> None:
        """Keep the layouts of the reports of a message that the exact way has taken."""
        for kind, start, stop in parameters(payload, 0, len(payload)):
            if kind != TAG_REPORT:
                continue
            if len(self._layouts) >= LAYOUTS_MAX:
                self._layouts.clear()
            self._layouts[payload[start - 4 : start]] = layout_of(payload[start - 4 : stop])
