"""What scanned codes say, symbol by symbol; only what is sure is taken, and what is refused says why."""

import biip
import pytest
from biip.checksums import gs1_price_weight_check_digit
from biip.gs1_messages import GS1Message
from biip.gtin import Gtin
from biip.upc import Upc
from hypothesis import assume, given
from hypothesis import strategies as st

from agent.core import barcodes, gtin, instore
from agent.core.barcodes import NoProduct, Product, read
from agent.core.instore import COUNTRIES, Form, InStore, form_problem
from tests.core.fuzzing import fuzz_barcode

PEN = "04006381333931"
GS = "\x1d"

#: Symbol, what the scanner sends after its AIM identifier, and what is in it.
SAYS: list[tuple[str, str | None, str, Product]] = [
    ("EAN-13", "]E0", "4006381333931", Product(PEN)),
    ("EAN-13 without AIM", None, "4006381333931", Product(PEN)),
    ("EAN-13 with two digits more", "]E3", "977147396801212", Product("09771473968012")),
    ("EAN-13 with five digits more", "]E3", "978030640615751299", Product("09780306406157")),
    ("EAN-8", "]E4", "96385074", Product("00000096385074")),
    ("EAN-8 without AIM", None, "96385074", Product("00000096385074")),
    ("UPC-A as twelve", "]E0", "614141123452", Product("00614141123452")),
    ("UPC-A as thirteen", "]E0", "0614141123452", Product("00614141123452")),
    ("UPC-E", "]E0", "04252614", Product("00042100005264")),
    ("UPC-E without AIM", None, "04252614", Product("00042100005264")),
    ("EAN-8 or UPC-E, who knows", None, "01234565", Product("00000001234565", or_gtin="00012345000065")),
    ("ITF-14", "]I1", "10614141000415", Product("10614141000415")),
    ("Code 128 with a GTIN's digits", "]C0", "4006381333931", Product(PEN)),
    ("QR Code with a GTIN's digits", "]Q1", "4006381333931", Product(PEN)),
    ("GS1-128", "]C1", f"01{PEN}17271231", Product(PEN, expires="271231")),
    ("GS1-128 with a lot at its end", "]C1", f"01{PEN}1727123110AB-12", Product(PEN, lot="AB-12", expires="271231")),
    ("GS1-128, separated", "]C1", f"01{PEN}10ABC123{GS}17271231", Product(PEN, lot="ABC123", expires="271231")),
    ("GS1-128, the separator drawn", "]C1", f"01{PEN}10ABC123␝17271231", Product(PEN, lot="ABC123", expires="271231")),
    ("GS1-128 without AIM", None, f"01{PEN}17271231", Product(PEN, expires="271231")),
    ("GS1-128, FNC1 as a letter", None, f"ñ01{PEN}", Product(PEN)),
    ("GS1-128 as people write it", None, f"(01){PEN}(17)271231(10)A1", Product(PEN, lot="A1", expires="271231")),
    ("GS1 DataBar", "]e0", f"01{PEN}", Product(PEN)),
    ("GS1 DataBar Expanded, weighed", "]e0", "01900123456789083103001750", Product("90012345678908", grams=1750)),
    ("GS1 DataBar Expanded, pounds", "]e0", "01900123456789083201000022", Product("90012345678908", grams=998)),
    ("GS1 DataMatrix", "]d2", f"01{PEN}1726063010L1{GS}21S-9", Product(PEN, lot="L1", expires="260630")),
    ("GS1 QR Code", "]Q3", f"01{PEN}10A", Product(PEN, lot="A")),
    ("GS1 with a count", "]C1", f"01{PEN}3012", Product(PEN, pieces=12)),
    ("Digital Link in QR", "]Q1", f"https://id.gs1.org/01/{PEN}", Product(PEN)),
    ("Digital Link, all of it", "]Q1", f"https://shop.example/x/01/{PEN}/10/A%2FB/21/7?17=271231&utm=q",
     Product(PEN, lot="A/B", expires="271231")),
    ("Digital Link, weighed", "]Q3", f"https://id.gs1.org/01/{PEN}?3103=000750", Product(PEN, grams=750)),
    ("Digital Link without AIM", None, f"HTTPS://ID.GS1.ORG/01/{PEN}", Product(PEN)),
]  # fmt: skip


@pytest.mark.parametrize(("aim", "text", "says"), [one[1:] for one in SAYS], ids=[one[0] for one in SAYS])
def test_each_symbol_says_what_is_in_it(aim: str | None, text: str, says: Product) -> None:
    assert read(text, aim) == says


MISREAD = "its digits are misread: the check digit is wrong"
LOAD = "it is a load's label: scan the goods in it"
SETS_UP = "it is a code that sets up a scanner, and no product's"
REFUSED: list[tuple[str | None, str, str]] = [
    (None, "", "holds no GTIN"),
    (None, "hello", "holds no GTIN"),
    (None, "12345", "holds no GTIN"),
    (None, "4006381333930", MISREAD),
    ("]E0", "4006381333930", MISREAD),
    ("]E0", "400638133393", MISREAD),
    ("]E1", "12", MISREAD),
    ("]C1", f"01{PEN[:-1]}0", "its GTIN is misread: the check digit is wrong"),
    ("]C1", "17271231", "it names no GTIN"),
    ("]C1", "00106141412345678908", LOAD),
    ("]C1", "001061414123456789080200614141123452370025", LOAD),
    (None, "00106141412345678908", LOAD),
    ("]C1", f"01{PEN}0104006381333948", "it says two things of one kind"),
    ("]C1", "hello", "it is no GS1 code, or is misread"),
    ("]C0", f"01{PEN}10A", "holds no GTIN"),  # no FNC1 in front: whoever printed it meant no GS1
    ("]d1", f"01{PEN}", "holds no GTIN"),
    ("]A0", "ABC-12", "holds no GTIN"),
    ("]Q1", "https://shop.example/offers", "it is a web address that names no product"),
    ("]Q1", "https://id.gs1.org/DBHKVAdpQgqrApwEsw2BEBDFuA",
     "it is a web address with no GTIN in plain; compressed GS1 Digital Links are not read"),
    ("]Q1", "http://[", "it is a web address that names no product"),
    (None, "@SETUPE1", SETS_UP),
    (None, "@MENU_OPTO@ZZ@U2@OTPO_UNEM@", SETS_UP),
    (None, "$P,Ae,P", SETS_UP),
    (None, "TERMID3.", SETS_UP),
    (None, "ó123456", SETS_UP),
    (None, "\x1b[31m4006381333931", "it holds control characters: the scanner's settings or its cable are wrong"),
    (None, "4006381333931\r", "it holds control characters: the scanner's settings or its cable are wrong"),
    (None, "9" * 300, "it is longer than 256 characters"),
    ("]C1", f"01{PEN}3103000000", "its weight is 0, which cannot be"),
    ("]C1", f"01{PEN}3099999999", "its count is 99999999, which cannot be"),
]  # fmt: skip


@pytest.mark.parametrize(("aim", "text", "why"), REFUSED)
def test_what_names_no_product_says_why(aim: str | None, text: str, why: str) -> None:
    assert read(text, aim) == NoProduct(why)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"01{PEN}10ABC12317271231", Product(PEN)),
        (f"01{PEN}1527010110ABC12317271231", Product(PEN)),
        (f"01{PEN}10L13103001750", Product(PEN)),  # a weight that is swallowed is not known, and not made up
        (f"01{PEN}21S910L117271231", Product(PEN)),
        (f"01{PEN}10{'A' * 20}21B", Product(PEN)),
        (f"01{PEN}17271231301201041414141414", Product(PEN, expires="271231")),
    ],
)
def test_a_lost_separator_is_told_and_only_what_is_sure_is_kept(text: str, says: Product) -> None:
    said = read(text, "]C1")
    assert isinstance(said, Product)
    assert said.doubt
    assert said.lot == ""
    assert (said.gtin, said.grams, said.pieces) == (says.gtin, None, None)
    assert said.expires in ("", says.expires)


def test_of_what_cannot_be_read_to_its_end_the_gtin_in_front_is_sure() -> None:
    assert read(f"01{PEN}17999999", "]C1") == Product(PEN, doubt="what follows its GTIN cannot be read")
    assert isinstance(read(f"01{PEN[:-1]}217999999", "]C1"), NoProduct)


@given(st.integers(0, 10**12 - 1))
def test_no_ean_13_is_ever_taken_for_element_strings(payload: int) -> None:
    code = f"{payload:012d}"
    code += str(gtin.check_digit(code))
    assert read(code) == read(code, "]E0") == Product(f"0{code}")


@given(st.integers(0, 10**7 - 1))
def test_upc_e_is_expanded_as_biip_does(payload: int) -> None:
    code = f"{payload % 2}{payload // 2 % 10**6:06d}"
    try:
        oracle = Upc.parse(code)
    except biip.ParseError:
        assume(False)
    full = code + str(oracle.check_digit)
    assert read(full, "]E0") == Product(oracle.as_upc_a().zfill(14))


ELEMENTS = st.dictionaries(
    st.sampled_from(["10", "21", "240", "17", "11", "3103", "30", "91"]), st.text("0123456789ABCDEFabc-/.", min_size=1)
)


@given(ELEMENTS, st.sampled_from(["]C1", "]d2", "]Q3", "]e0"]))
def test_any_gs1_message_agrees_with_biip(elements: dict[str, str], aim: str) -> None:
    fixed = {"17": "271231", "11": "260101", "3103": "000750"}
    text = f"01{PEN}" + "".join(
        ai + (fixed.get(ai) or ("12" if ai == "30" else value[:20])) + ("" if ai in fixed else GS)
        for ai, value in elements.items()
    )
    theirs = {one.ai.ai: one.value for one in GS1Message.parse(text).element_strings}
    said = read(text, aim)
    assert isinstance(said, Product)
    assert (said.gtin, said.lot, said.expires) == (PEN, theirs.get("10", ""), theirs.get("17", ""))
    assert said.grams == (750 if "3103" in elements else None)
    if len(elements) == 1 and not said.doubt:
        assert read(text.rstrip(GS), aim).__class__ is Product


# The store's own codes


def own(body: str) -> str:
    """An EAN-13 with its check digit."""
    return body + str(gtin.check_digit(body))


@pytest.mark.parametrize(
    ("country", "code", "says"),
    [
        ("se", own("208806011234"), Product("02088060100005", price=1234)),
        ("se", own("218806011234"), Product("02188060100002", price=12340)),
        ("no", own("238806011234"), Product("02388060100006", grams=1234)),
        ("fi", own("248806011234"), Product("02488060100003", grams=12340)),
        ("lv", own("258806011234"), Product("02588060100000", grams=123400)),
        ("gb", own(f"2012345{gs1_price_weight_check_digit('0599')}0599"), Product("02012345000001", price=599)),
        ("de", own(f"281234{gs1_price_weight_check_digit('01250')}01250"), Product("02812340000002", grams=1250)),
        ("de", own(f"251234{gs1_price_weight_check_digit('00006')}00006"), Product("02512340000001", pieces=6)),
        ("dk", own("261234001250"), Product("02612340000008", grams=1250)),
        ("se", own("298806011234"), Product(f"0{own('298806011234')}")),  # no rule: a number like any other
        ("", own("238806011234"), Product(f"0{own('238806011234')}")),
    ],
)
def test_a_countrys_own_codes_say_item_and_measure(country: str, code: str, says: Product) -> None:
    assert read(code, "]E0", InStore(country)) == says


def test_a_misread_measure_is_refused() -> None:
    code = own(f"281234{(gs1_price_weight_check_digit('01250') + 1) % 10}01250")
    said = read(code, None, InStore("de"))
    assert isinstance(said, NoProduct)
    assert said.why.startswith("the rules of de do not fit: Invalid check digit")


#: UPC with a price, as in the USA (number system 2), and a scale's labels with grams in tens.
OURS = InStore("se", (Form("02IIIIICVVVV", "price"), Form("2777IIIXVVVV", "grams", 10)))


@given(st.integers(0, 99999), st.integers(0, 9999))
def test_a_code_of_the_stores_own_form_names_its_item_whatever_it_costs(item: int, cents: int) -> None:
    check, zero = gs1_price_weight_check_digit(f"{cents:04d}"), gs1_price_weight_check_digit("0000")
    upc = own(f"02{item:05d}{check}{cents:04d}")
    expected = Product(f"0{own(f'02{item:05d}{zero}0000')}", price=cents)
    assert read(upc, "]E0", OURS) == read(upc[1:], "]E0", OURS) == expected
    wrong = own(f"02{item:05d}{(check + 1) % 10}{cents:04d}")
    assert read(wrong, "]E0", OURS) == NoProduct(
        "the check digit of its price is wrong: scan it again, or print it anew"
    )


def test_the_stores_forms_come_before_its_countrys_rules() -> None:
    assert read(own("277712390125"), None, OURS) == Product(f"0{own('277712300000')}", grams=1250)
    assert read(own("238806011234"), None, OURS) == Product("02388060100006", grams=1234)


@given(st.one_of(st.integers(0, 9999).map("{:04d}".format), st.integers(0, 99999).map("{:05d}".format)))
def test_a_measures_check_digit_agrees_with_biip(value: str) -> None:
    assert instore.measure_check_digit(value) == gs1_price_weight_check_digit(value)


@given(st.sampled_from(COUNTRIES), st.integers(20 * 10**10, 30 * 10**10 - 1))
def test_every_package_of_an_item_names_the_same_gtin(country: str, body: int) -> None:
    said = read(own(str(body)), "]E0", InStore(country))
    if isinstance(said, Product) and (said.grams or said.price or said.pieces):
        again = Gtin.parse(said.gtin)
        assert gtin.to_14(again.value) == said.gtin
        assert instore.is_ours(said.gtin)
        assert said.gtin.endswith("000", 0, 13) or country == "gb"


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("02IIIIICVVVV", ""),
        ("21IIIIIVVVVV", ""),
        ("21IIIIIVVVV", "is not twelve of 0-9 I V C X: an EAN-13 without its check digit"),
        ("40IIIIIVVVVV", "does not begin with 02, 04 or 20 to 29, as codes of a store do"),
        ("21IIVVVIIIVV", "has its I not together, or more than 9"),
        ("210000000000", "needs I (the item) and V (the measure)"),
        ("21IIIIICVVVX", "checks a measure of other than 4 or 5 digits"),
    ],
)
def test_a_form_that_cannot_be_is_told(pattern: str, problem: str) -> None:
    assert form_problem(pattern) == problem


# Anything


@given(st.text(max_size=300), st.none() | st.from_regex(r"\][A-Za-z][0-9a-m]", fullmatch=True))
def test_any_scan_of_any_symbol_gives_an_answer(text: str, aim: str | None) -> None:
    fuzz_barcode((aim or "").encode() + text.encode("utf-8", "surrogatepass"))
    said = read(text, aim)
    assert said.why if isinstance(said, NoProduct) else gtin.to_14(said.gtin) == said.gtin
    assert barcodes.shown(text).isprintable()
