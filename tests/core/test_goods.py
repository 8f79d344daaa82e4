"""GTINs and barcodes: what goods say of themselves."""

from hypothesis import given
from hypothesis import strategies as st

from agent.core import barcodes, gtin

payloads = st.integers(0, 10**13 - 1).map(lambda number: f"{number:013d}")


@given(payloads)
def test_any_wrong_digit_of_a_gtin_is_noticed(payload: str) -> None:
    code = payload + str(gtin.check_digit(payload))
    assert gtin.to_14(code) == code
    for place, digit in enumerate(code):
        wrong = code[:place] + str((int(digit) + 1) % 10) + code[place + 1 :]
        assert gtin.to_14(wrong) is None


def test_all_lengths_of_a_gtin_compare_equal() -> None:
    assert gtin.to_14("96385074") == "00000096385074"
    assert gtin.to_14("614141123452") == gtin.to_14("0614141123452") == "00614141123452"
    assert gtin.to_14("4006381333931") == "04006381333931"
    assert gtin.to_14("４００６３８１３３３９３１") is None
    assert gtin.to_14("") is gtin.to_14("123456789") is None


def test_bare_digits_are_a_gtin_before_anything_else() -> None:
    assert barcodes.gtin_of("4006381333931") == "04006381333931"  # also parses as AI 400
    assert barcodes.gtin_of("4006381333931", "]E0") == "04006381333931"


def test_a_gs1_symbol_gives_its_gtin() -> None:
    assert barcodes.gtin_of("010400638133393110ABC", "]C1") == "04006381333931"


@given(st.text(max_size=40), st.none() | st.from_regex(r"\][A-Za-z][0-9a-m]", fullmatch=True))
def test_any_scan_of_any_symbology_gives_an_answer(text: str, aim: str | None) -> None:
    found = barcodes.gtin_of(text, aim)
    assert found is None or gtin.to_14(found) == found


def test_what_names_no_product_is_none() -> None:
    for text in ("", "hello", "12345", "4006381333930", "9" * 500, "\x00\x1b[31m", "]", "]J0ABC", "]Ya"):
        assert barcodes.gtin_of(text) is None
