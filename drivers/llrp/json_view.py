"""What a recorded message says, as the JSON in which such recordings are published: byte strings in base64."""

from base64 import b64encode
from typing import Any

from drivers.llrp.codec import HEADER_BYTES
from drivers.llrp.schema import MESSAGE, MESSAGE_NAME
from drivers.llrp.values import Values, values


def payload_to_json(message: str | int, payload: bytes) -> Values:
    """The named values of a payload without its header; `message` is its name or number.

    Raises BadMessage when the payload is not LLRP, KeyError when the message is not in LLRP 1.1.
    """
    name = MESSAGE_NAME[message] if isinstance(message, int) else message
    shown: Values = _shown(values(name, payload))
    return shown


def without_header(message: str, data: bytes) -> bytes:
    """`data` without the 10-byte header, if it begins with the header of this very message."""
    kind = int.from_bytes(data[:2], "big") & 0x3FF
    length = int.from_bytes(data[2:6], "big")
    if len(data) >= HEADER_BYTES and kind == MESSAGE[message].number and length == len(data):
        return data[HEADER_BYTES:]
    return data


def _shown(value: Any) -> Any:
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, dict):
        return {name: _shown(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_shown(inner) for inner in value]
    return value
