"""GTINs, EPCs and barcodes: what goods say of themselves."""

from epcpy.epc_schemes.sgtin import SGTIN, SGTINFilterValue
from hypothesis import given
from hypothesis import strategies as st

from agent.core import barcodes, epc, gtin

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


def test_the_published_sample_epc_is_read() -> None:
    assert epc.decode(bytes.fromhex("3034257BF4F3ACEF21636369")) == epc.Item("20614141495232", "202423624553")


@given(st.integers(0, 6), st.integers(0, 10**12 - 1), st.integers(0, 10**12 - 1), st.integers(0, 2**38 - 1))
def test_sgtin_96_agrees_with_an_independent_library(partition: int, company: int, item: int, serial: int) -> None:
    company_digits = 12 - partition
    prefix = f"{company % 10**company_digits:0{company_digits}d}"
    reference = f"{item % 10 ** (13 - company_digits):0{13 - company_digits}d}"
    oracle = SGTIN(f"urn:epc:id:sgtin:{prefix}.{reference}.{serial}")
    bits = oracle.binary(binary_coding_scheme=SGTIN.BinaryCodingScheme.SGTIN_96, filter_value=SGTINFilterValue.POS_ITEM)
    decoded = epc.decode(int(bits, 2).to_bytes(12, "big"))
    payload = reference[0] + prefix + reference[1:]
    assert decoded == epc.Item(payload + str(gtin.check_digit(payload)), str(serial))


def test_sgtin_198_agrees_with_an_independent_library() -> None:
    oracle = SGTIN("urn:epc:id:sgtin:0614141.112345.32a%2Fb")
    bits = oracle.binary(
        binary_coding_scheme=SGTIN.BinaryCodingScheme.SGTIN_198, filter_value=SGTINFilterValue.POS_ITEM
    )
    padded = bits.ljust(208, "0")
    assert epc.decode(int(padded, 2).to_bytes(26, "big")) == epc.Item("10614141123459", "32a/b")


@given(st.binary(max_size=64))
def test_any_bytes_on_a_tag_give_an_answer(tag: bytes) -> None:
    assert isinstance(epc.decode(tag), epc.Item | epc.NotAnItem)


def test_blank_and_foreign_tags_are_no_items() -> None:
    assert epc.decode(bytes(12)) == epc.NotAnItem("the tag is blank")
    assert epc.decode(b"") == epc.NotAnItem("the tag is blank")
    assert isinstance(epc.decode(bytes.fromhex("E28011700000020F1234ABCD")), epc.NotAnItem)
    assert isinstance(epc.decode(bytes.fromhex("303C257BF4F3ACEF21636369")), epc.NotAnItem)  # partition 7


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
