"""The key without which badges and PINs in the file of people cannot be tried: it stays on this machine."""

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Final

_KEY_BYTES: Final = 32
_OTHERS: Final = 0o077
#: 16 MiB and 50 to 150 ms on a mini-PC: one try a time, see `Door`.
_N, _R, _P, _MOST_MEMORY = 2**14, 8, 1, 64 * 1024 * 1024
SALT_BYTES: Final = 16


class PepperUnusable(Exception):
    """The key file cannot be used; `str` says why and what to do."""


class Pepper:
    """Makes of badges and PINs what is kept of them. `id` names the key, and says nothing of it."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.id = self._mac(b"id", b"")[:8]

    def badge(self, badge: str) -> bytes:
        """What is kept of a badge: the same for the same badge, so that it can be looked up."""
        return self._mac(b"badge", badge.encode())

    def pin(self, pin: str, salt: bytes) -> bytes:
        """What is kept of a PIN. Takes its time: call it in a thread."""
        return hashlib.scrypt(
            self._mac(b"pin", pin.encode()), salt=salt, n=_N, r=_R, p=_P, maxmem=_MOST_MEMORY, dklen=32
        )

    def _mac(self, of: bytes, what: bytes) -> bytes:
        return hmac.digest(self._key, of + b"\0" + what, "sha256")


def read_or_make(path: Path) -> Pepper:
    """The key of this machine, made when there is none. Raises PepperUnusable."""
    try:
        if not path.exists():
            _make(path)
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            key = file.read(_KEY_BYTES + 1)
    except OSError as error:
        raise PepperUnusable(
            f"the key {path} cannot be read: {error.strerror}. It must belong to the user the agent runs as."
        ) from error
    if mode & _OTHERS:
        raise PepperUnusable(f"others may read the key {path}. Say: chmod 600 {path}")
    if len(key) != _KEY_BYTES:
        raise PepperUnusable(f"{path} is no key. Remove it, start again, and set every badge and PIN anew.")
    return Pepper(key)


def _make(path: Path) -> None:
    """On disk before it has its name; of two who make one, one wins and both use that."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, secrets.token_bytes(_KEY_BYTES))
        os.fsync(descriptor)
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        os.close(descriptor)
        fresh.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
