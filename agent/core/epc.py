"""What a tag's EPC says (GS1 EPC Tag Data Standard 2.3, chapter 14): a unit of an article, or what is no stock.

The schemes of TDS 1 begin with a partition, which says how long the company's prefix is; those of TDS 2 (`+`, and `++`
with a host name after it) hold the number as it is printed, check digit included. What follows in the memory after the
number (`+AIDC` data, a host name) is of no interest to the books.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from agent.core.epc_bits import BadBits, Bits
from agent.core.gtin import check_digit

#: The longest EPC that a Gen2 tag's PC can announce: 31 words.
LONGEST_EPC = 62
#: Tags whose meaning is remembered: more than a large store's strangers, in at most 30 MB.
_REMEMBERED = 65_536

#: What a tag names that is no stock: GRAI a crate, GIAI an asset, SGLN a place, SSCC a load (pallet or carton).
Kind = Literal["crate", "asset", "place", "load"]


class Date(NamedTuple):
    """A date: the GS1 application identifier that says which (17: expiry), and YYMMDD (day 00: the month's last)."""

    ai: str
    yymmdd: str


@dataclass(frozen=True, slots=True)
class Item:
    """One tagged unit: GTIN-14 and serial number, as text because it may hold letters and leading zeros."""

    gtin: str
    serial: str
    date: Date | None = None


@dataclass(frozen=True, slots=True)
class NotStock:
    """Something that is known and never counted: `code` is its GS1 number, `serial` which one, or empty."""

    kind: Kind
    code: str
    serial: str = ""

    @property
    def name(self) -> str:
        """What people call it: `crate 9521141123454/5678`."""
        return f"{self.kind} {self.code}{'/' if self.serial else ''}{self.serial}"


@dataclass(frozen=True, slots=True)
class NotAnItem:
    """The EPC names nothing that a store could know; `why` in words for a person."""

    why: str


class _Partition(NamedTuple):
    """How a scheme of TDS 1 splits company prefix and reference: bits and digits by partition value 0 to 6."""

    prefix: tuple[int, ...]
    reference: tuple[int, ...]
    digits: tuple[int, ...]


_PREFIX = (40, 37, 34, 30, 27, 24, 20)
_OF_ITEM = _Partition(_PREFIX, (4, 7, 10, 14, 17, 20, 24), (1, 2, 3, 4, 5, 6, 7))
_OF_LOAD = _Partition(_PREFIX, (18, 21, 24, 28, 31, 34, 38), (5, 6, 7, 8, 9, 10, 11))
_OF_PLACE = _Partition(_PREFIX, (1, 4, 7, 11, 14, 17, 21), (0, 1, 2, 3, 4, 5, 6))
_OF_CRATE = _Partition(_PREFIX, _OF_ITEM.reference, (0, 1, 2, 3, 4, 5, 6))
_LONGEST_SERIAL = 20
_LONGEST_GIAI = 30
_LONGEST_OF_CRATE = 16

_DATES: Final = ("11", "13", "15", "16", "17", "7006", "7007")


def _split(bits: Bits, partition: _Partition) -> tuple[str, str]:
    """Company prefix and reference, after the filter."""
    at = _partition(bits)
    prefix = bits.decimal(partition.prefix[at], 12 - at)
    return prefix, bits.decimal(partition.reference[at], partition.digits[at])


def _partition(bits: Bits) -> int:
    bits.take(3)  # the filter
    value = bits.take(3)
    if value >= len(_PREFIX):
        raise BadBits(f"has a partition that is not defined ({value})")
    return value


def _with_check(digits: str) -> str:
    return digits + str(check_digit(digits))


def _checked(digits: str) -> str:
    if check_digit(digits[:-1]) != int(digits[-1]):
        raise BadBits(f"holds {digits}, whose check digit is wrong")
    return digits


# TDS 1


def _item(bits: Bits, serial_bits: int) -> Item:
    prefix, item = _split(bits, _OF_ITEM)
    serial = str(bits.take(38)) if serial_bits == 38 else bits.padded_text(serial_bits, _LONGEST_SERIAL)
    return Item(_with_check(item[0] + prefix + item[1:]), serial)


def _load(bits: Bits) -> NotStock:
    prefix, serial = _split(bits, _OF_LOAD)
    return NotStock("load", _with_check(serial[0] + prefix + serial[1:]))


def _place(bits: Bits, extension_bits: int) -> NotStock:
    code = _with_check("".join(_split(bits, _OF_PLACE)))
    extension = str(bits.take(41)) if extension_bits == 41 else bits.padded_text(extension_bits, _LONGEST_SERIAL)
    return NotStock("place", code, "" if extension == "0" else extension)


def _crate(bits: Bits, serial_bits: int) -> NotStock:
    code = _with_check("".join(_split(bits, _OF_CRATE)))
    return NotStock(
        "crate", code, str(bits.take(38)) if serial_bits == 38 else bits.padded_text(serial_bits, _LONGEST_OF_CRATE)
    )


def _asset(bits: Bits, size: int) -> NotStock:
    at = _partition(bits)
    prefix, left = bits.decimal(_PREFIX[at], 12 - at), size - 14 - _PREFIX[at]
    reference = str(bits.take(left)) if size == 96 else bits.padded_text(left, _LONGEST_GIAI - len(prefix))
    return NotStock("asset", prefix + reference)


# TDS 2: a bit that says whether more data follows, the filter, then the numbers as printed


def _item_plus(bits: Bits) -> Item:
    bits.take(4)
    return Item(_checked(bits.nibbles(14)), bits.text(_LONGEST_SERIAL))


def _dated_item_plus(bits: Bits) -> Item:
    bits.take(4)
    which = bits.take(4)
    if which >= len(_DATES):
        raise BadBits(f"holds a kind of date that is not defined ({which})")
    date = Date(_DATES[which], bits.date())
    return Item(_checked(bits.nibbles(14)), bits.text(_LONGEST_SERIAL), date)


def _load_plus(bits: Bits) -> NotStock:
    bits.take(4)
    return NotStock("load", _checked(bits.nibbles(18)))


def _place_plus(bits: Bits) -> NotStock:
    bits.take(4)
    code, extension = _checked(bits.nibbles(13)), bits.text(_LONGEST_SERIAL)
    return NotStock("place", code, "" if extension == "0" else extension)


def _crate_plus(bits: Bits) -> NotStock:
    bits.take(4)
    digits = bits.nibbles(14)
    if digits[0] != "0":
        raise BadBits("holds a GRAI that does not begin with 0")
    return NotStock("crate", _checked(digits[1:]), bits.text(_LONGEST_OF_CRATE))


def _asset_plus(bits: Bits) -> NotStock:
    bits.take(4)
    code = bits.digits_then_text(_LONGEST_GIAI)
    if len(code) < 5:
        raise BadBits(f"holds {code!r}, which is too short for a GIAI")
    return NotStock("asset", code)


class _Scheme(NamedTuple):
    """`size` in bits of what the whole memory must be, 0: as long as it says itself."""

    name: str
    size: int
    read: Callable[[Bits], Item | NotStock]


_SCHEMES: Final[Mapping[int, _Scheme]] = MappingProxyType(
    {
        0x30: _Scheme("SGTIN-96", 96, partial(_item, serial_bits=38)),
        0x36: _Scheme("SGTIN-198", 198, partial(_item, serial_bits=140)),
        0x31: _Scheme("SSCC-96", 96, _load),
        0x32: _Scheme("SGLN-96", 96, partial(_place, extension_bits=41)),
        0x39: _Scheme("SGLN-195", 195, partial(_place, extension_bits=140)),
        0x33: _Scheme("GRAI-96", 96, partial(_crate, serial_bits=38)),
        0x37: _Scheme("GRAI-170", 170, partial(_crate, serial_bits=112)),
        0x34: _Scheme("GIAI-96", 96, partial(_asset, size=96)),
        0x38: _Scheme("GIAI-202", 202, partial(_asset, size=202)),
        0xF7: _Scheme("SGTIN+", 0, _item_plus),
        0xFB: _Scheme("DSGTIN+", 0, _dated_item_plus),
        0xF9: _Scheme("SSCC+", 0, _load_plus),
        0xF2: _Scheme("SGLN+", 0, _place_plus),
        0xF1: _Scheme("GRAI+", 0, _crate_plus),
        0xFA: _Scheme("GIAI+", 0, _asset_plus),
        0xFD: _Scheme("SGTIN++", 0, _item_plus),
        0xFC: _Scheme("DSGTIN++", 0, _dated_item_plus),
        0xEF: _Scheme("SSCC++", 0, _load_plus),
        0xE9: _Scheme("SGLN++", 0, _place_plus),
        0xEB: _Scheme("GRAI++", 0, _crate_plus),
        0xEE: _Scheme("GIAI++", 0, _asset_plus),
    }
)
#: Other headers (table 14-1) a person may come across; none of them names what stands in a shop.
_NO_GOODS: Final[Mapping[int, str]] = MappingProxyType(
    {
        0x2C: "a document's (GDTI-96)", 0x3E: "a document's (GDTI-174)", 0xF6: "a document's (GDTI+)",
        0x2D: "a person's (GSRN-96)", 0x2E: "a person's (GSRNP-96)", 0xF4: "a person's (GSRN+)",
        0xF5: "a person's (GSRNP+)", 0x3F: "a coupon's (SGCN-96)", 0xF8: "a coupon's (SGCN+)",
        0x3C: "a component's (CPI-96)", 0x3D: "a component's (CPI-var)", 0xF0: "a component's (CPI+)",
        0x40: "a part's of an item (ITIP-110)", 0x41: "a part's of an item (ITIP-212)",
        0xF3: "a part's of an item (ITIP+)", 0x35: "no GS1 number (GID-96)", 0x2F: "military (USDOD-96)",
        0x3B: "an aircraft part's (ADI)",
    }
)  # fmt: skip


@lru_cache(maxsize=_REMEMBERED)
def decode(epc: bytes) -> Item | NotStock | NotAnItem:
    """What an EPC names. Total: any bytes give an answer; remembered, so that a tag is decoded once."""
    if not any(epc):
        return NotAnItem("the tag is blank")
    if len(epc) > LONGEST_EPC:
        return NotAnItem(f"{len(epc) * 8} bits are more than a tag's EPC can have")
    if epc[0] in (0x00, 0xE2):
        return NotAnItem(f"the tag was never written: it says what its maker left there (header {epc[0]:02X})")
    scheme = _SCHEMES.get(epc[0])
    if scheme is None:
        return NotAnItem(f"the tag is {_NO_GOODS.get(epc[0], f'of no GS1 kind (header {epc[0]:02X})')}")
    # Readers give whole words; some give the bits that are announced, which is a byte less.
    if scheme.size and len(epc) not in (-(-scheme.size // 8), -(-scheme.size // 16) * 2):
        return NotAnItem(f"an {scheme.name} has {scheme.size} bits, and this tag says it has {len(epc) * 8}")
    bits = Bits(epc)
    bits.take(8)
    try:
        named = scheme.read(bits)
        if scheme.size:
            bits.end()
    except BadBits as bad:
        return NotAnItem(f"its {scheme.name} {bad}")
    return named


def of_iso(afi: int) -> NotAnItem:
    """What a tag is whose PC has the ISO 15961 toggle set: its memory holds no EPC, whatever it begins with."""
    return NotAnItem(f"the tag holds no EPC but an ISO 15961 number (application family {afi:02X})")
