"""The catalogue names every bad line, and finds goods by every length of their GTIN."""

from agent.core.catalogue import Catalogue, from_rows
from tests.core import shop

GOOD = {"sku": "A", "gtin": "4006381333931", "name_en": "a", "name_zh": "甲", "tagged": "no"}


def test_a_sku_with_two_gtins_is_found_by_both() -> None:
    catalogue = from_rows([(2, GOOD), (3, GOOD | {"gtin": "96385074"})])
    assert isinstance(catalogue, Catalogue)
    assert catalogue.by_gtin("96385074") is catalogue.by_gtin("04006381333931") is catalogue.skus["A"]
    assert catalogue.by_gtin("nonsense") is None


def test_every_bad_line_is_named_with_its_number() -> None:
    bad = from_rows(
        [
            (2, GOOD),
            (3, GOOD | {"gtin": "4006381333930"}),
            (4, GOOD | {"sku": "B"}),
            (5, GOOD | {"sku": ""}),
            (6, GOOD | {"gtin": shop.gtin_14(5), "tagged": "perhaps"}),
            (7, GOOD | {"gtin": shop.gtin_14(6), "name_en": "another"}),
            (8, {"sku": "C"}),
        ]
    )
    assert isinstance(bad, list)
    assert [line.line for line in bad] == [3, 4, 5, 6, 7, 8]
    assert "check digit" in bad[0].problem
    assert "belongs to sku A" in bad[1].problem
    assert "gtin, name_en, name_zh, tagged" in bad[5].problem
