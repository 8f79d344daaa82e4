"""HQ's signature under a command: whoever holds the broker still moves no stock. Ed25519 (RFC 8032).

The library is loaded where it is used: a store without a key saves its start and its memory.
"""

import base64
import binascii
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from wire.codec import encode
from wire.messages import Command, HqAsk
from wire.topics import StoreTopics

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


class KeyUnusable(Exception):
    """Raised when a file holds no Ed25519 key; says which."""


class NotSigned(Exception):
    """Raised when HQ did not sign this for this store."""


def signed(to: StoreTopics, ask: bytes) -> bytes:
    """What is signed: for which store, then the ask's bytes. Names hold no NUL, so nothing moves between them."""
    return b"\0".join((b"nearshelf/v1/command", to.chain.encode(), to.store.encode(), ask))


class Signer:
    """HQ's end."""

    def __init__(self, key: "Ed25519PrivateKey") -> None:
        self._key = key

    @classmethod
    def read(cls, path: Path) -> "Signer":
        """From a PEM file. Raises KeyUnusable."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            key = load_pem_private_key(path.read_bytes(), None)
        except (OSError, ValueError, TypeError) as error:
            raise KeyUnusable(f"{path}: {error}") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise KeyUnusable(f"{path} holds no Ed25519 key")
        return cls(key)

    def command(self, to: StoreTopics, ask: HqAsk) -> bytes:
        """The payload of `down/command`."""
        body = msgspec.json.encode(ask)
        signature = base64.b64encode(self._key.sign(signed(to, body))).decode()
        return encode(Command(msgspec.Raw(body), signature))


class Verifier:
    """A store's end."""

    def __init__(self, key: "Ed25519PublicKey") -> None:
        self._key = key

    @classmethod
    def read(cls, path: Path) -> "Verifier":
        """From a PEM file. Raises KeyUnusable."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        try:
            key = load_pem_public_key(path.read_bytes())
        except (OSError, ValueError) as error:
            raise KeyUnusable(f"{path}: {error}") from error
        if not isinstance(key, Ed25519PublicKey):
            raise KeyUnusable(f"{path} holds no Ed25519 key")
        return cls(key)

    def check(self, to: StoreTopics, command: Command) -> None:
        """Raises NotSigned."""
        from cryptography.exceptions import InvalidSignature

        try:
            self._key.verify(base64.b64decode(command.sig, validate=True), signed(to, bytes(command.ask)))
        except (InvalidSignature, binascii.Error, ValueError) as error:
            raise NotSigned("not signed by HQ for this store") from error
