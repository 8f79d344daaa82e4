"""The ways in which a tag's memory holds digits and text (GS1 EPC Tag Data Standard 2.3, 14.3 to 14.5)."""

import string
from typing import Final

#: What a GS1 key or serial may be written with (GS1 General Specifications, figure 7.11-1).
_INVARIANT: Final = frozenset(string.ascii_letters + string.digits + "!\"%&'()*+,-./:;<=>?_")
_UPPER_HEX: Final = "0123456789ABCDEF"
_BASE_64: Final = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
#: URN Code 40 (table 14-8); what stands at 0 is padding.
_CODE_40: Final = "\0" + string.ascii_uppercase + "-.:" + string.digits

_DELIMITER, _TERMINATOR = 0b1110, 0b1111
_DAYS_OF: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class BadBits(Exception):
    """What stands in the tag's memory is no value of its kind; says why, as the end of a sentence about the tag."""


class Bits:
    """A tag's EPC memory, read from its beginning. Every reading raises `BadBits`."""

    __slots__ = ("_left", "_value")

    def __init__(self, memory: bytes) -> None:
        self._value = int.from_bytes(memory, "big")
        self._left = len(memory) * 8

    def take(self, size: int) -> int:
        """The next `size` bits as a number."""
        if size > self._left:
            raise BadBits("is cut short")
        self._left -= size
        return self._value >> self._left & (1 << size) - 1

    def end(self) -> None:
        """Nothing but zeros may be left."""
        if self.take(self._left):
            raise BadBits("goes on after its end")

    def decimal(self, size: int, digits: int) -> str:
        """`digits` decimal digits as one binary number of `size` bits (14.3.1)."""
        number = self.take(size)
        if number >= 10**digits:
            raise BadBits("holds a number too large for its digits")
        return f"{number:0{digits}d}" if digits else ""

    def nibbles(self, digits: int) -> str:
        """A digit in each four bits (14.5.4)."""
        text = f"{self.take(4 * digits):0{digits}X}"
        if not text.isdecimal():
            raise BadBits("holds four bits that are no digit")
        return text

    def padded_text(self, size: int, most: int) -> str:
        """Seven-bit characters, ended by zeros (14.3.4); at least one and at most `most`."""
        codes, rest = divmod(self.take(size), 1 << size % 7)
        if rest:
            raise BadBits("goes on after its end")
        text = "".join(chr(codes >> shift & 0x7F) for shift in range(size // 7 * 7 - 7, -1, -7)).rstrip("\0")
        if not 0 < len(text) <= most:
            raise BadBits(f"holds a text of {len(text)} characters, where 1 to {most} may be")
        return _invariant(text)

    def text(self, most: int) -> str:
        """At most `most` characters, written in the way that the first three bits say (14.5.6)."""
        way, length = self.take(3), self.take(5)
        if not 0 < length <= most:
            raise BadBits(f"says that {length} characters follow, where 1 to {most} may be")
        if way == 0:
            return self.decimal((10**length - 1).bit_length(), length)
        if way in (1, 2):
            text = "".join(_UPPER_HEX[self.take(4)] for _ in range(length))
            return text if way == 1 else text.lower()
        if way == 3:
            return "".join(_BASE_64[self.take(6)] for _ in range(length))
        if way == 4:
            return _invariant("".join(chr(self.take(7)) for _ in range(length)))
        if way == 5:
            return self._code_40(length)
        raise BadBits(f"is written in a way that is not defined ({way})")

    def digits_then_text(self, most: int) -> str:
        """Digits in four bits each; then nothing, or a text that does not begin with a digit (14.5.5)."""
        begun = ""
        while (nibble := self.take(4)) < 10:
            begun += str(nibble)
            if len(begun) > most:
                raise BadBits(f"holds more than {most} characters")
        if nibble == _TERMINATOR:
            return begun
        if nibble != _DELIMITER:
            raise BadBits("holds four bits that are no digit")
        return begun + self.text(most - len(begun))

    def date(self) -> str:
        """YYMMDD in sixteen bits; day 0 is the month's last (14.5.3)."""
        year, month, day = self.take(7), self.take(4), self.take(5)
        if year > 99 or not 1 <= month <= 12 or day > _DAYS_OF[month - 1]:
            raise BadBits("holds a date that is none")
        return f"{year:02d}{month:02d}{day:02d}"

    def _code_40(self, length: int) -> str:
        text = ""
        for _ in range(0, length, 3):
            group = self.take(16) - 1
            if not 0 <= group < 40**3:
                raise BadBits("holds letters that are none")
            text += _CODE_40[group // 1600] + _CODE_40[group // 40 % 40] + _CODE_40[group % 40]
        if "\0" in text[:length] or text[length:].strip("\0"):
            raise BadBits("holds letters that are none")
        return text[:length]


def _invariant(text: str) -> str:
    strange = next((letter for letter in text if letter not in _INVARIANT), None)
    if strange is not None:
        raise BadBits(f"holds {strange!r}, which no GS1 number may")
    return text
