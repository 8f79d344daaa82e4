"""Values out of JSON that a device sent. What is not as it should be is named and left out, never guessed."""

import re
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

#: EPC memory holds 496 bits of EPC (Gen2, 6.3.2.1.2).
EPC_BYTES_MAX: Final = 62

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_US: Final = 2**53  # the year 2255, and the largest whole number that every JSON parser agrees on
_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_URL_ALPHABET: Final = str.maketrans("+/", "-_")
_BASE64: Final = re.compile(r"[A-Za-z0-9_+/-]+={0,2}")
# A text that does not end reaches to the end, so that no byte is looked at twice.
_STRUCTURE: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[][{}]', re.DOTALL)
_OPENED_BY: Final = {b"}": b"{", b"]": b"["}


class BadEvent(Exception):
    """Raised over an event that cannot be read; the message says why, without the device's own text."""


def parsed(data: bytes) -> Any:
    """The JSON value. Raises BadEvent; also when it is nested too deep."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as why:
        raise BadEvent("no JSON") from why
    except RecursionError:
        raise BadEvent("JSON nested too deep") from None


def elements(data: bytes) -> Iterator[bytes]:
    """The objects that stand in an array of `data`, cut out by their brackets: for JSON that does not parse as a whole.

    One bad element costs itself; what stands behind a broken quote or bracket may be lost.
    """
    open_marks = bytearray()
    start = depth = -1
    for found in _STRUCTURE.finditer(data):
        mark = found.group()
        if mark in b"[{":
            if start < 0 and mark == b"{" and open_marks.endswith(b"["):
                start, depth = found.start(), len(open_marks)
            open_marks += mark
        elif open_marks.endswith(_OPENED_BY.get(mark, b"-")):
            open_marks.pop()
            if len(open_marks) == depth:
                yield data[start : found.end()]
                start = depth = -1


def members(value: object, what: str) -> dict[str, Any]:
    """An object's members by name."""
    if not isinstance(value, dict):
        raise BadEvent(f"{what} is no object")
    return value


def whole(given: dict[str, Any], key: str, low: int, high: int) -> int | None:
    """A whole number from `low` to `high`; None when it is left out."""
    value = given.get(key)
    if value is None:
        return None
    if type(value) is not int or not low <= value <= high:
        raise BadEvent(f"{key} is no whole number from {low} to {high}")
    return value


def number(given: dict[str, Any], key: str, low: float, high: float) -> float | None:
    """A number from `low` to `high`; None when it is left out."""
    value = given.get(key)
    if value is None:
        return None
    if type(value) not in (int, float) or not low <= value <= high:
        raise BadEvent(f"{key} is no number from {low:g} to {high:g}")
    return float(value)


def hexadecimal(given: dict[str, Any], key: str) -> bytes:
    """The 1 to 62 bytes of a text in hexadecimal."""
    value = given.get(key)
    if not isinstance(value, str) or len(value) > 2 * EPC_BYTES_MAX or not _HEX.fullmatch(value):
        raise BadEvent(f"{key} is no EPC in hexadecimal")
    return bytes.fromhex(value)


def base64url(given: dict[str, Any], key: str) -> bytes:
    """The 1 to 62 bytes of a text in Base64, in either alphabet (RFC 4648, 4 and 5), with its padding or without."""
    value = given.get(key)
    if not isinstance(value, str) or len(value) > 2 * EPC_BYTES_MAX or not _BASE64.fullmatch(value):
        raise BadEvent(f"{key} is no Base64")
    text = value.rstrip("=").translate(_URL_ALPHABET)
    try:
        found = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise BadEvent(f"{key} is no Base64") from None
    if not 1 <= len(found) <= EPC_BYTES_MAX:
        raise BadEvent(f"{key} is no EPC")
    return found


def words(value: object, longest: int = 200) -> str:
    """A device's text, fit for logs and pages; empty when it is none."""
    if not isinstance(value, str):
        return ""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in value[:longest])
    return shown[:longest]


def time_us(value: object) -> int | None:
    """A time in ISO 8601 as unix microseconds; without a zone it is taken as UTC. None for what is no such time."""
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        at = datetime.fromisoformat(value)
        since = (at if at.tzinfo else at.replace(tzinfo=UTC)) - _EPOCH
    except (ValueError, OverflowError):
        return None
    us = since // timedelta(microseconds=1)
    return us if 0 <= us <= _LATEST_US else None
