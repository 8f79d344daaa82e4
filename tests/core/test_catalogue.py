"""The catalogue names every bad line, finds goods by every length of their GTIN, and forgets nothing that was used."""

import pytest

from agent.core.catalogue import Catalogue, Sku, Traits, update
from agent.core.catalogue_rows import Found, header_problem, read
from tests.core import shop

GOOD = {"sku": "A", "gtin": "4006381333931", "name_en": "a", "name_zh": "甲"}


def sku_of(**cells: str) -> Sku:
    found = read([(2, GOOD | cells)])
    assert not found.bad
    return found.skus["A"]


def problem_of(**cells: str) -> str:
    (bad,) = read([(2, GOOD | cells)]).bad
    return bad.problem


def test_a_sku_with_two_gtins_is_found_by_both() -> None:
    for rows in ([(2, GOOD), (3, GOOD | {"gtin": "96385074"})], [(2, GOOD | {"gtin": "4006381333931 96385074"})]):
        catalogue = Catalogue(read(rows).skus.values())
        assert catalogue.by_gtin("96385074") is catalogue.by_gtin("04006381333931") is catalogue.skus["A"]
        assert catalogue.by_gtin("nonsense") is None


def test_every_bad_line_is_named_with_its_number() -> None:
    found = read(
        [
            (2, GOOD),
            (3, GOOD | {"sku": "D", "gtin": "4006381333930"}),
            (4, GOOD | {"sku": "B"}),
            (5, GOOD | {"sku": ""}),
            (6, GOOD | {"sku": "E", "gtin": shop.gtin_14(5), "tagged": "perhaps"}),
            (7, GOOD | {"sku": "F", "gtin": ""}),
        ]
    )
    assert [bad.line for bad in found.bad] == [3, 4, 5, 6, 7]
    assert "check digit" in found.bad[0].problem
    assert "belongs to sku A already (line 2)" in found.bad[1].problem
    assert list(found.skus) == ["A"]


def test_of_a_sku_with_a_bad_line_nothing_is_taken() -> None:
    found = read([(2, GOOD), (3, GOOD | {"gtin": "96385074", "name_en": "another"})])
    assert [bad.problem for bad in found.bad] == ["sku A stands on an earlier line with another name or trait"]
    assert found.skus == {}


def test_what_a_line_says_of_traits() -> None:
    assert sku_of() == Sku("A", ("04006381333931",), "a", "甲")
    assert sku_of(tagged="yes").tagged
    assert not sku_of(tags="partial").tagged
    chilled = sku_of(
        unit="gram", temperature="chilled", min_age="18", eligibility="prepare", safety="2 web=0 delivery=3",
        spots="A03-L-2 COLD-1",
    )  # fmt: skip
    assert chilled.spots == ("A03-L-2", "COLD-1")
    assert chilled.traits == Traits(
        "gram", "chilled", 18, "none", "prepare", safety=2, safety_of=(("delivery", 3), ("web", 0))
    )
    assert [chilled.traits.safety_for(channel) for channel in ("delivery", "web", "counter")] == [3, 0, 2]


@pytest.mark.parametrize(
    ("column", "cell", "says"),
    [
        ("unit", "litre", "unit 'litre' is none of each, gram"),
        ("temperature", "warm", "is none of ambient, chilled, frozen"),
        ("tags", "some", "is none of full, partial, none"),
        ("eligibility", "yes", "is none of instant, prepare, order_in, display_only"),
        ("min_age", "-1", "min_age '-1' is not a whole number from 0 to 120"),
        ("safety", "1000001", "is not a whole number from 0 to 1000000"),
        ("safety", "1 web:2", "safety 'web:2' is not channel=units"),
        ("spots", "A/1", "spots 'A/1'"),
        ("category", "x" * 101, "is not up to 100 printable characters"),
        ("size", "a handful", "size 'a handful' is not an amount of g, kg, ml, l or pieces"),
        ("price_fen", "9.90", "price_fen '9.90' is not a whole number from 0 to 100000000"),
        ("name_en", "x" * 201, "longer than 200"),
        ("name_zh", "a\tb", "control character"),
        ("sku", "x" * 65, "printable characters"),
        ("gtin", " ", "has no gtin"),
    ],
)
def test_a_wrong_cell_is_named(column: str, cell: str, says: str) -> None:
    assert says in problem_of(**{column: cell})


def test_what_is_sold_by_the_gram_may_have_no_gtin() -> None:
    assert sku_of(gtin="", unit="gram").gtins == ()


def test_the_unit_is_fixed_for_life() -> None:
    known = Catalogue([Sku("A", ("04006381333931",), "a", "甲", Traits(unit="gram"))])
    (bad,) = read([(2, GOOD)], known).bad
    assert "counted by gram for life" in bad.problem


def test_columns_nobody_knows_are_refused() -> None:
    assert header_problem(["sku", "gtin", "name_en", "name_zh"]) == ""
    assert "'name_de' is not known" in header_problem(["sku", "gtin", "name_en", "name_zh", "name_de"])
    assert "no column gtin, name_zh" in header_problem(["sku", "name_en"])
    assert "twice" in header_problem(["sku", "gtin", "name_en", "name_zh", "sku"])
    assert "keep one" in header_problem(["sku", "gtin", "name_en", "name_zh", "tags", "tagged"])


def test_what_skus_have_in_common_is_one_object() -> None:
    found = read((n, GOOD | {"sku": f"S{n}", "gtin": shop.gtin_14(n), "spots": "A B"}) for n in range(9))
    for part in ("traits", "spots"):
        assert len({id(getattr(sku, part)) for sku in found.skus.values()}) == 1


# The next catalogue

OLD, NEW = Sku("OLD", (shop.gtin_14(1),), "old", "旧"), Sku("NEW", (shop.gtin_14(2),), "new", "新")
KNOWN = Catalogue([OLD])


def rows_of(*skus: Sku) -> Found:
    rows = [
        (n, {"sku": sku.sku, "gtin": " ".join(sku.gtins), "name_en": sku.name_en, "name_zh": sku.name_zh})
        for n, sku in enumerate(skus, 2)
    ]
    return read(rows, KNOWN, whole=False)


def test_a_part_of_the_catalogue_adds_and_changes_only() -> None:
    found = update(KNOWN, rows_of(NEW).skus, whole=False)
    assert (found.added, found.changed, found.retired) == ((NEW,), (), ())
    assert found.catalogue.skus["OLD"] is OLD


def test_what_is_not_in_the_whole_catalogue_is_retired_and_comes_back() -> None:
    found = update(KNOWN, {"NEW": NEW}, whole=True)
    assert [sku.sku for sku in found.retired] == ["OLD"]
    assert found.catalogue.by_gtin(shop.gtin_14(1)) == found.retired[0]
    again = update(found.catalogue, {"NEW": NEW, "OLD": OLD}, whole=True)
    assert again.changed == (OLD,)
    assert update(KNOWN, {"NEW": NEW}, whole=True, spared=["OLD"]).retired == ()


def test_the_same_file_a_second_time_changes_nothing() -> None:
    found = update(KNOWN, rows_of(OLD, NEW).skus, whole=True)
    again = update(found.catalogue, rows_of(OLD, NEW).skus, whole=True)
    assert (again.added, again.changed, again.retired) == ((), (), ())


def test_a_gtin_belongs_to_one_sku_and_moves_only_when_both_are_named() -> None:
    thief = Sku("NEW", OLD.gtins, "new", "新")
    found = rows_of(thief)
    assert "belongs to sku OLD, which is not in this file" in found.bad[0].problem
    assert found.skus == {}
    renamed = Sku("OLD", (shop.gtin_14(3),), "old", "旧")
    both = update(KNOWN, rows_of(thief, renamed).skus, whole=False)
    assert both.catalogue.by_gtin(shop.gtin_14(1)) == thief
    assert both.catalogue.by_gtin(shop.gtin_14(3)) == renamed
    whole = update(KNOWN, {"NEW": thief}, whole=True)
    assert whole.catalogue.skus["OLD"].gtins == ()
