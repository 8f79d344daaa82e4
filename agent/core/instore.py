"""Codes that a store prints itself for goods by weight or price (GS1 General Specifications 2.1.11, 2.1.12).

Such a GTIN holds an item's number and the weight, price or count of this one package, in an order that each country, or
the store alone, decides. The item is known by the GTIN with zeros where the measure stands.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from agent.core.gtin import check_digit

Measure = Literal["grams", "price", "pieces"]
#: Countries whose rules biip knows.
COUNTRIES: Final = ("dk", "ee", "fi", "de", "gb", "lv", "lt", "no", "se")

#: What GS1 leaves to countries and companies, as GTIN-14.
_OURS: Final = ("002", "004", *(f"02{digit}" for digit in range(10)))
#: Weights of the digits in front of a measure's own check digit (General Specifications 7.9.2 to 7.9.4).
_MINUS_2: Final = (0, 2, 4, 6, 8, 9, 1, 3, 5, 7)
_THREE: Final = (0, 3, 6, 9, 2, 5, 8, 1, 4, 7)
_PLUS_5: Final = (0, 5, 1, 6, 2, 7, 3, 8, 4, 9)
_MINUS_5: Final = (0, 5, 9, 4, 8, 3, 7, 2, 6, 1)


class Package(NamedTuple):
    """What an in-store code says: the item's GTIN-14, and how much: grams, minor units of money, or pieces."""

    gtin: str
    measure: Measure
    amount: int


@dataclass(frozen=True, slots=True)
class Form:
    """How the store's own codes are made: twelve characters of an EAN-13, its check digit left out.

    `pattern`: digits stand for themselves, I is the item, V the measure, C the measure's check digit, and X is not
    looked at. `means` says what V is, in units of `step`.
    """

    pattern: str
    means: Measure
    step: int = 1

    def read(self, ean: str) -> Package | str | None:
        """What the 13 digits say; in words why they cannot; None when they are not of this form."""
        if any(sign.isdigit() and sign != digit for sign, digit in zip(self.pattern, ean[:-1], strict=True)):
            return None
        value = self._part(ean, "V")
        check = self._part(ean, "C")
        if check and int(check) != measure_check_digit(value):
            return f"the check digit of its {self.means} is wrong: scan it again, or print it anew"
        zeroed = "".join("0" if sign in "VX" else digit for sign, digit in zip(self.pattern, ean[:-1], strict=True))
        if check:
            at = self.pattern.index("C")
            zeroed = f"{zeroed[:at]}{measure_check_digit('0' * len(value))}{zeroed[at + 1 :]}"
        return Package(f"0{zeroed}{check_digit(zeroed)}", self.means, int(value) * self.step)

    def _part(self, ean: str, of: str) -> str:
        return "".join(digit for sign, digit in zip(self.pattern, ean[:-1], strict=True) if sign == of)


@dataclass(frozen=True, slots=True)
class InStore:
    """What the store's own codes mean: its own forms first, then the rules of its country, if it names one."""

    country: str = ""
    forms: tuple[Form, ...] = ()


NOTHING: Final = InStore()


def is_ours(code: str) -> bool:
    """Is a GTIN-14 one that means something only in this country or company?"""
    return code.startswith(_OURS) or (code.startswith("000000") and code[6] in "02")


def form_problem(pattern: str) -> str:
    """What is wrong with a form's pattern; empty when nothing is."""
    if len(pattern) != 12 or set(pattern) - set("0123456789IVCX"):
        return "is not twelve of 0-9 I V C X: an EAN-13 without its check digit"
    if not pattern.startswith(("02", "04", "2")):
        return "does not begin with 02, 04 or 20 to 29, as codes of a store do"
    for sign, most in (("I", 9), ("V", 6), ("C", 1)):
        if pattern.count(sign) > most or (sign in pattern and sign * pattern.count(sign) not in pattern):
            return f"has its {sign} not together, or more than {most}"
    if not pattern.count("I") or not pattern.count("V"):
        return "needs I (the item) and V (the measure)"
    return "checks a measure of other than 4 or 5 digits" if "C" in pattern and pattern.count("V") not in (4, 5) else ""


def measure_check_digit(value: str) -> int:
    """The check digit of a measure of four or five digits."""
    one, two, three, four, *five = map(int, value)
    if five:
        total = _PLUS_5[one] + _MINUS_2[two] + _MINUS_5[three] + _PLUS_5[four] + _MINUS_2[five[0]]
        return _MINUS_5.index(-total % 10)
    return (_MINUS_2[one] + _MINUS_2[two] + _THREE[three] + _MINUS_5[four]) * 3 % 10


def read(code: str, rules: InStore) -> Package | str | None:
    """What a GTIN-14 says that may be the store's own; in words why it cannot be read; None when it is a plain GTIN."""
    if not code.startswith(_OURS):
        return None
    for form in rules.forms:
        found = form.read(code[1:])
        if found is not None:
            return found
    return _by_country(code[1:], rules.country) if rules.country else None


@lru_cache(maxsize=1024)
def _by_country(ean: str, country: str) -> Package | str | None:
    from biip import EncodeError, ParseConfig, ParseError  # with its tables 17 MB: only where there are such codes
    from biip.gtin import Gtin
    from biip.rcn import Rcn

    try:
        found = Gtin.parse(ean, config=ParseConfig(rcn_region=country))
        if not isinstance(found, Rcn):
            return None
        item = found.without_variable_measure().as_gtin_14()
    except (ParseError, EncodeError) as error:
        return f"the rules of {country} do not fit: {error}"
    amounts: Mapping[Measure, int | None] = MappingProxyType(
        {
            "grams": None if found.weight is None else int(found.weight * 1000),
            "price": None if found.price is None else int(found.price * 100),
            "pieces": found.count,
        }
    )
    for measure, amount in amounts.items():
        if amount is not None:
            return Package(item, measure, amount)
    return None
