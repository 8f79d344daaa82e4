"""The headers of every answer, and which content security policy a page has: one table."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_NOTHING: Final = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
#: A page runs the store's own scripts and styles, asks the store alone, and nobody may put it in a frame.
_PAGE: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "manifest-src 'self'; " + _NOTHING
)
#: What the API answers is never shown as a page.
_ANSWER: Final = f"default-src 'none'; {_NOTHING}; sandbox"

#: By the beginning of the path; the first that fits.
POLICIES: Final[Mapping[str, str]] = MappingProxyType({"/v1/": _ANSWER, "/": _PAGE})

_ALWAYS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
)


def headers_of(path: str) -> list[tuple[bytes, bytes]]:
    """What an answer of this path says beside its own headers. Nothing of the API is kept by a browser."""
    policy = next(policy for beginning, policy in POLICIES.items() if path.startswith(beginning) or beginning == "/")
    kept = b"no-store" if path.startswith("/v1/") else b"no-cache"
    return [(b"content-security-policy", policy.encode()), *_ALWAYS, (b"cache-control", kept)]
