"""A browser's own key: each request shows that it comes from the browser that signed in, not only with its cookie.

Where the page is a secure context (https, or this machine) the key is ECDSA P-256, made by the browser so that no
script can read it. On plain http there is no such thing: then it is 32 bytes the page has made up, and a proof is
their HMAC.
What is proved is `number \\n METHOD \\n path?query \\n base64url(sha256(body))`; each number counts once.
"""

import base64
import binascii
import hashlib
import heapq
import hmac
import re
from typing import Final, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from msgspec import Struct

_COORDINATE: Final = 32
_PROOF: Final = re.compile(r"([1-9][0-9]{0,15})\.([A-Za-z0-9_-]{43}|[A-Za-z0-9_-]{86})")
#: Requests may overtake each other by so many.
_WINDOW: Final = 256


class BrowserKey(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A JSON Web Key (RFC 7517): `{"kty": "EC", "crv": "P-256", "x", "y"}` or `{"kty": "oct", "k"}`."""

    kty: Literal["EC", "oct"]
    crv: Literal["", "P-256"] = ""
    x: str = ""
    y: str = ""
    k: str = ""

    @property
    def moves(self) -> bool:
        """Does it stand for its browser wherever that is? Only a key that no script can read."""
        return self.kty == "EC"

    def problem(self) -> str:
        """What is wrong with it; empty when nothing is."""
        if self.kty == "oct":
            return (
                "" if len(_bytes(self.k)) == _COORDINATE and not (self.crv or self.x or self.y) else "k is not 32 bytes"
            )
        if self.crv != "P-256" or self.k:
            return "an EC key is of P-256, and has x and y"
        try:
            self._public()
        except ValueError:
            return "x and y are no point of P-256"
        return ""

    def made(self, signature: bytes, message: bytes) -> bool:
        """Is it this key's signature of the message?"""
        if self.kty == "oct":
            return hmac.compare_digest(hmac.digest(_bytes(self.k), message, "sha256"), signature)
        if len(signature) != 2 * _COORDINATE:
            return False
        r, s = (int.from_bytes(half) for half in (signature[:_COORDINATE], signature[_COORDINATE:]))
        try:
            self._public().verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True

    def _public(self) -> ec.EllipticCurvePublicKey:
        x, y = _bytes(self.x), _bytes(self.y)
        if len(x) != _COORDINATE or len(y) != _COORDINATE:
            raise ValueError("a coordinate has 32 bytes")
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + x + y)


class Numbers:
    """Which numbers of a session's requests have come: each counts once, and none that is long past."""

    def __init__(self, floor: int) -> None:
        self.highest = floor
        self._floor = floor
        self._heap: list[int] = []
        self._seen: set[int] = set()

    def take(self, number: int) -> bool:
        """Is it new? Then it is no longer."""
        if number <= self._floor or number in self._seen:
            return False
        heapq.heappush(self._heap, number)
        self._seen.add(number)
        self.highest = max(self.highest, number)
        if len(self._heap) > _WINDOW:
            self._floor = heapq.heappop(self._heap)
            self._seen.discard(self._floor)
        return True


def proved(key: BrowserKey, numbers: Numbers, proof: str, method: str, target: str, body: bytes) -> bool:
    """Does the header `number.base64url(signature)` prove this request, for the first time?"""
    found = _PROOF.fullmatch(proof)
    if found is None:
        return False
    digest = base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode()
    message = f"{found[1]}\n{method}\n{target}\n{digest}"
    return key.made(_bytes(found[2]), message.encode()) and numbers.take(int(found[1]))


def _bytes(text: str) -> bytes:
    """Of base64url without padding; nothing of what is none."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""
