"""What a fuzzer calls with any bytes: each raises AssertionError when a parser of the core says what cannot be."""

import re

from agent.core import barcodes, epc
from agent.core.gtin import to_14
from agent.core.instore import COUNTRIES, Form, InStore

_RULES = (InStore(), *map(InStore, COUNTRIES), InStore("de", (Form("02IIIIICVVVV", "price"),)))
_AIM = re.compile(r"\][A-Za-z][0-9A-Za-z]")


def fuzz_epc(data: bytes) -> None:
    """Whatever is on a tag, the answer is an item with a right check digit, something named, or a reason."""
    said = epc.decode.__wrapped__(data)
    if isinstance(said, epc.Item):
        assert to_14(said.gtin) == said.gtin
        assert 0 < len(said.serial) <= 20
    elif isinstance(said, epc.NotStock):
        assert 0 < len(said.code) <= 30
        assert len(said.name) <= 60
    else:
        assert said.why.isprintable()


def fuzz_barcode(data: bytes) -> None:
    """Whatever a scanner sends, the answer is a GTIN with amounts that can be, or a reason."""
    text = data.decode("utf-8", "backslashreplace")
    found = _AIM.match(text)
    aim = found.group() if found else None
    for rules in _RULES[:: 1 if len(data) < 20 else 5]:
        said = barcodes.read.__wrapped__(text[3:] if aim else text, aim, rules)
        if isinstance(said, barcodes.NoProduct):
            assert said.why
            continue
        assert to_14(said.gtin) == said.gtin
        assert said.grams is None or 0 < said.grams <= 1_000_000
        assert said.pieces is None or 0 < said.pieces <= 10_000
        assert said.price is None or 0 <= said.price < 10**9
        assert not (said.doubt and said.lot)
    assert barcodes.shown(text).isprintable()
