"""What a scan on the handheld is: the article that is wanted, another one, or nothing this store knows."""

from dataclasses import dataclass
from datetime import UTC, datetime

from agent.core import barcodes, epc
from agent.core.catalogue import Catalogue, Sku
from agent.core.instore import InStore

#: Digits of the shortest EPC that is taken for one: 96 bits.
_EPC_DIGITS = 24


@dataclass(frozen=True, slots=True)
class Article:
    """A SKU of the catalogue, and what the code says of this unit: grams, its tag, when it expires (YYMMDD)."""

    sku: Sku
    grams: int | None = None
    tag: bytes | None = None
    expires: str = ""


def read(text: str, aim: str | None, catalogue: Catalogue, rules: InStore) -> Article | str:
    """What was scanned; in words why it is no article of this store."""
    product = barcodes.read(text, aim, rules)
    tag = tag_of(text) if isinstance(product, barcodes.NoProduct) else None  # a GTIN and a day have as many digits
    if tag is not None:
        named = epc.decode(tag)
        if isinstance(named, epc.NotAnItem):
            return f"the tag names no article: {named.why}"
        if isinstance(named, epc.NotStock):
            return f"the tag names {named.name}"
        sku = catalogue.by_gtin(named.gtin)
        return f"GTIN {named.gtin} is not in the catalogue" if sku is None else Article(sku, tag=tag)
    if isinstance(product, barcodes.NoProduct):
        return product.why
    found = [sku for code in (product.gtin, product.or_gtin) if code and (sku := catalogue.by_gtin(code))]
    if not found:
        return f"GTIN {product.gtin} is not in the catalogue"
    return Article(found[0], product.grams, expires=product.expires)


def problem(wanted: Sku, text: str, aim: str | None, catalogue: Catalogue, rules: InStore, at: int) -> Article | str:
    """The article, if it is what is wanted and may be sold at unix ms `at`; else in words what is wrong with it."""
    found = read(text, aim, catalogue, rules)
    if isinstance(found, str):
        return f"{found}; wanted is {named(wanted)}"
    if found.sku is not wanted:
        return f"this is {named(found.sku)}, wanted is {named(wanted)}"
    if expired(found.expires, at):
        return f"it expired on {found.expires} (YYMMDD): report it as expired"
    return found


def expired(yymmdd: str, at: int) -> bool:
    """Was its day over everywhere at unix ms `at`? Day 00 is the month's last; a day that cannot be says nothing."""
    if len(yymmdd) != 6 or not yymmdd.isdigit():
        return False
    last = yymmdd[:4] + "31" if yymmdd[4:] == "00" else yymmdd
    return last < datetime.fromtimestamp(at / 1000, UTC).strftime("%y%m%d")


def named(sku: Sku) -> str:
    """An article as people know it."""
    return f"{sku.name_en or sku.name_zh} ({sku.sku})"


def tag_of(text: str) -> bytes | None:
    """The text as an EPC, if it is one in hex: digits alone are a barcode's, unless they are too many."""
    if len(text) < _EPC_DIGITS or len(text) % 4 or len(text) > 2 * epc.LONGEST_EPC:
        return None
    try:
        return bytes.fromhex(text)
    except ValueError:
        return None
