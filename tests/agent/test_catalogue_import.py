"""Catalogue files, CSV and JSON, into the books."""

import asyncio
import csv
import io
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent import catalogue_file, catalogue_import
from agent.catalogue_file import BadCatalogueError
from agent.catalogue_import import Imported
from agent.core.catalogue import Catalogue, Eligibility, Likeness, Sku, TagCoverage, Temperature, Traits, Unit, update
from agent.core.catalogue_rows import COLUMNS, BadLine
from agent.store import catalogues, migrations
from agent.store.connection import Store
from tests.core.shop import gtin_14

HEADER = "sku,gtin,name_en,name_zh,unit,tags,safety,spots\n"
A = Sku("A", (gtin_14(1), gtin_14(2)), "Apple, red", "红苹果", Traits(safety=2, safety_of=(("web", 1),)), ("A1", "B2"))
B = Sku("B", (gtin_14(3),), "Bean", "豆", Traits("gram", tags="partial"))
CSV = (
    HEADER + f'A,{gtin_14(1)} {gtin_14(2)},"Apple, red",红苹果,,,2 web=1,A1 B2\nB,{gtin_14(3)},Bean,豆,gram,partial,,\n'
)
JSON = json.dumps(
    [
        {
            "sku": "A", "gtin": [gtin_14(1), gtin_14(2)], "name_en": "Apple, red", "name_zh": "红苹果",
            "safety": "2 web=1", "spots": ["A1", "B2"],
        },
        {
            "sku": "B", "gtin": gtin_14(3), "name_en": "Bean", "name_zh": "豆", "unit": "gram", "tags": "partial",
            "safety": 0, "min_age": None,
        },
    ],
    indent=1,
    ensure_ascii=False,
)  # fmt: skip


@pytest.fixture
def tx() -> Iterator[sqlite3.Connection]:
    """Empty books, in memory, as the writer has them."""
    books = sqlite3.connect(":memory:", isolation_level=None)
    books.execute("PRAGMA foreign_keys = 1")
    migrations.bring_up_to_date(books)
    yield books
    books.close()


def written(folder: Path, text: str, name: str = "catalogue.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_text(text, encoding=encoding)
    return path


def import_csv(
    tx: sqlite3.Connection, folder: Path, *lines: str, whole: bool = False, skip_bad: bool = False
) -> Imported:
    path = written(folder, HEADER + "".join(f"{line}\n" for line in lines))
    return catalogue_import.bring_in(tx, path, whole=whole, skip_bad=skip_bad)


@pytest.mark.parametrize(
    ("name", "text", "encoding"),
    [
        ("c.csv", CSV, "utf-8"),
        ("c.csv", CSV, "utf-8-sig"),
        ("c.CSV", CSV.replace("\n", "\r\n"), "utf-8"),
        ("c.json", JSON, "utf-8"),
        ("c.json", JSON, "utf-8-sig"),
    ],
)
def test_csv_and_json_say_the_same_and_the_books_keep_it(
    tx: sqlite3.Connection, tmp_path: Path, name: str, text: str, encoding: str
) -> None:
    imported = catalogue_import.bring_in(tx, written(tmp_path, text, name, encoding), whole=False)
    assert (imported.added, imported.changed, imported.retired, imported.deleted) == (2, 0, 0, 0)
    assert dict(imported.catalogue.skus) == {"A": A, "B": B}
    assert dict(catalogues.load(tx).skus) == {"A": A, "B": B}
    again = catalogue_import.bring_in(tx, tmp_path / name, whole=True)
    assert (again.added, again.changed, again.retired, again.deleted) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("c.csv", HEADER + "A,1,a,甲,,,,\nB,2,b,乙,,,\n", "2 bad lines\n  line 2: gtin '1'.*\n  line 3: 7 cells"),
        ("c.csv", "sku,gtin,name_en,name_zh,colour\n", "line 1: column 'colour' is not known"),
        ("c.csv", "", "line 1: no column sku, gtin"),
        (
            "c.json",
            '[\n\n {"sku": "A",\n "gtin": "1"},\n {"sku": "B", "min_age": 1.5}, 7]',
            "line 3: .*\n  line 5: .*\n  line 5: ",
        ),
        ("c.json", '[{"sku": "A", "colour": 1}]', "line 1: key 'colour' is not known"),
        ("c.json", '{"sku": "A"}', "an array of objects"),
        ("c.json", '[{"sku": "A"', "cannot be read: .* line 1"),
        ("c.json", "[] x", "something follows"),
        ("c.xml", "", "ends in .csv or .json"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_said_by_line(
    tx: sqlite3.Connection, tmp_path: Path, name: str, text: str, says: str
) -> None:
    with pytest.raises(BadCatalogueError, match=says):
        catalogue_import.bring_in(tx, written(tmp_path, text, name), whole=True)
    assert not catalogues.load(tx).skus


def test_a_file_that_is_not_utf_8_names_the_line(tx: sqlite3.Connection, tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_bytes(HEADER.encode() + "B,96385074,b,豆,,,,\n".encode("gbk"))
    with pytest.raises(BadCatalogueError, match="line 2 is not UTF-8"):
        catalogue_import.bring_in(tx, tmp_path / "c.csv", whole=True)
    with pytest.raises(BadCatalogueError, match="cannot be read: No such file"):
        catalogue_import.bring_in(tx, tmp_path / "absent.csv", whole=True)


def test_bad_lines_may_be_skipped_and_their_skus_stay_as_they_were(tx: sqlite3.Connection, tmp_path: Path) -> None:
    catalogue_import.bring_in(tx, written(tmp_path, CSV), whole=True)
    imported = import_csv(
        tx, tmp_path, f"B,{gtin_14(3)},Bean,豆,each,,,", f"C,{gtin_14(4)},c,丙,,,,", whole=True, skip_bad=True
    )
    assert [(bad.line, bad.sku) for bad in imported.skipped] == [(2, "B")]
    assert set(catalogues.load(tx).skus) == {"B", "C"}
    assert catalogues.load(tx).skus["B"] == B
    with pytest.raises(BadCatalogueError, match="line 1"):
        catalogue_import.bring_in(tx, written(tmp_path, "nonsense\n"), whole=True, skip_bad=True)


def test_a_sku_that_was_booked_is_retired_and_one_that_never_was_is_deleted(
    tx: sqlite3.Connection, tmp_path: Path
) -> None:
    catalogue_import.bring_in(tx, written(tmp_path, CSV), whole=True)
    tx.execute("INSERT INTO balance VALUES ('A', 'FLOOR', 1)")
    imported = import_csv(tx, tmp_path, f"C,{gtin_14(4)},c,丙,,,,", whole=True)
    assert (imported.added, imported.retired, imported.deleted) == (1, 1, 1)
    assert {name: sku.retired for name, sku in catalogues.load(tx).skus.items()} == {"A": True, "C": False}
    assert dict(imported.catalogue.skus) == dict(catalogues.load(tx).skus)
    with pytest.raises(sqlite3.IntegrityError, match="never deleted"):
        tx.execute("DELETE FROM sku WHERE sku = 'A'")


def test_the_unit_is_for_life_in_the_file_and_in_the_database(tx: sqlite3.Connection, tmp_path: Path) -> None:
    catalogue_import.bring_in(tx, written(tmp_path, CSV), whole=True)
    with pytest.raises(BadCatalogueError, match="line 2: sku B is counted by gram for life"):
        import_csv(tx, tmp_path, f"B,{gtin_14(3)},Bean,豆,each,,,")
    with pytest.raises(sqlite3.IntegrityError, match="one unit for life"):
        tx.execute("UPDATE sku SET unit = 'each' WHERE sku = 'B'")


def test_two_skus_may_exchange_their_gtins(tx: sqlite3.Connection, tmp_path: Path) -> None:
    import_csv(tx, tmp_path, f"X,{gtin_14(7)},x,,,,,", f"Y,{gtin_14(8)},y,,,,,")
    import_csv(tx, tmp_path, f"X,{gtin_14(8)},x,,,,,", f"Y,{gtin_14(7)},y,,,,,")
    found = catalogues.load(tx).by_gtin(gtin_14(7))
    assert found is not None
    assert found.sku == "Y"


def test_the_configured_file_comes_in_when_it_is_another(tx: sqlite3.Connection, tmp_path: Path) -> None:
    path = written(tmp_path, CSV)
    assert dict(catalogue_import.follow_file(tx, path).skus) == {"A": A, "B": B}
    tx.execute("UPDATE sku SET name_en = 'changed meanwhile' WHERE sku = 'A'")
    assert catalogue_import.follow_file(tx, path).skus["A"].name_en == "changed meanwhile"
    written(tmp_path, CSV + f"C,{gtin_14(9)},c,丙,,,,\n")
    assert catalogue_import.follow_file(tx, path).skus["A"] == A


def test_reading_says_how_far_it_is(tx: sqlite3.Connection, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    lines = "".join(f"S{n},{gtin_14(n)},name,名,,,,\n" for n in range(5000))
    catalogue_import.bring_in(
        tx, written(tmp_path, HEADER + lines), whole=True, progress=lambda done, of: told.append((done, of))
    )
    assert len(told) > 4
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1]
    assert all(done <= of for done, of in told)


def test_an_empty_catalogue_is_a_catalogue(tx: sqlite3.Connection, tmp_path: Path) -> None:
    assert isinstance(catalogue_import.follow_file(tx, written(tmp_path, "[]", "c.json")), Catalogue)


# Any file

texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=20)
spots = st.lists(st.from_regex(r"[A-Z][0-9]{1,3}", fullmatch=True), max_size=3, unique=True).map(tuple)
safety_of = st.dictionaries(st.sampled_from(["web", "app", "delivery"]), st.integers(0, 9), max_size=3)
traits = st.builds(
    Traits,
    unit=st.sampled_from(get_args(Unit)),
    temperature=st.sampled_from(get_args(Temperature)),
    min_age=st.integers(0, 120),
    tags=st.sampled_from(get_args(TagCoverage)),
    eligibility=st.sampled_from(get_args(Eligibility)),
    safety=st.integers(0, 99),
    safety_of=safety_of.map(lambda found: tuple(sorted(found.items()))),
)
likenesses = st.builds(
    Likeness,
    category=st.sampled_from(["", "dairy/milk", "乳品"]),
    brand=st.sampled_from(["", "Alp"]),
    size=st.sampled_from(["", "500 ml", "6x0.33l", "12"]),
    price_fen=st.integers(0, 99_999),
)
some_skus = st.lists(st.tuples(texts, texts, traits, spots, likenesses, st.integers(1, 3)), max_size=8).map(
    lambda found: [
        Sku(
            f"S{n}",
            tuple(gtin_14(10 * n + k) for k in range(count)),
            name_en,
            name_zh,
            traits_of,
            spots_of,
            likeness=like,
        )
        for n, (name_en, name_zh, traits_of, spots_of, like, count) in enumerate(found)
    ]
)


def cells_of(sku: Sku) -> dict[str, str]:
    """A SKU as the cells of a line."""
    traits = sku.traits
    safety = " ".join([str(traits.safety), *(f"{channel}={units}" for channel, units in traits.safety_of)])
    return {
        "sku": sku.sku, "gtin": " ".join(sku.gtins), "name_en": sku.name_en, "name_zh": sku.name_zh,
        "unit": traits.unit, "temperature": traits.temperature, "min_age": str(traits.min_age), "tags": traits.tags,
        "eligibility": traits.eligibility, "safety": safety, "spots": " ".join(sku.spots),
        "category": sku.likeness.category, "brand": sku.likeness.brand, "size": sku.likeness.size,
        "price_fen": str(sku.likeness.price_fen),
    }  # fmt: skip


@given(skus=some_skus, as_json=st.booleans())
def test_whatever_a_file_says_is_in_the_books(skus: list[Sku], as_json: bool) -> None:
    lines = [cells_of(sku) for sku in skus]
    if as_json:
        text = json.dumps(lines)
    else:
        out = io.StringIO(newline="")
        columns = csv.DictWriter(out, list(cells_of(A)))
        columns.writeheader()
        columns.writerows(lines)
        text = out.getvalue()
    found = catalogue_file.read(Path("c.json" if as_json else "c.csv"), text.encode(), Catalogue(), whole=True)
    assert not found.bad
    assert list(found.skus.values()) == skus
    books = sqlite3.connect(":memory:", isolation_level=None)
    try:
        migrations.bring_up_to_date(books)
        catalogues.enter(books, update(Catalogue(), found.skus, whole=True))
        assert dict(catalogues.load(books).skus) == found.skus
    finally:
        books.close()


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*COLUMNS, "x"]), inner, max_size=4),
    max_leaves=12,
)


@given(
    content=st.binary(max_size=80) | values.map(lambda value: json.dumps(value).encode()),
    ending=st.sampled_from(["csv", "json"]),
)
@example(content=b"[" * 100_000, ending="json")
@example(content=b'[{"sku": ' + b"1" * 5000 + b"}]", ending="json")
@example(content=HEADER.encode() + b'"' + b"x" * 200_000, ending="csv")
def test_any_content_is_a_catalogue_or_says_what_is_wrong(content: bytes, ending: str) -> None:
    said = ""
    bad: list[BadLine] = []
    try:
        bad = catalogue_file.read(Path(f"c.{ending}"), content, Catalogue(), whole=True).bad
    except BadCatalogueError as error:
        said = str(error)
    assert said == "" or "cannot be read" in said
    assert all(one.line >= 1 and one.problem for one in bad)


# The command

CONFIG = """
[store]
id = "SH-1"
chain = "demo"
[books]
path = "books.db"
[hq]
broker = "mqtt://127.0.0.1:1883"
"""


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "store.toml").write_text(CONFIG, encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "agent", "catalogue", "import", str(folder / "store.toml"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_command_brings_a_file_in_and_says_what_it_did(tmp_path: Path) -> None:
    path = written(tmp_path, CSV)
    done = command(tmp_path, str(path))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{path}: 2 added, 0 changed, 0 retired, 0 deleted; 2 SKUs in the books of SH-1\n"
    written(tmp_path, CSV.replace("Bean", "Beans") + "C,1,c,丙,,,,\n")
    refused = command(tmp_path, str(path))
    assert refused.returncode == 2
    assert "1 bad line\n  line 4: gtin '1' is no GTIN" in refused.stderr
    skipped = command(tmp_path, str(path), "--skip-bad")
    assert skipped.returncode == 0
    assert "0 added, 1 changed, 0 retired, 0 deleted; 2 SKUs" in skipped.stdout
    assert "line 4: gtin '1' is no GTIN" in skipped.stderr


async def test_the_command_does_nothing_while_an_agent_has_the_books(tmp_path: Path) -> None:
    async with await Store.open(tmp_path / "books.db") as store:
        refused = await asyncio.to_thread(command, tmp_path, str(written(tmp_path, CSV)))
        assert refused.returncode == 2
        assert "another agent runs on" in refused.stderr
        assert await store.read("SELECT * FROM sku") == []
