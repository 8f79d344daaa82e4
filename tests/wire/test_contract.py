"""The generated contract: it is the types', and it takes what the codec takes."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests.wire.test_codec import DECODERS, GOLDEN, batches
from wire import contract
from wire.codec import NotOurs, encode
from wire.messages import Batch
from wire.topics import StoreTopics, event, hq_state, parse_up

VALIDATORS = {name: Draft202012Validator(contract.json_schema(name)) for name in contract.MESSAGES}


def test_the_files_are_generated_from_the_types() -> None:
    for path, content in contract.files().items():
        assert path.read_bytes() == content, f"{path.name} is out of date: python -m wire.contract"
    assert set((contract.HOME / "schemas").iterdir()) == set(contract.files()) - {contract.HOME / "asyncapi.json"}


def test_every_message_and_every_topic_is_in_it() -> None:
    assert set(contract.MESSAGES) == set(DECODERS)
    store = StoreTopics("c", "s")
    built = {
        store.up("log"), store.up("hello"), store.up("state"), store.up("answer"), store.snapshot("n", 0),
        store.down("heard"), store.down("command"), hq_state("c"), event("c", "stock", "s"),
    }  # fmt: skip
    shard = store.up("log").split("/")[3]
    assert {
        address.format(chain="c", shard=shard, store="s", name="n", part=0, kind="stock")
        for address, *_ in contract.CHANNELS.values()
    } == built
    for topic in built:
        assert (parse_up(topic) is not None) == ("/up/" in topic)


@pytest.mark.parametrize("name", contract.MESSAGES)
def test_each_schema_is_one(name: str) -> None:
    Draft202012Validator.check_schema(contract.json_schema(name))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_messages_are_valid(path: Path) -> None:
    kind = max((name for name in DECODERS if path.name.startswith(name)), key=len)
    VALIDATORS[kind].validate(json.loads(path.read_bytes()))


@given(batches())
def test_batches_are_valid(batch: Batch) -> None:
    VALIDATORS["batch"].validate(json.loads(encode(batch)))


VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=300) | st.lists(st.integers(), max_size=2)


@given(st.data(), st.sampled_from(GOLDEN))
def test_whoever_goes_by_the_schema_reads_what_we_read(data: st.DataObject, path: Path) -> None:
    """With any value in any field: what the codec takes, the schema takes too."""
    kind = max((name for name in DECODERS if path.name.startswith(name)), key=len)
    document: dict[str, Any] = json.loads(path.read_bytes())
    document[data.draw(st.sampled_from(sorted(document)))] = data.draw(VALUES)
    try:
        DECODERS[kind](json.dumps(document).encode())
    except NotOurs:
        return
    if kind != "command":  # its ask is raw until the signature is checked
        VALIDATORS[kind].validate(document)
