"""GTINs: what an article is called everywhere."""

from hypothesis import given
from hypothesis import strategies as st

from agent.core import gtin

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
