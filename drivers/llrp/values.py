"""Messages as named values, by the table in `schema`: nested dictionaries with LLRP's own names.

Absent children are None, byte strings are `bytes`, what the table does not know is left out. This is the readable way
for the few messages of a connection's beginning, for tests and for the simulated reader; reports by the thousand go
through `reports`.
"""

from collections.abc import Mapping
from typing import Any, Final

from drivers.llrp.codec import BadMessage, parameters, tlv
from drivers.llrp.schema import MESSAGE, PARAMETER, PARAMETER_NAME, Child, Field, Shape

#: The values of one message or parameter by name. The table says what a name holds, so the type cannot.
Values = dict[str, Any]

#: A ParameterError may hold another, and so on; nothing a reader means goes deeper than an inventory's filter (7).
DEPTH_MAX: Final = 16

_UNSIGNED: Final = {"u8": 8, "u16": 16, "u32": 32, "u64": 64}
_SIGNED: Final = {"s8": 8, "s16": 16}


def values(name: str, payload: bytes) -> Values:
    """What the payload of the message `name` says. Raises BadMessage."""
    return _values(MESSAGE[name], payload, 0, len(payload), 0)


def payload(name: str, given: Mapping[str, Any]) -> bytes:
    """The payload of the message `name`; values left out are zero, children left out are not sent."""
    return _bytes(MESSAGE[name], given)


class _Reader:
    """Takes fields off `data`, counting in bits."""

    def __init__(self, data: bytes, start: int, stop: int) -> None:
        self._data = data
        self._at = start * 8
        self._stop = stop * 8

    @property
    def byte(self) -> int:
        return (self._at + 7) // 8

    def bits(self, count: int) -> int:
        end = self._at + count
        if end > self._stop:
            raise BadMessage(f"{end - self._stop} bits are missing")
        covering = self._data[self._at // 8 : (end + 7) // 8]
        self._at = end
        return int.from_bytes(covering, "big") >> -end % 8 & (1 << count) - 1

    def take(self, count: int) -> bytes:
        start, end = self.byte, self.byte + count
        if end * 8 > self._stop:
            raise BadMessage(f"{end - self._stop // 8} bytes are missing")
        self._at = end * 8
        return self._data[start:end]

    def field(self, field: Field, into: Values) -> None:
        """Read one field into its name, or a bit array into its two."""
        kind, name = field.kind, field.name
        if bits := _UNSIGNED.get(kind):
            into[name] = self.bits(bits)
        elif bits := _SIGNED.get(kind):
            value = self.bits(bits)
            into[name] = value - (value >> bits - 1 << bits)
        elif kind == "bool":
            into[name] = self.bits(1) == 1
        elif kind == "text":
            into[name] = self.take(self.bits(16)).decode("utf-8", "replace")
        elif kind == "bytes":
            into[name] = self.take(self.bits(16)) or None
        elif kind == "rest":
            into[name] = self.take(self._stop // 8 - self.byte) or None
        elif kind == "bits":
            into[f"{name}NumBits"] = count = self.bits(16)
            into[name] = self.take((count + 7) // 8) or None
        elif kind in ("u16s", "u32s"):
            into[name] = [self.bits(int(kind[1:3])) for _ in range(self.bits(16))] or None
        elif kind.endswith("s"):
            into[name] = self.take(int(kind[:-1]))
        elif kind[0] == "_":
            self.bits(int(kind[1:]))
        else:
            into[name] = self.bits(int(kind[1:]))


def _values(shape: Shape, data: bytes, start: int, stop: int, depth: int) -> Values:
    if depth > DEPTH_MAX:
        raise BadMessage(f"parameters nested deeper than {DEPTH_MAX}")
    found: Values = {}
    reader = _Reader(data, start, stop)
    for field in shape.fields:
        reader.field(field, found)
    if not shape.children:
        return found
    wanted: dict[str, list[Child]] = {}
    for child in shape.children:
        found[child.name] = _zero(PARAMETER[child.type_name]) if child.how == "!" else None
        wanted.setdefault(child.type_name, []).append(child)
    for kind, at, end in parameters(data, reader.byte, stop):
        name = PARAMETER_NAME.get(kind, "")
        if name not in wanted:
            continue
        inner, places = PARAMETER[name], wanted[name]
        child = places.pop(0) if len(places) > 1 else places[0]
        value: Any = _values(inner, data, at, end, depth + 1)
        if inner.plain:
            value = value["value"]
        if child.how != "*":
            found[child.name] = value
        elif found[child.name] is None:
            found[child.name] = [value]
        else:
            found[child.name].append(value)
    return found


def _zero(shape: Shape) -> Any:
    """What a choice not taken looks like: every number 0, every byte string absent."""
    if shape.plain:
        return 0
    zero: Values = {}
    for field in shape.fields:
        if field.kind == "bits":
            zero[f"{field.name}NumBits"] = 0
        zero[field.name] = None
    return zero


class _Writer:
    """Puts fields behind one another, counting in bits."""

    def __init__(self) -> None:
        self._whole = bytearray()
        self._part = 0
        self._part_bits = 0

    def bits(self, value: int, count: int) -> None:
        self._part = self._part << count | value & (1 << count) - 1
        self._part_bits += count
        if self._part_bits % 8 == 0:
            self._whole += self._part.to_bytes(self._part_bits // 8, "big")
            self._part = self._part_bits = 0

    def put(self, value: bytes) -> None:
        self._whole += value

    def field(self, field: Field, given: Mapping[str, Any]) -> None:
        """Write one field by its name."""
        kind, value = field.kind, given.get(field.name)
        if bits := _UNSIGNED.get(kind) or _SIGNED.get(kind):
            self.bits(value or 0, bits)
        elif kind == "bool":
            self.bits(1 if value else 0, 1)
        elif kind in ("text", "bytes"):
            data = value.encode() if isinstance(value, str) else value or b""
            self.bits(len(data), 16)
            self.put(data)
        elif kind == "rest":
            self.put(value or b"")
        elif kind == "bits":
            data = value or b""
            self.bits(given.get(f"{field.name}NumBits", 8 * len(data)), 16)
            self.put(data)
        elif kind in ("u16s", "u32s"):
            self.bits(len(value or ()), 16)
            for item in value or ():
                self.bits(item, int(kind[1:3]))
        elif kind.endswith("s"):
            self.put((value or b"").ljust(int(kind[:-1]), b"\0"))
        else:
            self.bits(value or 0, int(kind[1:]))

    def written(self) -> bytes:
        assert self._part_bits == 0, "a shape of the table does not end on a byte"
        return bytes(self._whole)


def _bytes(shape: Shape, given: Mapping[str, Any]) -> bytes:
    writer = _Writer()
    for field in shape.fields:
        writer.field(field, given)
    for child in shape.children:
        inner, value = PARAMETER[child.type_name], given.get(child.name)
        if value is None or (child.how == "!" and value == _zero(inner)):
            continue
        for one in value if child.how == "*" else [value]:
            content = _bytes(inner, {"value": one} if inner.plain else one)
            if inner.number < 128:
                writer.put(bytes([0x80 | inner.number]) + content)
            else:
                writer.put(tlv(inner.number, content))
    return writer.written()
