"""Who is at the other end, proved by certificates: TLS 1.3 with a private authority that both ends trust alone."""

import datetime as dt
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

#: OpenSSL's X509_V_FLAG_NO_CHECK_TIME and X509_V_ERR_CERT_NOT_YET_VALID, which the ssl module does not name.
_NO_CHECK_TIME: Final = ssl.VerifyFlags(0x200000)
_NOT_YET_VALID: Final = 9
_BEFOREHAND_MS: Final = 30 * 24 * 3600 * 1000


class CredentialsUnusable(Exception):
    """Raised when the files cannot prove anybody; says which one, and what is wrong with it."""


class PeerEnded(OSError):
    """Raised when the other end's certificate has ended, whatever the clock says; says since when."""


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when a certificate holds, in unix ms."""

    begins: int
    ends: int

    def is_about_to_end(self, now: int) -> bool:
        """At `now` (unix ms): within 30 days, or in the last third of its life if that is shorter, or over."""
        return now >= self.ends - min(_BEFOREHAND_MS, (self.ends - self.begins) // 3)


@dataclass(frozen=True, slots=True)
class Credentials:
    """A folder of three PEM files as `nearshelf-hq certs` issues it.

    `ca.pem`: the authority's certificates, one or, while it is replaced, two; `cert.pem` and `key.pem`: ours.
    """

    folder: Path

    def context(self, *, by_the_clock: bool = True) -> ssl.SSLContext:
        """What a connection needs, read from the files now, so that renewed ones count from the next connection on.

        Without `by_the_clock` all is checked but times; see `refuse_ended`. Raises CredentialsUnusable.
        """
        ca = self.folder / "ca.pem"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        if not by_the_clock:
            context.verify_flags |= _NO_CHECK_TIME
        _must_be_readable(ca)
        try:
            context.load_verify_locations(ca)
        except ssl.SSLError as error:
            raise CredentialsUnusable(f"{ca} holds no certificate of an authority ({_reason(error)})") from error
        self._prove_by(context)
        return context

    def serving(self) -> ssl.SSLContext:
        """For those who come to us and have no certificate: browsers, tills. TLS 1.2 and 1.3; `ca.pem` is not needed.

        Raises CredentialsUnusable.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._prove_by(context)
        return context

    def renew(self, context: ssl.SSLContext) -> None:
        """Let new connections of a serving context have the files as they are now. Raises CredentialsUnusable.

        Files that do not belong together, as while they are copied, leave it as it is.
        """
        self.serving()
        self._prove_by(context)

    def _prove_by(self, context: ssl.SSLContext) -> None:
        cert, key = self.folder / "cert.pem", self.folder / "key.pem"
        for path in (cert, key):
            _must_be_readable(path)
        try:
            context.load_cert_chain(cert, key, password=_no_password)
        except (ssl.SSLError, ValueError) as error:
            raise CredentialsUnusable(
                f"{cert} and {key} do not belong together or are no PEM files ({_reason(error)})"
            ) from error

    def span(self) -> Span:
        """Of our own certificate, as the file is now. Raises CredentialsUnusable."""
        from cryptography import x509  # only here: 4 MB that a store without TLS does not need

        path = self.folder / "cert.pem"
        try:
            own = x509.load_pem_x509_certificate(path.read_bytes())
        except (OSError, ValueError) as error:
            raise CredentialsUnusable(f"{path} is no certificate that can be read: {error}") from error
        return Span(_ms(own.not_valid_before_utc), _ms(own.not_valid_after_utc))

    def refuse_ended(self, sock: ssl.SSLSocket) -> None:
        """For a clock that is behind: it is at least as late as the newest certificate here began (decision 0010).

        Raises PeerEnded when the other end's, or that of the authority which issued it, had ended by then;
        CredentialsUnusable.
        """
        shown = sock.getpeercert() or {}
        issuers = [ca for ca in sock.context.get_ca_certs() if ca["subject"] == shown["issuer"]]
        spans = [_span_of(each) for each in (shown, *issuers)]
        begun = max(self.span().begins, *(span.begins for span in spans))
        ended = min(span.ends for span in spans)
        if ended <= begun:
            raise PeerEnded(f"the broker's certificate ended on {as_day(ended)}, and it is {as_day(begun)} or later")


def shown_by(sock: socket.socket) -> Span | None:
    """Of the certificate that the other end has proved to own; None without TLS."""
    shown = sock.getpeercert() if isinstance(sock, ssl.SSLSocket) else None
    return _span_of(shown) if shown else None


def is_not_yet(error: ssl.SSLCertVerificationError) -> bool:
    """Is a certificate of the other end, or of its authority, not valid yet by our clock?"""
    return error.verify_code == _NOT_YET_VALID


def as_day(ms: int) -> str:
    """Of unix ms, in UTC, for people."""
    return dt.datetime.fromtimestamp(ms / 1000, dt.UTC).strftime("%Y-%m-%d")


def _span_of(decoded: Mapping[str, Any]) -> Span:
    begins, ends = (ssl.cert_time_to_seconds(decoded[name]) * 1000 for name in ("notBefore", "notAfter"))
    return Span(begins, ends)


def _ms(at: dt.datetime) -> int:
    return int(at.timestamp() * 1000)


def credentials_for(folder: Path | None, *, tls: bool) -> Credentials | None:
    """What a broker's address asks for. Raises CredentialsUnusable when it lacks, is not wanted, or does not serve."""
    if not tls:
        if folder is not None:
            raise CredentialsUnusable("is only for a broker at mqtts://; change the address, or leave this out")
        return None
    if folder is None:
        raise CredentialsUnusable("is missing: an mqtts:// broker wants the folder with ca.pem, cert.pem and key.pem")
    credentials = Credentials(folder)
    credentials.context()
    return credentials


def _must_be_readable(path: Path) -> None:
    try:
        path.read_bytes()
    except OSError as error:
        raise CredentialsUnusable(f"{path} cannot be read: {error.strerror}") from error


def _no_password() -> str:
    raise ValueError("the key is locked with a password; a daemon has nobody to ask")


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", "") or error)
