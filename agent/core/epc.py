"""What a tag's EPC says: the item's GTIN and serial (GS1 EPC Tag Data Standard 1.x, 14.6.1: SGTIN-96 and -198)."""

from dataclasses import dataclass

from agent.core.gtin import check_digit

_SGTIN_96 = 0x30
_SGTIN_198 = 0x36
#: Partition value → digits of the company prefix and of indicator + item reference (TDS table 14-2), with their bits.
_PARTITIONS = (
    (12, 40, 1, 4),
    (11, 37, 2, 7),
    (10, 34, 3, 10),
    (9, 30, 4, 14),
    (8, 27, 5, 17),
    (7, 24, 6, 20),
    (6, 20, 7, 24),
)


@dataclass(frozen=True, slots=True)
class Item:
    """One tagged unit: GTIN-14 and serial number, as text because SGTIN-198 serials may hold letters."""

    gtin: str
    serial: str


@dataclass(frozen=True, slots=True)
class NotAnItem:
    """The EPC names no trade item; `why` in words for a person."""

    why: str


def decode(epc: bytes) -> Item | NotAnItem:
    """The item an EPC names. Total: any bytes give an answer."""
    if not epc or not any(epc):
        return NotAnItem("the tag is blank")
    if epc[0] == _SGTIN_96 and len(epc) == 12:
        return _sgtin(int.from_bytes(epc, "big"), 96, None)
    if epc[0] == _SGTIN_198 and len(epc) in (25, 26):
        return _sgtin(int.from_bytes(epc, "big") >> (len(epc) * 8 - 198), 198, 140)
    return NotAnItem(f"no SGTIN (header {epc[0]:02X}, {len(epc) * 8} bits)")


def _sgtin(bits: int, size: int, serial_bits: int | None) -> Item | NotAnItem:
    # header 8, filter 3, partition 3, then company prefix and item reference in 44 bits, then the serial
    partition = bits >> (size - 14) & 0b111
    if partition >= len(_PARTITIONS):
        return NotAnItem(f"SGTIN with partition {partition}")
    prefix_digits, prefix_bits, item_digits, item_bits = _PARTITIONS[partition]
    prefix = bits >> (size - 14 - prefix_bits) & (1 << prefix_bits) - 1
    item = bits >> (size - 58) & (1 << item_bits) - 1
    if prefix >= 10**prefix_digits or item >= 10**item_digits:
        return NotAnItem("SGTIN with a number too large for its digits")
    prefix_text, item_text = f"{prefix:0{prefix_digits}d}", f"{item:0{item_digits}d}"
    payload = item_text[0] + prefix_text + item_text[1:]
    low = bits & (1 << (size - 58)) - 1
    serial = str(low) if serial_bits is None else _seven_bit_text(low, serial_bits)
    if serial is None:
        return NotAnItem("SGTIN-198 with a serial that is no text")
    return Item(payload + str(check_digit(payload)), serial)


def _seven_bit_text(bits: int, size: int) -> str | None:
    """Seven-bit characters from the top, ended by zeros (TDS 14.4.2); None when a zero stands in between."""
    codes = [bits >> shift & 0x7F for shift in range(size - 7, -1, -7)]
    text = "".join(map(chr, codes)).rstrip("\0")
    return text if text and "\0" not in text and text.isprintable() else None
