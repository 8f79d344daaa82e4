"""The contract for programs: JSON Schemas and an AsyncAPI 3 document, generated from the types in `messages`.

`python -m wire.contract` writes `asyncapi.json` and `schemas/` beside this file; a test holds them to the types, and to
every message the tests see. A schema refuses less than `codec` does: that rows are dense, no schema can say.
"""

import inspect
import sys
from pathlib import Path
from typing import Any, Final

import msgspec

from wire.codec import KNOWN_KINDS, MAX_PARTS, KnownBatch
from wire.messages import (
    MAX_NUMBER,
    MAX_TEXT,
    WIRE_VERSION,
    Answer,
    Batch,
    Command,
    Event,
    Heard,
    Hello,
    HqAsk,
    HqState,
    Snapshot,
    SnapshotPart,
    StoreState,
)
from wire.topics import ROOT

HOME: Final = Path(__file__).parent

#: Message by message: its type, what it is, and whether it stays at the broker.
MESSAGES: Final[dict[str, Any]] = {
    "batch": KnownBatch,
    "hello": Hello,
    "state": StoreState,
    "snapshot": Snapshot,
    "snapshot-part": SnapshotPart,
    "answer": Answer,
    "heard": Heard,
    "command": Command,
    "hq-state": HqState,
    "event": Event,
}

#: Channel by channel: its address, its messages, who sends, and whether the last one stays at the broker.
_STORE: Final = f"{ROOT}/{{chain}}/{{shard}}/{{store}}"
CHANNELS: Final[dict[str, tuple[str, tuple[str, ...], str, bool]]] = {
    "log": (f"{_STORE}/up/log", ("batch",), "store", False),
    "hello": (f"{_STORE}/up/hello", ("hello",), "store", False),
    "state": (f"{_STORE}/up/state", ("state",), "store", True),
    "snapshot": (f"{_STORE}/up/snapshot/{{name}}/{{part}}", ("snapshot", "snapshot-part"), "store", False),
    "answer": (f"{_STORE}/up/answer", ("answer",), "store", False),
    "heard": (f"{_STORE}/down/heard", ("heard",), "hq", False),
    "command": (f"{_STORE}/down/command", ("command",), "hq", False),
    "hqState": (f"{ROOT}/{{chain}}/hq/state", ("hq-state",), "hq", True),
    "events": (f"{ROOT}/{{chain}}/events/{{kind}}/{{store}}", ("event",), "hq", False),
}

_PARAMETERS: Final = {
    "chain": "1 to 32 of A-Z a-z 0-9 -",
    "shard": "crc32(store) & 63 in two hex digits",
    "store": "1 to 32 of A-Z a-z 0-9 -",
    "kind": "what kind of row: stock, case, order, day …",
    "name": "as HQ asked for it: 1 to 32 of A-Z a-z 0-9 -",
    "part": f"0 (what follows) to {MAX_PARTS}",
}

#: What holds for a field of this name in every message.
_LIMITS: Final[dict[str, dict[str, Any]]] = {
    **{name: {"minimum": 1} for name in ("epoch", "first", "oldest", "counter", "newest", "window", "part")},
    **{name: {"minimum": 0} for name in ("seq", "head", "digest_seq", "upto", "linger_ms")},
    "digest": {"pattern": "^[0-9a-f]{16}$"},
    "v": {"const": WIRE_VERSION},
}

_UNKNOWN_ROW: Final = {
    "title": "UnknownRow",
    "description": "A row of a kind that this version does not know: to be kept, never an error.",
    "type": "object",
    "properties": {
        "seq": {"type": "integer"},
        "kind": {"type": "string", "not": {"enum": [kind for kind in KNOWN_KINDS if kind != "order"]}},
    },
    "required": ["seq", "kind"],
    "if": {"properties": {"kind": {"const": "order"}}},
    "then": {"not": {"required": ["order"]}},
}


def schemas(ref: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """(each message's schema, the definitions they share); `ref` is how one names another, with `{name}` in it."""
    found, shared = msgspec.json.schema_components([*MESSAGES.values(), HqAsk], ref_template=ref)
    tops = list(found)
    batch = shared["Batch"] = shared.pop("KnownBatch")
    tops[0] = {"$ref": ref.format(name="Batch")}
    rows = batch["properties"]["rows"]
    rows["minItems"] = 1
    rows["items"]["anyOf"].append({"$ref": ref.format(name="UnknownRow")})
    rows["items"].pop("discriminator", None)
    batch |= {"title": "Batch", "description": inspect.getdoc(Batch)}
    # msgspec lets anything stand where the raw bytes of an ask are kept.
    shared["Command"]["properties"]["ask"] = tops[-1]
    tops[-1].pop("discriminator", None)
    shared["Event"]["properties"]["data"] = rows["items"]
    shared["UnknownRow"] = dict(_UNKNOWN_ROW)
    for definition in shared.values():
        definition["description"] = inspect.cleandoc(definition["description"])
        for name, schema in definition["properties"].items():
            schema |= _LIMITS.get(name, {})
        _bound(definition)
    return dict(zip(MESSAGES, tops, strict=False)), shared


def _bound(schema: Any) -> None:
    """Numbers that every JSON reader keeps exact, texts that every database keeps."""
    if isinstance(schema, list):
        for each in schema:
            _bound(each)
    elif isinstance(schema, dict):
        if schema.get("type") == "integer":
            schema.setdefault("minimum", -MAX_NUMBER)
            schema.setdefault("maximum", MAX_NUMBER)
        elif schema.get("type") == "string":
            schema.setdefault("maxLength", MAX_TEXT)
        for each in schema.values():
            _bound(each)


def json_schema(message: str) -> dict[str, Any]:
    """One message's schema, complete in itself (JSON Schema 2020-12)."""
    tops, shared = schemas("#/$defs/{name}")
    needed: dict[str, Any] = {}
    _gather(tops[message], shared, needed)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **tops[message], "$defs": needed}


def _gather(schema: Any, shared: dict[str, Any], needed: dict[str, Any]) -> None:
    """The definitions that a schema leads to."""
    if isinstance(schema, list):
        for each in schema:
            _gather(each, shared, needed)
    elif isinstance(schema, dict):
        name = str(schema.get("$ref", "")).rsplit("/", 1)[-1]
        if name and name not in needed:
            needed[name] = shared[name]
            _gather(shared[name], shared, needed)
        for each in schema.values():
            _gather(each, shared, needed)


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3 document: channels, who sends on them, and what."""
    tops, shared = schemas("#/components/schemas/{name}")
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Nearshelf: what a store and HQ say to each other",
            "version": "1.0.0",
            "description": "The contract in words, with the rules no schema can say, is README.md beside this file.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {name: _channel(*about) for name, about in CHANNELS.items()},
        "operations": {
            f"{who}Sends{name[0].upper()}{name[1:]}": {
                "action": "send",
                "channel": {"$ref": f"#/channels/{name}"},
                "bindings": {"mqtt": {"qos": 1, "retain": stays, "bindingVersion": "0.2.0"}},
            }
            for name, (_, _, who, stays) in CHANNELS.items()
        },
        "components": {
            "messages": {name: {"name": name, "payload": top} for name, top in tops.items()},
            "schemas": shared,
        },
    }


def _channel(address: str, messages: tuple[str, ...], who: str, stays: bool) -> dict[str, Any]:
    told = [name for name in _PARAMETERS if f"{{{name}}}" in address]
    return {
        "address": address,
        "description": f"Sent by {'a store' if who == 'store' else 'HQ'}" + (", retained." if stays else "."),
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "parameters": {name: {"description": _PARAMETERS[name]} for name in told},
    }


def files() -> dict[Path, bytes]:
    """Every generated file with its content."""
    made = {HOME / "asyncapi.json": asyncapi()}
    made |= {HOME / "schemas" / f"{name}.json": json_schema(name) for name in MESSAGES}
    return {path: msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n" for path, content in made.items()}


def main() -> None:
    """Write them."""
    for path, content in files().items():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        sys.stdout.write(f"{path.relative_to(HOME.parent)}\n")


if __name__ == "__main__":
    main()
