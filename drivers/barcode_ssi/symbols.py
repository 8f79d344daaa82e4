"""SSI's bar code types → AIM symbology identifiers (ISO/IEC 15424), for scanners that do not send these themselves.

The modifier says what is sure by the type alone, usually 0. Types that are not here, or whose identifier depends on
more than the type (composites of EAN and UPC), have none.
"""

from typing import Final

AIM: Final = {
    0x01: "]A0",  # Code 39
    0x02: "]F0",  # Codabar
    0x03: "]C0",  # Code 128
    0x04: "]S0",  # Discrete 2 of 5
    0x05: "]S0",  # IATA 2 of 5
    0x06: "]I0",  # Interleaved 2 of 5
    0x07: "]G0",  # Code 93
    0x08: "]E0",  # UPC-A
    0x09: "]E0",  # UPC-E
    0x0A: "]E4",  # EAN-8
    0x0B: "]E0",  # EAN-13
    0x0C: "]H0",  # Code 11
    0x0E: "]M0",  # MSI
    0x0F: "]C1",  # GS1-128
    0x10: "]E0",  # UPC-E1
    0x11: "]L0",  # PDF417
    0x13: "]A4",  # Code 39, full ASCII
    0x15: "]X0",  # Trioptic Code 39
    0x16: "]X0",  # Bookland EAN
    0x18: "]F0",  # NW7, another name of Codabar
    0x1B: "]d1",  # Data Matrix
    0x1C: "]Q1",  # QR Code
    0x20: "]A0",  # Code 32
    0x25: "]U0",  # MaxiCode
    0x2C: "]Q1",  # Micro QR Code
    0x2D: "]z0",  # Aztec
    0x30: "]e0",  # GS1 DataBar
    0x31: "]e0",  # GS1 DataBar Limited
    0x32: "]e0",  # GS1 DataBar Expanded
    0x36: "]X0",  # ISSN
    0x39: "]X0",  # Matrix 2 of 5
    0x48: "]E3",  # UPC-A with two more digits
    0x49: "]E0",  # UPC-E with two more digits
    0x4A: "]E4",  # EAN-8 with two more digits
    0x4B: "]E3",  # EAN-13 with two more digits
    0x50: "]E0",  # UPC-E1 with two more digits
    0x51: "]e0",  # composite: GS1-128 with CC-A
    0x54: "]e0",  # composite: GS1 DataBar Expanded with CC-A
    0x55: "]e0",  # composite: GS1 DataBar Limited with CC-A
    0x56: "]e0",  # composite: GS1 DataBar with CC-A
    0x59: "]e0",  # composite: GS1-128 with CC-C
    0x61: "]e0",  # composite: GS1-128 with CC-B
    0x64: "]e0",  # composite: GS1 DataBar Expanded with CC-B
    0x65: "]e0",  # composite: GS1 DataBar Limited with CC-B
    0x66: "]e0",  # composite: GS1 DataBar with CC-B
    0x72: "]X0",  # Chinese 2 of 5
    0x73: "]X0",  # Korean 3 of 5
    0x88: "]E3",  # UPC-A with five more digits
    0x89: "]E0",  # UPC-E with five more digits
    0x8A: "]E4",  # EAN-8 with five more digits
    0x8B: "]E3",  # EAN-13 with five more digits
    0x90: "]E0",  # UPC-E1 with five more digits
    0xB7: "]h0",  # Han Xin
    0xC1: "]d2",  # GS1 DataMatrix
    0xC2: "]Q3",  # GS1 QR Code
    0xC4: "]J0",  # DotCode
}

#: Codes that set up the scanner: FNC3 in Code 128, and parameters in PDF417 and Data Matrix.
PROGRAMMING: Final = frozenset((0x33, 0x70, 0x74))

_UPC_A_WITH_MORE: Final = frozenset((0x48, 0x88))
_EIGHT_WITH_MORE: Final = frozenset((0x49, 0x4A, 0x50, 0x89, 0x8A, 0x90))


def as_aim_has_it(kind: int, decoded: bytes) -> bytes:
    """The decoded bytes as the type's AIM identifier promises them.

    ]E3 is thirteen digits and the add-on's; the add-on of eight digits is a symbol of its own, and left out here.
    """
    if kind in _UPC_A_WITH_MORE:
        return b"0" + decoded
    return decoded[:8] if kind in _EIGHT_WITH_MORE else decoded
