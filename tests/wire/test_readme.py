"""The published contract says what the code does."""

import re
from pathlib import Path

import pytest

from tests.wire.test_codec import DECODERS
from wire import topics
from wire.codec import MAX_PAYLOAD, encode
from wire.digest import of_balance, to_text
from wire.messages import MAX_TEXT

README = (Path(topics.__file__).parent / "README.md").read_text()
EXAMPLES = re.findall(r"```json ([a-z-]+)\n(.+)\n```", README)


@pytest.mark.parametrize(("kind", "example"), EXAMPLES)
def test_every_example_is_a_message(kind: str, example: str) -> None:
    assert encode(DECODERS[kind](example.encode())) == example.encode()


def test_every_message_has_an_example() -> None:
    assert [kind for kind, _ in EXAMPLES] == list(DECODERS)


def test_every_topic_is_the_code_s() -> None:
    mine = topics.StoreTopics("CHAIN", "STORE")
    built = {
        mine.up("log"), mine.up("hello"), mine.up("state"), mine.up("answer"), mine.snapshot("NAME", 7),
        mine.down("heard"), mine.down("command"), topics.hq_state("CHAIN"),
        topics.event("CHAIN", "KIND", "STORE"),
    }  # fmt: skip
    told = set(re.findall(r"^\| `(nearshelf/[^`]+)`", README, re.MULTILINE))
    shard = topics.shard_of("STORE")
    named = {
        "<chain>": "CHAIN",
        "<store>": "STORE",
        "<shard>": shard,
        "<name>": "NAME",
        "<part>": "7",
        "<kind>": "KIND",
    }
    filled = set()
    for topic in told:
        for name, value in named.items():
            topic = topic.replace(name, value)
        filled.add(topic)
    assert filled == built


def test_bounds_are_the_code_s() -> None:
    assert f"at most {MAX_PAYLOAD // 1024} KiB" in README
    assert f"within {MAX_TEXT} characters" in README


def test_the_digest_is_as_told() -> None:
    from hashlib import blake2b

    assert of_balance("TEA", "FLOOR", -3) == int.from_bytes(blake2b(b"TEA\0FLOOR\0-3", digest_size=8).digest(), "big")
    assert to_text(10) == "000000000000000a"
