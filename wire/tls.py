"""Who is at the other end, proved by certificates: TLS 1.3 with a private authority that both ends trust alone."""

import ssl
from dataclasses import dataclass
from pathlib import Path


class CredentialsUnusable(Exception):
    """Raised when the files cannot prove anybody; says which one, and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A folder of three PEM files as `nearshelf-hq certs` issues it.

    `ca.pem`: the authority's certificates, one or, while it is replaced, two; `cert.pem` and `key.pem`: ours.
    """

    folder: Path

    def context(self) -> ssl.SSLContext:
        """What a connection needs, read from the files now, so that renewed ones count from the next connection on.

        Raises CredentialsUnusable.
        """
        ca, cert, key = (self.folder / name for name in ("ca.pem", "cert.pem", "key.pem"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        for path in (ca, cert, key):
            try:
                path.read_bytes()
            except OSError as error:
                raise CredentialsUnusable(f"{path} cannot be read: {error.strerror}") from error
        try:
            context.load_verify_locations(ca)
        except ssl.SSLError as error:
            raise CredentialsUnusable(f"{ca} holds no certificate of an authority ({_reason(error)})") from error
        try:
            context.load_cert_chain(cert, key, password=_no_password)
        except (ssl.SSLError, ValueError) as error:
            raise CredentialsUnusable(
                f"{cert} and {key} do not belong together or are no PEM files ({_reason(error)})"
            ) from error
        return context


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


def _no_password() -> str:
    raise ValueError("the key is locked with a password; a daemon has nobody to ask")


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", "") or error)
