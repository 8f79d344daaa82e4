"""Who we are to a device, and who it must be: TLS with the store's own authority, a name and a password.

The files are read at each connection, so that renewed ones count from the next one on.
"""

import ssl
from dataclasses import dataclass, replace
from pathlib import Path

from drivers.errors import DeviceRefused
from drivers.settings import Asked

_LONGEST_PATH = 1000
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Access:
    """The settings `ca`, `cert`, `key`, `username` and `password_file`; empty: left out."""

    ca: str = ""
    cert: str = ""
    key: str = ""
    username: str = ""
    password_file: str = ""

    def context(self) -> ssl.SSLContext:
        """What a TLS connection needs. Raises DeviceRefused naming the file that does not serve."""
        try:
            context = ssl.create_default_context(cafile=self.ca or None)
        except (OSError, ValueError) as why:
            raise _unusable(self.ca, "certificates of an authority in PEM", why) from why
        if self.ca:  # it may be the device's own certificate, which most sign themselves
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        try:
            if self.cert:
                context.load_cert_chain(self.cert, self.key, password=_no_password)
        except (OSError, ValueError) as why:
            raise _unusable(f"{self.cert} with {self.key}", "a certificate and its key in PEM", why) from why
        return context

    def password(self) -> str:
        """What is in the file, without the end of its line. Raises DeviceRefused."""
        try:
            return Path(self.password_file).read_text(encoding="utf-8").rstrip("\r\n") if self.password_file else ""
        except (OSError, ValueError) as why:
            raise _unusable(self.password_file, "one line with the password", why) from why


def access_from(asked: Asked, *, tls: bool) -> Access:
    """Asks for what of it makes sense; `tls`: the address has TLS."""
    password_file = asked.text("password_file", "", _LONGEST_PATH)
    username = asked.text("username", "", _LONGEST_NAME)
    if password_file and not username:
        asked.wrong("username", "missing; the password needs one")
    return replace(certificates_from(asked, tls=tls), username=username, password_file=password_file)


def certificates_from(asked: Asked, *, tls: bool) -> Access:
    """Asks for `ca`, `cert` and `key` alone."""
    access = Access(**{key: asked.text(key, "", _LONGEST_PATH) for key in ("ca", "cert", "key")})
    for key in ("ca", "cert", "key"):
        if getattr(access, key) and not tls:
            asked.wrong(key, "is of no use: the address is without TLS")
    if bool(access.cert) != bool(access.key):
        asked.wrong("cert", "a certificate and its key go together: give both or neither")
    return access


def _unusable(path: str, wanted: str, why: Exception) -> DeviceRefused:
    reason = getattr(why, "strerror", None) or getattr(why, "reason", None) or str(why)
    hint = f"It must hold {wanted}, readable by the service's user."
    return DeviceRefused(f"{path} cannot be used: {reason}", hint, "settings")


def _no_password() -> str:
    raise ValueError("the key is locked with a password; a daemon has nobody to ask")
