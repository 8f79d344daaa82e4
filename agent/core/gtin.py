"""GTINs as 14 digits, so that GTIN-8, -12, -13 and -14 of one item compare equal (GS1 General Specifications 7.9)."""

_LENGTHS = (8, 12, 13, 14)


def check_digit(payload: str) -> int:
    """The check digit after these digits: weights 3, 1, 3 … from the right."""
    return -sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(payload))) % 10


def to_14(text: str) -> str | None:
    """`text` as a GTIN-14, or None if it is no GTIN (length, digits, check digit)."""
    if len(text) not in _LENGTHS or not (text.isascii() and text.isdigit()):
        return None
    if check_digit(text[:-1]) != int(text[-1]):
        return None
    return text.zfill(14)
