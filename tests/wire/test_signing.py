"""A command moves a store only when HQ signed exactly these bytes for exactly this store."""

from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from wire.codec import NotOurs, decode_ask, decode_command
from wire.messages import Command, PauseAsk
from wire.signing import KeyUnusable, NotSigned, Signer, Verifier
from wire.topics import StoreTopics

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))  # the golden files' key
HERE = StoreTopics("demo", "SH-0001")
GOLDEN = Path(__file__).parent / "golden"
ASK = PauseAsk("c-7", 7, 16777223, True, "stocktaking", "hq ops")


def test_the_golden_commands_are_signed() -> None:
    for path in sorted(GOLDEN.glob("command*.json")):
        Verifier(KEY.public_key()).check(HERE, decode_command(path.read_bytes()))
    assert Signer(KEY).command(HERE, ASK) == (GOLDEN / "command-v1.json").read_bytes().removesuffix(b"\n")


def test_what_was_signed_reads_back() -> None:
    command = decode_command(Signer(KEY).command(HERE, ASK))
    Verifier(KEY.public_key()).check(HERE, command)
    assert decode_ask(command.ask) == ASK


@pytest.mark.parametrize("to", [StoreTopics("demo", "SH-0002"), StoreTopics("other", "SH-0001")])
def test_no_other_store_believes_it(to: StoreTopics) -> None:
    with pytest.raises(NotSigned):
        Verifier(KEY.public_key()).check(to, decode_command(Signer(KEY).command(HERE, ASK)))


@given(at=st.integers(0), bit=st.integers(0, 7))
def test_any_changed_bit_is_noticed(at: int, bit: int) -> None:
    payload = bytearray(Signer(KEY).command(HERE, ASK))
    payload[at % len(payload)] ^= 1 << bit
    try:
        command = decode_command(bytes(payload))
        Verifier(KEY.public_key()).check(HERE, command)
    except (NotOurs, NotSigned):
        return
    assert decode_ask(command.ask) == ASK  # a field around what is signed, of which nothing depends


@given(sig=st.text(max_size=100), ask=st.binary(max_size=100))
def test_nobody_else_signs(sig: str, ask: bytes) -> None:
    with pytest.raises(NotSigned):
        Verifier(KEY.public_key()).check(HERE, Command(msgspec.Raw(ask), sig))


def test_a_file_that_is_no_key_is_named(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("nothing")
    for read in (Signer.read, Verifier.read):
        for path in (wrong, tmp_path / "absent"):
            with pytest.raises(KeyUnusable, match=path.name):
                read(path)
