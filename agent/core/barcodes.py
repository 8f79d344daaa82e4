"""What a scanned code says: a product, perhaps with its weight, price or count. biip knows GS1; this decides.

Only what is sure is taken. An AIM identifier (ISO/IEC 15424) says which symbol was scanned and so what its text may be;
without one digits are a GTIN first, because 18.7 % of EAN-13 numbers would also parse as a GS1 element string.
"""

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from agent.core import gtin, instore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from biip.gs1_element_strings import GS1ElementString

#: The longest Digital Link that is read; GS1's own messages are shorter.
LONGEST_BARCODE = 256
#: Pieces that one code may stand for.
_MOST_PIECES = 10_000
_MOST_GRAMS = 1_000_000

_GS = "\x1d"
#: Symbols that hold GS1 element strings: GS1-128, GS1 DataBar and composites, GS1 DataMatrix, GS1 QR, GS1 DotCode.
_GS1: Final = frozenset(("]C1", "]e0", "]e1", "]e2", "]d2", "]Q3", "]J1"))
#: EAN and UPC: with nothing, with an add-on behind the 13 digits, EAN-8.
_EAN, _EAN_WITH_MORE, _EAN_8 = "]E0", "]E3", "]E4"

#: Where a text by itself may be element strings: brackets as people write them, or a GTIN's or load's number in front.
_BRACKETED = re.compile(r"\(\d{2,4}\)")
_LOOKS_GS1 = re.compile(r"(?:01\d{14}|00\d{18}|02\d{14}37)")
_LINK = re.compile(r"https?://", re.IGNORECASE)
_COMPRESSED = re.compile(r"https?://[^?#]*/[0-9A-Za-z_-]{14,}(?:[?#].*)?", re.IGNORECASE)
#: Elements of fixed length whose content shows that they are meant: dates, net weight.
_TELLING = re.compile(
    r"(?:1[1-35-7]\d\d(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])|31\d[0-5]\d{6}|01\d{14}|02\d{14})(?:\d{2,4}.*)?"
)

#: How the configuration codes of scanners begin, where a scanner hands them on instead of obeying: Code 128's FNC3,
#: Newland's and Opticon's menus, Datalogic's settings, Honeywell's commands.
_PROGRAMMING = re.compile(r"ó|@[A-Z]{3,}|\$[A-Z]{1,2},|[A-Z0-9]{6}\d{0,3}[.!]$")


@dataclass(frozen=True, slots=True)
class Product:
    """A GTIN-14 and what else is sure. `or_gtin`: the digits may as well be this one (EAN-8 or UPC-E).

    `grams`, `pieces` and `price` (in minor units of money) are of this one package, None: it does not say. `doubt`, in
    words, is why the rest of the code was left out; of `lot` and `expires` (YYMMDD) only what is sure is there.
    """

    gtin: str
    or_gtin: str = ""
    grams: int | None = None
    pieces: int | None = None
    price: int | None = None
    lot: str = ""
    expires: str = ""
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class NoProduct:
    """The code names no product; `why` in words for a person."""

    why: str


@lru_cache(maxsize=4096)
def read(text: str, aim: str | None = None, rules: instore.InStore = instore.NOTHING) -> Product | NoProduct:
    """What a scan says. Total: any text gives an answer."""
    text = text.strip(" ").replace("␝", _GS)  # U+241D: the separator as some scanners show it
    if len(text) > LONGEST_BARCODE:
        return NoProduct(f"it is longer than {LONGEST_BARCODE} characters")
    if text.startswith("ñ") and aim is None:  # FNC1 in front, as Code 128 readers show it that know no AIM
        text, aim = text[1:], "]C1"
    if _PROGRAMMING.match(text):
        return NoProduct("it is a code that sets up a scanner, and no product's")
    if not text.replace(_GS, "").isprintable():
        return NoProduct("it holds control characters: the scanner's settings or its cable are wrong")
    said = _by_symbol(text, aim)
    return _measured(said, rules) if isinstance(said, Product) else said


def shown(text: str) -> str:
    """A code as people may see it: what cannot be printed is escaped, separators are shown."""
    shorter = text[:LONGEST_BARCODE].replace(_GS, "␝")
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in shorter)


def _by_symbol(text: str, aim: str | None) -> Product | NoProduct:
    if aim in _GS1:
        return _link(text) if _LINK.match(text) else _elements(text)
    if aim == _EAN_WITH_MORE:
        text = text[:13]
    plain = _gtin(text, aim)
    if plain is not None or (aim is not None and aim[1:2] == "E"):
        return plain or NoProduct("its digits are misread: the check digit is wrong")
    if _LINK.match(text):
        return _link(text)
    if aim is None and (_BRACKETED.match(text) or _LOOKS_GS1.match(text) or _GS in text):
        return _elements(text)
    return NoProduct(_no_gtin(text))


def _gtin(text: str, aim: str | None) -> Product | None:
    """The digits as a GTIN of any length, or as UPC-E, which is expanded."""
    plain = gtin.to_14(text)
    expanded = None if len(text) != 8 or aim == _EAN_8 else _upc_e(text)
    if aim == _EAN and expanded is not None:
        return Product(expanded)
    if plain is None:
        return None if expanded is None else Product(expanded)
    return Product(plain, expanded or "")


def _upc_e(text: str) -> str | None:
    """The GTIN-14 of UPC-E's eight digits (General Specifications 5.2.1.4), or None."""
    if not (text.isascii() and text.isdigit()) or text[0] not in "01":
        return None
    one, two, three, four, five, last = tuple(text[1:7])
    if last in "012":
        body = f"{one}{two}{last}0000{three}{four}{five}"
    elif last == "3":
        body = f"{one}{two}{three}00000{four}{five}"
    elif last == "4":
        body = f"{one}{two}{three}{four}00000{five}"
    else:
        body = f"{one}{two}{three}{four}{five}0000{last}"
    return gtin.to_14(text[0] + body + text[7])


def _no_gtin(text: str) -> str:
    if text.isdigit() and len(text) in (8, 12, 13, 14):
        return "its digits are misread: the check digit is wrong"
    return "holds no GTIN"


def _link(text: str) -> Product | NoProduct:
    """A GS1 Digital Link as it is printed in full."""
    from biip import ParseError  # only now: its tables take 17 MB and 0.1 s, and most scans are a GTIN alone
    from biip.gs1_digital_link_uris import GS1DigitalLinkURI

    try:
        found = GS1DigitalLinkURI.parse(text).element_strings
    except (ParseError, ValueError, IndexError, KeyError):
        if _COMPRESSED.fullmatch(text):
            return NoProduct("it is a web address with no GTIN in plain; compressed GS1 Digital Links are not read")
        return NoProduct("it is a web address that names no product")
    return _of_elements(found)


def _elements(text: str) -> Product | NoProduct:
    """GS1 element strings, one after the other or in brackets."""
    from biip import ParseError
    from biip.gs1_messages import GS1Message

    try:
        if _BRACKETED.match(text):
            return _of_elements(GS1Message.parse_hri(text).element_strings)
        found = GS1Message.parse(text.lstrip(_GS)).element_strings
    except (ParseError, ValueError, IndexError):
        return _front_of(text) or NoProduct("it is no GS1 code, or is misread")
    free = next((nth for nth, one in enumerate(found) if one.ai.separator_required), None)
    if free is None or _GS in text.strip(_GS) or (free == len(found) - 1 and not _hides_more(found[free].value)):
        return _of_elements(found)
    said = _of_elements(found[:free])  # it has no separators, and needs one there
    if isinstance(said, NoProduct):
        return said
    return replace(said, doubt=f"from its ({found[free].ai.ai}) on it runs together: have the scanner send GS for FNC1")


def _front_of(text: str) -> Product | None:
    """The GTIN in front of what cannot be read, if its check digit says that it is one."""
    code = gtin.to_14(text[2:16]) if text.startswith("01") else None
    return None if code is None else Product(code, doubt="what follows its GTIN cannot be read")


def _hides_more(value: str) -> bool:
    """Does the end of a text of free length look like elements of its own, so that their separator was lost?"""
    return any(_TELLING.fullmatch(value, at) for at in range(1, len(value)))


def _of_elements(found: "Sequence[GS1ElementString]") -> Product | NoProduct:
    said = {one.ai.ai: one.value for one in found}
    if len(said) < len(found) and any(said[one.ai.ai] != one.value for one in found):
        return NoProduct("it says two things of one kind")
    if "01" not in said:
        load = "00" in said or "02" in said
        return NoProduct("it is a load's label: scan the goods in it" if load else "it names no GTIN")
    code = gtin.to_14(said["01"])
    if code is None:
        return NoProduct("its GTIN is misread: the check digit is wrong")
    pieces = said.get("30")
    return Product(
        code,
        grams=_grams(said),
        pieces=int(pieces) if pieces is not None and pieces.isdigit() else None,
        lot=said.get("10", ""),
        expires=said.get("17", ""),
    )


def _grams(said: dict[str, str]) -> int | None:
    """The net weight (310n, kilograms; 320n, pounds; n decimals) in grams."""
    for ai, value in said.items():
        if len(ai) == 4 and ai[:3] in ("310", "320") and value.isdigit():
            amount = Decimal(value).scaleb(-int(ai[3]))
            return round(amount * (1000 if ai[:3] == "310" else Decimal("453.59237")))
    return None


def _measured(said: Product, rules: instore.InStore) -> Product | NoProduct:
    """With what the store's own code in it says; refused when a measure cannot be."""
    package = instore.read(said.gtin, rules)
    if isinstance(package, str):
        return NoProduct(package)
    if package is not None:
        said = Product(
            package.gtin,
            grams=package.amount if package.measure == "grams" else None,
            pieces=package.amount if package.measure == "pieces" else None,
            price=package.amount if package.measure == "price" else None,
        )
    for amount, most, what in ((said.grams, _MOST_GRAMS, "weight"), (said.pieces, _MOST_PIECES, "count")):
        if amount is not None and not 0 < amount <= most:
            return NoProduct(f"its {what} is {amount}, which cannot be")
    return said
