"""Reports of HID's Bar Code Scanner page (8Ch) → pieces of scans. No I/O.

Where the parts of a report lie, its own report descriptor says (Device Class Definition for HID 1.11, 6.2.2; usages:
HID Point of Sale Usage Tables 1.02, 3): makers order them differently, and add their own.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

_PAGE: Final = 0x8C
_BYTE_COUNT: Final = (0x01, 0x3B)
_SYMBOLOGY: Final = ((_PAGE, 0xFB), (_PAGE, 0xFC), (_PAGE, 0xFD))
_DECODED_DATA: Final = (_PAGE, 0xFE)
_CONTINUED: Final = (_PAGE, 0xFF)

#: Items of a report descriptor, by the prefix without its size.
_USAGE_PAGE, _REPORT_SIZE, _REPORT_ID, _REPORT_COUNT, _PUSH, _POP = 0x04, 0x74, 0x84, 0x94, 0xA4, 0xB4
_USAGE, _USAGE_MINIMUM, _USAGE_MAXIMUM = 0x08, 0x18, 0x28
_INPUT, _OUTPUT, _FEATURE, _COLLECTION, _END = 0x80, 0x90, 0xB0, 0xA0, 0xC0
_LONG: Final = 0xFE
_CONSTANT: Final = 0x01
#: No scanner's report is longer; a descriptor that says so is no descriptor.
_LONGEST_BITS: Final = 8 * 4096
_MOST_USAGES: Final = 256
_DEEPEST: Final = 16


class Field(NamedTuple):
    """Part of a report, in bits from its first byte, the report's number included."""

    at: int
    size: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a scan lies in a report. `number`: the report that carries it; None: there is but one, without a number."""

    number: int | None
    data: Field
    symbology: tuple[Field, ...] = ()
    count: Field | None = None
    continued: Field | None = None


#: As Honeywell, Datalogic, Zebra and those who followed them have it, for descriptors that do not say it.
COMMON: Final = Layout(2, Field(40, 448), (Field(16, 24),), Field(8, 8), Field(504, 1))


@dataclass(frozen=True, slots=True)
class Piece:
    """A report's part of a scan; `symbology` as it stands there. More follows when `continued`."""

    data: bytes
    symbology: bytes
    continued: bool


def piece_of(report: bytes, layout: Layout) -> Piece | None:
    """What a report has of a scan, None if it is another report. Raises ValueError if it cannot be one."""
    if layout.number is not None and report[:1] != bytes([layout.number]):
        return None
    if len(report) * 8 <= layout.data.at:
        raise ValueError(f"a report of {len(report)} bytes")
    data = _bytes(report, layout.data)
    if layout.count is None:
        data = data.rstrip(b"\0")
    else:
        count = int.from_bytes(_bytes(report, layout.count), "little")
        if count > len(data):
            raise ValueError(f"a report that holds {len(data)} bytes and says {count}")
        data = data[:count]
    symbology = b"".join(_bytes(report, one) for one in layout.symbology)
    return Piece(data, symbology, layout.continued is not None and _bit(report, layout.continued.at))


def _bytes(report: bytes, where: Field) -> bytes:
    start = where.at // 8
    return report[start : start + where.size // 8]


def _bit(report: bytes, at: int) -> bool:
    return at // 8 < len(report) and bool(report[at // 8] >> at % 8 & 1)


def is_scanner(descriptor: bytes) -> bool:
    """Does a report descriptor speak of bar code scanners?"""
    return any(tag == _USAGE_PAGE and value == _PAGE for tag, value in _items(descriptor))


def layout_of(descriptor: bytes) -> Layout | None:
    """Where the scans lie by a report descriptor, None if it does not say."""
    reader = _Reader()
    for tag, value in _items(descriptor):
        if not reader.take(tag, value):
            return None
    for number, fields in reader.fields.items():
        data = fields.get(_DECODED_DATA)
        if data is not None and data.size >= 8:
            return Layout(
                number,
                data,
                tuple(fields[one] for one in _SYMBOLOGY if one in fields),
                fields.get(_BYTE_COUNT),
                fields.get(_CONTINUED),
            )
    return None


def _items(descriptor: bytes) -> Iterator[tuple[int, int]]:
    """Each item's kind and value; what is cut off at the end is left out."""
    at = 0
    while at < len(descriptor):
        prefix = descriptor[at]
        if prefix == _LONG:
            at += 3 + (descriptor[at + 1] if at + 1 < len(descriptor) else 0)
            continue
        size = (0, 1, 2, 4)[prefix & 3]
        value = descriptor[at + 1 : at + 1 + size]
        if len(value) == size:
            yield prefix & 0xFC, int.from_bytes(value, "little")
        at += 1 + size


@dataclass(slots=True)
class _State:
    """The globals that Push keeps and Pop brings back."""

    page: int = 0
    size: int = 0
    count: int = 0
    number: int | None = None


@dataclass(slots=True)
class _Reader:
    """Follows a report descriptor and notes where the usages of its input reports lie."""

    fields: dict[int | None, dict[tuple[int, int], Field]] = field(default_factory=dict)
    _now: _State = field(default_factory=_State)
    _kept: list[_State] = field(default_factory=list)
    _usages: list[tuple[int, int]] = field(default_factory=list)
    _minimum: int = 0
    _ends: dict[int | None, int] = field(default_factory=dict)

    def take(self, tag: int, value: int) -> bool:
        """Take an item; False if it cannot be meant."""
        now = self._now
        if tag == _USAGE_PAGE:
            now.page = value
        elif tag == _REPORT_SIZE:
            now.size = value
        elif tag == _REPORT_COUNT:
            now.count = value
        elif tag == _REPORT_ID:
            now.number = value & 0xFF
        elif tag == _PUSH and len(self._kept) < _DEEPEST:
            self._kept.append(_State(now.page, now.size, now.count, now.number))
        elif tag == _POP and self._kept:
            self._now = self._kept.pop()
        elif tag == _USAGE:
            self._name(value)
        elif tag == _USAGE_MINIMUM:
            self._minimum = value
        elif tag == _USAGE_MAXIMUM:
            for usage in range(self._minimum, min(value + 1, self._minimum + _MOST_USAGES)):
                self._name(usage)
        elif tag in (_INPUT, _OUTPUT, _FEATURE, _COLLECTION, _END):
            placed = tag != _INPUT or self._place(constant=bool(value & _CONSTANT))
            self._usages.clear()
            return placed
        return True

    def _name(self, usage: int) -> None:
        if len(self._usages) < _MOST_USAGES:
            # A usage of four bytes brings its page.
            self._usages.append((usage >> 16 or self._now.page, usage & 0xFFFF))

    def _place(self, *, constant: bool) -> bool:
        now = self._now
        start = self._ends.get(now.number, 0 if now.number is None else 8)
        end = start + now.size * now.count
        if end > _LONGEST_BITS:
            return False
        self._ends[now.number] = end
        fields = self.fields.setdefault(now.number, {})
        for nth, usage in enumerate([] if constant else self._usages[: now.count]):
            # The last usage stands for all fields that are left: a buffer of bytes is one usage.
            last = nth == min(len(self._usages), now.count) - 1
            at = start + nth * now.size
            fields.setdefault(usage, Field(at, end - at if last else now.size))
        return True
