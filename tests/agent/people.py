"""People who work in a test's store, and what their browsers send."""

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import httpx
import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from agent.core.people import Role, Worker
from agent.people.door import Door

PIN = "8305"


async def hire(
    door: Door, worker: str = "w1", role: Role = "picker", pin: str = PIN, lang: Literal["zh", "en"] = "zh"
) -> Worker:
    """Somebody who works here from now on; their badge is `badge-<id>`."""
    somebody = Worker(worker, worker.upper(), role, lang)
    known, secret = door.known_as(f"badge-{worker}"), await door.secret_of(pin)

    def add(file: Any) -> Worker:
        file.add(somebody, known, secret)
        return somebody

    return await door.write(add)


async def sign_in(client: httpx.AsyncClient, worker: str = "w1", pin: str = PIN, **more: Any) -> httpx.Response:
    """Scan the badge, enter the PIN; once it is right the client sends cookie and X-CSRF with all that follows."""
    answer = await client.post("/v1/session", json={"badge": f"badge-{worker}", "pin": pin, **more})
    if answer.status_code == 200:
        client.headers["x-csrf"] = answer.json()["csrf"]
    return answer


async def person(client: httpx.AsyncClient, door: Door, worker: str = "w1", role: Role = "picker") -> httpx.AsyncClient:
    """The client, with somebody of this role who was hired and signed in."""
    await hire(door, worker, role)
    answer = await sign_in(client, worker)
    assert answer.status_code == 200, answer.text
    return client


class Browser(Protocol):
    """Has a key of its own, and proves its requests with it."""

    @property
    def key(self) -> dict[str, str]: ...

    def sign(self, message: bytes) -> bytes: ...


@dataclass
class WithHmac:
    """A browser on plain http."""

    secret: bytes = b"k" * 32

    @property
    def key(self) -> dict[str, str]:
        return {"kty": "oct", "k": b64(self.secret)}

    def sign(self, message: bytes) -> bytes:
        import hmac

        return hmac.digest(self.secret, message, "sha256")


@dataclass
class WithKeys:
    """A browser in a secure context."""

    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def key(self) -> dict[str, str]:
        at = self.private.public_key().public_numbers()
        return {"kty": "EC", "crv": "P-256", "x": b64(at.x.to_bytes(32)), "y": b64(at.y.to_bytes(32))}

    def sign(self, message: bytes) -> bytes:
        r, s = decode_dss_signature(self.private.sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32) + s.to_bytes(32)


def proof(
    browser: Browser, number: int, method: Literal["GET", "POST", "DELETE"], target: str, body: bytes = b""
) -> dict[str, str]:
    """The header that proves a request."""
    message = f"{number}\n{method}\n{target}\n{b64(hashlib.sha256(body).digest())}".encode()
    return {"x-proof": f"{number}.{b64(browser.sign(message))}"}


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def as_json(value: object) -> bytes:
    return msgspec.json.encode(value)
