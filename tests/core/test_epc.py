"""What tags say: against the standard's own examples, against epcpy, and against whatever else may be on a tag."""

from collections.abc import Callable
from typing import Any

import pytest
from epcpy.epc_schemes.giai import GIAI, GIAIFilterValue
from epcpy.epc_schemes.grai import GRAI, GRAIFilterValue
from epcpy.epc_schemes.sgln import SGLN, SGLNFilterValue
from epcpy.epc_schemes.sgtin import SGTIN, SGTINFilterValue
from epcpy.epc_schemes.sscc import SSCC, SSCCFilterValue
from epcpy.utils.common import ConvertException
from hypothesis import assume, given
from hypothesis import strategies as st

from agent.core import epc
from agent.core.epc import Date, Item, NotAnItem, NotStock
from agent.core.gtin import check_digit

#: TDS 2.3, E.3, "Summary examples of all EPC schemes", filled up to whole words.
STANDARD = [
    ("3066C4409047E140075BCD15", Item("09506000134352", "123456789")),
    ("3666C4409047E159B2C2BF100000000000000000000000000000", Item("09506000134352", "32a/b")),
    ("F73795211411234538566CB0AFC4", Item("79521141123453", "32a/b")),
    ("FB342CDE795211411234538566CB0AFC4000", Item("79521141123453", "32a/b", Date("17", "220630"))),
    ("FD3795211411234538566CB0AFC525065F1876F0D996D800", Item("79521141123453", "32a/b")),
    ("FC342CDE795211411234538566CB0AFC525065F1876F0D996D80", Item("79521141123453", "32a/b", Date("17", "220630"))),
    ("311BA1B300CE0A6A83000000", NotStock("load", "095201234567891235")),
    ("F90095201234567891235000", NotStock("load", "095201234567891235")),
    ("3276451FD46072000000162E", NotStock("place", "9521141123454", "5678")),
    ("3976451FD46072CD9615F8800000000000000000000000000000", NotStock("place", "9521141123454", "32a/b")),
    ("F2395211411234548566CB0AFC40", NotStock("place", "9521141123454", "32a/b")),
    ("E9395211411234548566CB0AFC525065F1876F0D996D8000", NotStock("place", "9521141123454", "32a/b")),
    ("3376451FD40C0E400000162E", NotStock("crate", "9521141123454", "5678")),
    ("3776451FD40C0E59B2C2BF1000000000000000000000", NotStock("crate", "9521141123454", "32a/b")),
    ("F13095211411234548566CB0AFC4", NotStock("crate", "9521141123454", "32a/b")),
    ("EB3095211411234548566CB0AFC525065F1876F0D996D800", NotStock("crate", "9521141123454", "32a/b")),
    ("3476451FD40000000000162E", NotStock("asset", "95211415678")),
    ("3876451FD59B2C2BF10000000000000000000000000000000000", NotStock("asset", "952114132a/b")),
    ("FA3952114132E83C2BF10000", NotStock("asset", "952114132a/b")),
    ("EE3952114132E83C2BF1494197C61DBC3665B600", NotStock("asset", "952114132a/b")),
]


@pytest.mark.parametrize(("tag", "says"), STANDARD, ids=[tag[:8] for tag, _ in STANDARD])
def test_the_standards_own_examples_are_read(tag: str, says: Item | NotStock) -> None:
    assert epc.decode(bytes.fromhex(tag)) == says


def test_a_sample_that_four_libraries_agree_on_is_read() -> None:
    assert epc.decode(bytes.fromhex("3034257BF4F3ACEF21636369")) == Item("20614141495232", "202423624553")


# TDS 1: epcpy is the oracle

LETTERS = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"


@st.composite
def prefixed(draw: st.DrawFn, digits: int) -> tuple[str, str]:
    """A company prefix of 6 to 12 digits and a reference, `digits` together."""
    company = draw(st.integers(6, 12))
    text = draw(st.text("0123456789", min_size=digits, max_size=digits))
    return text[:company], text[company:]


def texts(most: int) -> st.SearchStrategy[str]:
    """Without what epcpy 0.1.8 cannot take (colons in a GIAI, what a URI must escape); E.3's examples hold a slash."""
    return st.text([letter for letter in LETTERS if letter not in '":%&/<>?'], min_size=1, max_size=most)


def on_tag(bits: str) -> bytes:
    """Bits in whole words."""
    bits = bits.ljust(-(-len(bits) // 16) * 16, "0")
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def checked(digits: str) -> str:
    return digits + str(check_digit(digits))


@given(prefixed(13), st.integers(0, 2**38 - 1), st.sampled_from(SGTINFilterValue))
def test_sgtin_96_agrees_with_an_independent_library(parts: tuple[str, str], serial: int, kind: Any) -> None:
    oracle = SGTIN(f"urn:epc:id:sgtin:{parts[0]}.{parts[1]}.{serial}")
    tag = on_tag(oracle.binary(binary_coding_scheme=SGTIN.BinaryCodingScheme.SGTIN_96, filter_value=kind))
    assert epc.decode(tag) == Item(checked(parts[1][0] + parts[0] + parts[1][1:]), str(serial))


@given(prefixed(13), texts(20))
def test_sgtin_198_agrees_with_an_independent_library(parts: tuple[str, str], serial: str) -> None:
    oracle = SGTIN(f"urn:epc:id:sgtin:{parts[0]}.{parts[1]}.{serial}")
    scheme = SGTIN.BinaryCodingScheme.SGTIN_198
    tag = on_tag(oracle.binary(binary_coding_scheme=scheme, filter_value=SGTINFilterValue.POS_ITEM))
    expected = Item(checked(parts[1][0] + parts[0] + parts[1][1:]), serial)
    assert epc.decode(tag) == expected
    assert epc.decode(tag[:25]) == expected, "a reader may give the bits that are used, in whole bytes"


@given(prefixed(17))
def test_sscc_96_agrees_with_an_independent_library(parts: tuple[str, str]) -> None:
    oracle = SSCC(f"urn:epc:id:sscc:{parts[0]}.{parts[1]}")
    tag = on_tag(oracle.binary(filter_value=SSCCFilterValue.ALL_OTHERS))
    assert epc.decode(tag) == NotStock("load", oracle.gs1_key())


@given(prefixed(12), st.integers(0, 2**41 - 1))
def test_sgln_96_agrees_with_an_independent_library(parts: tuple[str, str], extension: int) -> None:
    oracle = SGLN(f"urn:epc:id:sgln:{parts[0]}.{parts[1]}.{extension}")
    scheme = SGLN.BinaryCodingScheme.SGLN_96
    tag = on_tag(oracle.binary(binary_coding_scheme=scheme, filter_value=SGLNFilterValue.ALL_OTHERS))
    assert epc.decode(tag) == NotStock("place", oracle.gs1_key(), str(extension or ""))


@given(prefixed(12), texts(20))
def test_sgln_195_agrees_with_an_independent_library(parts: tuple[str, str], extension: str) -> None:
    oracle = SGLN(f"urn:epc:id:sgln:{parts[0]}.{parts[1]}.{extension}")
    scheme = SGLN.BinaryCodingScheme.SGLN_195
    tag = on_tag(oracle.binary(binary_coding_scheme=scheme, filter_value=SGLNFilterValue.ALL_OTHERS))
    assert epc.decode(tag) == NotStock("place", oracle.gs1_key(), "" if extension == "0" else extension)


@given(prefixed(12), st.integers(0, 2**38 - 1))
def test_grai_96_agrees_with_an_independent_library(parts: tuple[str, str], serial: int) -> None:
    oracle = GRAI(f"urn:epc:id:grai:{parts[0]}.{parts[1]}.{serial}")
    scheme = GRAI.BinaryCodingScheme.GRAI_96
    tag = on_tag(oracle.binary(binary_coding_scheme=scheme, filter_value=GRAIFilterValue.ALL_OTHERS))
    assert epc.decode(tag) == NotStock("crate", checked("".join(parts)), str(serial))


@given(prefixed(12), texts(16))
def test_grai_170_agrees_with_an_independent_library(parts: tuple[str, str], serial: str) -> None:
    oracle = GRAI(f"urn:epc:id:grai:{parts[0]}.{parts[1]}.{serial}")
    scheme = GRAI.BinaryCodingScheme.GRAI_170
    tag = on_tag(oracle.binary(binary_coding_scheme=scheme, filter_value=GRAIFilterValue.ALL_OTHERS))
    assert epc.decode(tag) == NotStock("crate", checked("".join(parts)), serial)


@given(st.text("0123456789", min_size=6, max_size=12), st.data())
def test_giai_96_agrees_with_an_independent_library(prefix: str, data: st.DataObject) -> None:
    size = {12: 42, 11: 45, 10: 48, 9: 52, 8: 55, 7: 58, 6: 62}[len(prefix)]
    reference = data.draw(st.integers(0, 2**size - 1))
    oracle = GIAI(f"urn:epc:id:giai:{prefix}.{reference}")
    scheme = GIAI.BinaryCodingScheme.GIAI_96
    tag = on_tag(oracle.binary(binary_coding_scheme=scheme, filter_value=GIAIFilterValue.ALL_OTHERS))
    assert epc.decode(tag) == NotStock("asset", f"{prefix}{reference}")


@given(st.text("0123456789", min_size=6, max_size=12), st.data())
def test_giai_202_agrees_with_an_independent_library(prefix: str, data: st.DataObject) -> None:
    reference = data.draw(texts(30 - len(prefix)))
    oracle = GIAI(f"urn:epc:id:giai:{prefix}.{reference}")
    scheme = GIAI.BinaryCodingScheme.GIAI_202
    tag = on_tag(oracle.binary(binary_coding_scheme=scheme, filter_value=GIAIFilterValue.ALL_OTHERS))
    assert epc.decode(tag) == NotStock("asset", prefix + reference)


#: The 96-bit schemes hold numbers alone. epcpy does not look at a GRAI's asset type of no digits.
ORACLES: dict[int, tuple[type[Any], Callable[[Any], Item | NotStock]]] = {
    0x30: (SGTIN, lambda one: Item(one.gs1_key().zfill(14), one.epc_uri.rpartition(".")[2])),
    0x33: (GRAI, lambda one: NotStock("crate", one.gs1_key()[:13], one.gs1_key()[13:])),
    0x34: (GIAI, lambda one: NotStock("asset", one.gs1_key())),
}


@given(st.sampled_from(sorted(ORACLES)), st.binary(min_size=11, max_size=11))
def test_of_any_96_bits_both_libraries_say_the_same(header: int, rest: bytes) -> None:
    scheme, says = ORACLES[header]
    tag = bytes([header]) + rest
    assume(header != 0x33 or rest[0] >> 2 & 7)
    try:
        expected = says(scheme.from_binary(f"{int.from_bytes(tag, 'big'):096b}"))
    except (ConvertException, KeyError, ValueError):
        assert isinstance(epc.decode(tag), NotAnItem)
    else:
        assert epc.decode(tag) == expected


# TDS 2: written here as the standard says, independently of what reads it

BASE_64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
CODE_40 = " ABCDEFGHIJKLMNOPQRSTUVWXYZ-.:0123456789"
INTEGER_BITS = [0, 4, 7, 10, 14, 17, 20, 24, 27, 30, 34, 37, 40, 44, 47, 50, 54, 57, 60, 64, 67, 70, 74, 77, 80, 84]


def nibbles(digits: str) -> str:
    return "".join(f"{int(digit, 16):04b}" for digit in digits)


def written(text: str, way: int) -> str:
    """14.5.6: the way in three bits, the length in five, and the text."""
    if way == 0:
        body = f"{int(text):0{INTEGER_BITS[len(text)]}b}"
    elif way in (1, 2):
        body = nibbles(text)
    elif way == 3:
        body = "".join(f"{BASE_64.index(letter):06b}" for letter in text)
    elif way == 4:
        body = "".join(f"{ord(letter):07b}" for letter in text)
    else:
        groups = [[CODE_40.index(letter) for letter in text[at : at + 3].ljust(3)] for at in range(0, len(text), 3)]
        body = "".join(f"{1600 * one + 40 * two + three + 1:016b}" for one, two, three in groups)
    return f"{way:03b}{len(text):05b}{body}"


ALPHABETS = ["0123456789", "0123456789ABCDEF", "0123456789abcdef", BASE_64, LETTERS, CODE_40[1:]]


@st.composite
def serials(draw: st.DrawFn, most: int) -> tuple[str, str]:
    """A text and its bits, in any of the ways it can be written."""
    way = draw(st.integers(0, 5))
    text = draw(st.text(ALPHABETS[way], min_size=1, max_size=most))
    return text, written(text, way)


numbers = st.text("0123456789", min_size=17, max_size=17)
#: What may follow: nothing, a host name, `+AIDC` data.
tails = st.text("01", max_size=80)


@given(numbers, serials(20), tails, st.integers(0, 15))
def test_any_sgtin_plus_is_read(digits: str, serial: tuple[str, str], tail: str, filtered: int) -> None:
    gtin = checked(digits[:13])
    for header in (0xF7, 0xFD):
        tag = on_tag(f"{header:08b}{filtered:04b}" + nibbles(gtin) + serial[1] + tail)
        assert epc.decode(tag) == Item(gtin, serial[0])


@given(numbers, serials(20), st.sampled_from(range(7)), st.dates())
def test_any_dsgtin_plus_is_read(digits: str, serial: tuple[str, str], which: int, day: Any) -> None:
    gtin, year = checked(digits[:13]), day.year % 100
    assume(not (day.month == 2 and day.day == 29 and year == 0))
    tag = on_tag(
        f"{0xFB:08b}0001{which:04b}{year:07b}{day.month:04b}{day.day:05b}" + nibbles(gtin) + serial[1]
    )  # fmt: skip
    ai = ("11", "13", "15", "16", "17", "7006", "7007")[which]
    assert epc.decode(tag) == Item(gtin, serial[0], Date(ai, f"{year:02d}{day.month:02d}{day.day:02d}"))


@given(numbers, serials(20), serials(16), tails)
def test_any_other_plus_scheme_is_read(
    digits: str, extension: tuple[str, str], serial: tuple[str, str], tail: str
) -> None:
    load, place = checked(digits), checked(digits[:12])
    assert epc.decode(on_tag(f"{0xF9:08b}0000" + nibbles(load) + tail)) == NotStock("load", load)
    tag = on_tag(f"{0xF2:08b}0000" + nibbles(place) + extension[1] + tail)
    assert epc.decode(tag) == NotStock("place", place, "" if extension[0] == "0" else extension[0])
    tag = on_tag(f"{0xF1:08b}0000" + nibbles("0" + place) + serial[1] + tail)
    assert epc.decode(tag) == NotStock("crate", place, serial[0])


@given(st.text("0123456789", min_size=5, max_size=30), st.data(), tails)
def test_any_giai_plus_is_read(digits: str, data: st.DataObject, tail: str) -> None:
    assert epc.decode(on_tag(f"{0xFA:08b}0000" + nibbles(digits + "F") + tail)) == NotStock("asset", digits)
    if len(digits) < 30:
        text, bits = data.draw(serials(30 - len(digits)))
        tag = on_tag(f"{0xFA:08b}0000" + nibbles(digits + "E") + bits + tail)
        assert epc.decode(tag) == NotStock("asset", digits + text)


# Whatever else is on tags


@pytest.mark.parametrize(
    ("tag", "why"),
    [
        ("", "the tag is blank"),
        ("00" * 12, "the tag is blank"),
        ("00" * 11 + "01", "the tag was never written: it says what its maker left there (header 00)"),
        ("E28011700000020F1234ABCD", "the tag was never written: it says what its maker left there (header E2)"),
        ("303C257BF4F3ACEF21636369", "its SGTIN-96 has a partition that is not defined (7)"),
        ("3020" + "FF" * 10, "its SGTIN-96 holds a number too large for its digits"),
        ("3034257BF4F3ACEF2163636900000000", "an SGTIN-96 has 96 bits, and this tag says it has 128"),
        ("3034257BF4F3ACEF", "an SGTIN-96 has 96 bits, and this tag says it has 64"),
        ("3666C4409047E1" + "00" * 19, "its SGTIN-198 holds a text of 0 characters, where 1 to 20 may be"),
        ("3666C4409047E159B2C2BF10" + "00" * 13 + "01", "its SGTIN-198 goes on after its end"),
        ("311BA1B300CE0A6A83000001", "its SSCC-96 goes on after its end"),
        ("F73795211411234548566CB0AFC4", "its SGTIN+ holds 79521141123454, whose check digit is wrong"),
        ("F737952114112345A8566CB0AFC4", "its SGTIN+ holds four bits that are no digit"),
        ("F73795211411234538566C", "its SGTIN+ is cut short"),
        ("F7379521141123453800"+"00", "its SGTIN+ says that 0 characters follow, where 1 to 20 may be"),
        ("F73795211411234539F0" + "00" * 20, "its SGTIN+ says that 31 characters follow, where 1 to 20 may be"),
        ("F7379521141123453C50" + "00" * 20, "its SGTIN+ is written in a way that is not defined (6)"),
        ("FB342DBE795211411234538566CB0AFC4000", "its DSGTIN+ holds a date that is none"),
        ("FB372CDE795211411234538566CB0AFC4000", "its DSGTIN+ holds a kind of date that is not defined (7)"),
        ("F90195201234567891235000", "its SSCC+ holds 195201234567891235, whose check digit is wrong"),
        ("F13195211411234548566CB0AFC4", "its GRAI+ holds a GRAI that does not begin with 0"),
        ("FA3952F000000000", "its GIAI+ holds '952', which is too short for a GIAI"),
        ("2D76451FD4499602D2000000", "the tag is a person's (GSRN-96)"),
        ("3500E86F8000A9E000000586", "the tag is no GS1 number (GID-96)"),
        ("FF" * 12, "the tag is of no GS1 kind (header FF)"),
        ("30" * 70, "560 bits are more than a tag's EPC can have"),
    ],
)  # fmt: skip
def test_a_tag_that_names_nothing_is_told_with_the_reason(tag: str, why: str) -> None:
    assert epc.decode(bytes.fromhex(tag)) == NotAnItem(why)


@given(st.binary(max_size=80) | st.builds(bytes.__add__, st.sampled_from(
    [bytes.fromhex(tag)[:cut] for tag, _ in STANDARD for cut in (1, 2, 9)]), st.binary(max_size=60)))  # fmt: skip
def test_any_bytes_on_a_tag_give_an_answer(tag: bytes) -> None:
    said = epc.decode(tag)
    if isinstance(said, Item):
        assert len(said.gtin) == 14
        assert check_digit(said.gtin[:-1]) == int(said.gtin[-1])
        assert 1 <= len(said.serial) <= 20
        assert set(said.serial) <= set(LETTERS)
    elif isinstance(said, NotStock):
        assert set(said.code + said.serial) <= set(LETTERS)
        assert len(said.name) <= 60
    else:
        assert said.why.isprintable()


def test_what_is_remembered_is_bounded_and_a_tag_is_decoded_once() -> None:
    epc.decode.cache_clear()
    for serial in range(70_000):
        epc.decode(b"\x00" + serial.to_bytes(11, "big"))
    assert epc.decode.cache_info().currsize <= 65_536
    hits = epc.decode.cache_info().hits
    assert epc.decode(b"\x00" + (69_999).to_bytes(11, "big")) is epc.decode(b"\x00" + (69_999).to_bytes(11, "big"))
    assert epc.decode.cache_info().hits == hits + 2
