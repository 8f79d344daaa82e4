"""What the store sells: SKUs with their GTINs and names, as values."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from agent.core import gtin


@dataclass(frozen=True, slots=True)
class Sku:
    """One stock-keeping unit. `gtins` are GTIN-14; `tagged` says that every unit carries an RFID tag."""

    sku: str
    gtins: tuple[str, ...]
    name_en: str
    name_zh: str
    tagged: bool


class Catalogue:
    """All SKUs, found by SKU or GTIN. Never changed: a new list is a new catalogue."""

    def __init__(self, skus: Iterable[Sku]) -> None:
        by_sku = {sku.sku: sku for sku in skus}
        self.skus: Mapping[str, Sku] = MappingProxyType(by_sku)
        self._by_gtin = {code: sku for sku in by_sku.values() for code in sku.gtins}

    def by_gtin(self, code: str) -> Sku | None:
        """The SKU that carries this GTIN, given in any of its lengths."""
        full = gtin.to_14(code)
        return self._by_gtin.get(full) if full else None


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line of a catalogue file that cannot be used, with what to do about it."""

    line: int
    problem: str


_LONGEST_SKU = 64
_LONGEST_NAME = 200
_COLUMNS = ("sku", "gtin", "name_en", "name_zh", "tagged")


def from_rows(rows: Iterable[tuple[int, Mapping[str, str]]]) -> Catalogue | list[BadLine]:
    """The catalogue in the rows of a file (line number, column → text), or every line that cannot be right.

    Columns: sku, gtin, name_en, name_zh, tagged (yes or no). A SKU with several GTINs stands on several lines.
    """
    found: dict[str, Sku] = {}
    owner: dict[str, str] = {}
    bad: list[BadLine] = []
    for line, row in rows:
        problem = _add(row, found, owner)
        if problem:
            bad.append(BadLine(line, problem))
    return bad or Catalogue(found.values())


def _add(row: Mapping[str, str], found: dict[str, Sku], owner: dict[str, str]) -> str | None:
    """Take one row in; the problem if it cannot be."""
    absent = [column for column in _COLUMNS if row.get(column) is None]
    if absent:
        return f"no value for {', '.join(absent)}: the columns are {', '.join(_COLUMNS)}"
    sku, code = row["sku"].strip(), gtin.to_14(row["gtin"].strip())
    if not sku or len(sku) > _LONGEST_SKU or not sku.isprintable():
        return f"sku {sku!r} is not 1 to {_LONGEST_SKU} printable characters"
    if code is None:
        return f"gtin {row['gtin']!r} is no GTIN: 8, 12, 13 or 14 digits with a right check digit"
    if row["tagged"] not in ("yes", "no"):
        return f"tagged {row['tagged']!r} is neither yes nor no"
    if len(row["name_en"]) > _LONGEST_NAME or len(row["name_zh"]) > _LONGEST_NAME:
        return f"a name is longer than {_LONGEST_NAME} characters"
    if owner.setdefault(code, sku) != sku:
        return f"gtin {code} belongs to sku {owner[code]} already"
    gtins = found[sku].gtins if sku in found else ()
    item = Sku(sku, gtins if code in gtins else (*gtins, code), row["name_en"], row["name_zh"], row["tagged"] == "yes")
    if sku in found and (found[sku].name_en, found[sku].name_zh, found[sku].tagged) != (
        item.name_en,
        item.name_zh,
        item.tagged,
    ):
        return f"sku {sku} stands on an earlier line with another name or tagged"
    found[sku] = item
    return None
