"""The chain's private authority: who may be on the line, as files in one folder.

Everybody who speaks proves by certificate who they are; the broker's rules go by the name in it. One authority serves
one chain and one broker. Names hold a dot where no store's name can, so that no store can be enrolled as HQ.

The folder: `ca-N.pem` and `ca-N.key` (the newest N issues), `ca.pem` (all that are trusted now), `crl.pem` (what is not
any more), `commands.key` and `.pub` (Ed25519, by which stores know HQ's commands), and `issued/<name>/`, each of which
is copied whole to its owner. Keys can be read by their owner alone. Nothing here connects to anything.
"""

import datetime as dt
import ipaddress
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from wire.topics import is_name

Role = Literal["store", "hq", "reader", "broker", "node", "pages"]

#: HQ's name on the line, the broker's, and how the names begin of those who only read, of an engine's nodes and of a
#: store's pages.
HQ: Final = "nearshelf.hq"
BROKER: Final = "nearshelf.broker"
READER: Final = "reader."
NODE: Final = "node."
PAGES: Final = "pages."

_AUTHORITY_DAYS: Final = 3650
#: Clocks differ, and a mini-PC may start before it knows the time.
_BACKDATED: Final = dt.timedelta(days=1)
#: A store's certificate must not do for a broker.
_USES: Final = {
    "store": [ExtendedKeyUsageOID.CLIENT_AUTH],
    "hq": [ExtendedKeyUsageOID.CLIENT_AUTH],
    "reader": [ExtendedKeyUsageOID.CLIENT_AUTH],
    "broker": [ExtendedKeyUsageOID.SERVER_AUTH],
    "pages": [ExtendedKeyUsageOID.SERVER_AUTH],
    "node": [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH],
}
_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


class CannotIssue(Exception):
    """Raised when something asked of the authority cannot be; says what to do. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class Issued:
    """One certificate in the folder: whose, until when (UTC), and by which of the authority's certificates."""

    name: str
    role: Role
    begins: dt.datetime
    ends: dt.datetime
    by: int

    def is_half_through(self, now: dt.datetime) -> bool:
        """Is half of its life over? Then it is time to renew: the line to a store may be down for days."""
        return now >= self.begins + (self.ends - self.begins) / 2


class Authority:
    """An authority in its folder."""

    def __init__(self, folder: Path, now: dt.datetime) -> None:
        """Raises CannotIssue when there is none."""
        if not (folder / "ca.pem").exists():
            raise CannotIssue(f"{folder} is no authority; make one with: nearshelf-hq certs init {folder} --chain NAME")
        self.folder = folder
        self._now = now

    @classmethod
    def make(cls, folder: Path, chain: str, now: dt.datetime) -> "Authority":
        """A new authority for a chain. Raises CannotIssue when the folder has one, or the chain's name is none."""
        if not is_name(chain):
            raise CannotIssue(f"{chain!r} is no chain: 1 to 32 of A-Z a-z 0-9 -")
        if (folder / "ca.pem").exists():
            raise CannotIssue(f"{folder} has an authority already; `rotate` replaces it without an outage")
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        signs = ed25519.Ed25519PrivateKey.generate()
        _write(folder / "commands.key", _pem_key(signs), secret=True)
        _write(
            folder / "commands.pub", signs.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        )
        _new_certificate(folder, chain, 1, now)
        _write(folder / "ca.pem", (folder / "ca-1.pem").read_bytes())
        authority = cls(folder, now)
        authority._write_revoked()
        return authority

    def store(self, store: str, days: int, request: bytes | None = None) -> Path:
        """Enrol a store; with its signing request (PEM, PKCS #10) its key never leaves it."""
        if not is_name(store):
            raise CannotIssue(f"{store!r} is no store: 1 to 32 of A-Z a-z 0-9 -")
        return self._issue("store", store, days, (), request)

    def hq(self, days: int) -> Path:
        """Enrol `nearshelf-hq` itself."""
        return self._issue("hq", HQ, days)

    def reader(self, name: str, days: int) -> Path:
        """Enrol somebody who only reads along; the broker's rules say what."""
        if not is_name(name):
            raise CannotIssue(f"{name!r} is no name: 1 to 32 of A-Z a-z 0-9 -")
        return self._issue("reader", READER + name, days)

    def broker(self, hosts: Sequence[str], days: int) -> Path:
        """The broker, under every name or address by which stores and HQ reach it."""
        return self._issue("broker", BROKER, days, _hosts_to_name(hosts))

    def node(self, name: str, hosts: Sequence[str], days: int) -> Path:
        """A node of the engine: server to HQ and to its peers, client of its peers."""
        if not is_name(name):
            raise CannotIssue(f"{name!r} is no name: 1 to 32 of A-Z a-z 0-9 -")
        return self._issue("node", NODE + name, days, _hosts_to_name(hosts))

    def pages(self, store: str, hosts: Sequence[str], days: int) -> Path:
        """A store's pages, under every name or address by which handhelds and tills reach them; no word on the line."""
        if not is_name(store):
            raise CannotIssue(f"{store!r} is no store: 1 to 32 of A-Z a-z 0-9 -")
        return self._issue("pages", PAGES + store, days, _hosts_to_name(hosts))

    def issued(self) -> list[Issued]:
        """All that is in the folder, by name."""
        found = []
        for path in sorted(self.folder.glob("issued/*/cert.pem")):
            certificate = _certificate(path)
            name = path.parent.name
            ends, begins = certificate.not_valid_after_utc, certificate.not_valid_before_utc
            found.append(Issued(name, _role_of(name), begins, ends, self._issuer_of(certificate)))
        return found

    def renew(self, days: int, *, everything: bool = False) -> list[str]:
        """New certificates and keys for those whose life is half over, or that an older certificate of ours issued.

        One whose key never left its owner is not among them: it sends a new request.
        """
        newest = self._numbers()[-1]
        renewed = []
        for each in self.issued():
            folder = self.folder / "issued" / each.name
            due = everything or each.is_half_through(self._now) or each.by != newest
            if not due or not (folder / "key.pem").exists():
                continue
            hosts = _hosts(_certificate(folder / "cert.pem")) if each.role in ("broker", "node", "pages") else ()
            self._issue(each.role, each.name, days, hosts)
            renewed.append(each.name)
        return renewed

    def revoke(self, name: str) -> None:
        """Believe this certificate no more, and take it out of the folder; the broker must be told (SIGHUP)."""
        folder = self.folder / "issued" / name
        if not (folder / "cert.pem").exists():
            raise CannotIssue(f"{name!r} is not in {self.folder / 'issued'}")
        certificate = _certificate(folder / "cert.pem")
        line = f"{self._issuer_of(certificate)} {certificate.serial_number:x} {name}\n"
        with (self.folder / "revoked").open("a") as revoked:
            revoked.write(line)
        self._write_revoked()
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()

    def begin_rotation(self) -> int:
        """A new certificate of the authority, trusted beside the old one; the number it has.

        Everybody's `ca.pem` now holds both: copy them out first, then `renew`, copy again, then `finish_rotation`.
        """
        numbers = self._numbers()
        chain = _certificate(self.folder / f"ca-{numbers[-1]}.pem").subject.get_attributes_for_oid(
            NameOID.ORGANIZATION_NAME
        )[0]
        _new_certificate(self.folder, str(chain.value), numbers[-1] + 1, self._now)
        self._trust(self._numbers())
        return numbers[-1] + 1

    def finish_rotation(self) -> None:
        """Trust the newest certificate of the authority alone. Raises CannotIssue while somebody has an older one's."""
        newest = self._numbers()[-1]
        behind = [each.name for each in self.issued() if each.by != newest]
        if behind:
            raise CannotIssue(f"{', '.join(behind[:10])} would be locked out; renew them and copy them out first")
        for number in self._numbers()[:-1]:
            for path in (self.folder / f"ca-{number}.pem", self.folder / f"ca-{number}.key"):
                path.unlink()
        self._trust([newest])

    def _issue(self, role: Role, name: str, days: int, hosts: Sequence[str] = (), request: bytes | None = None) -> Path:
        if not 1 <= days <= _AUTHORITY_DAYS:
            raise CannotIssue(f"{days} days: from 1 to {_AUTHORITY_DAYS}")
        newest = self._numbers()[-1]
        key = ec.generate_private_key(ec.SECP256R1())
        public = key.public_key() if request is None else _asked_by(request)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(_certificate(self.folder / f"ca-{newest}.pem").subject)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - _BACKDATED)
            .not_valid_after(self._now + dt.timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage(_USES[role]), critical=False)
        )
        if hosts:
            certificate = certificate.add_extension(
                x509.SubjectAlternativeName([_named(host) for host in hosts]), critical=False
            )
        folder = self.folder / "issued" / name
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        if request is None:
            _write(folder / "key.pem", _pem_key(key), secret=True)
        else:
            (folder / "key.pem").unlink(missing_ok=True)
        signed = certificate.sign(self._key(newest), hashes.SHA256())
        _write(folder / "cert.pem", signed.public_bytes(Encoding.PEM))
        _write(folder / "ca.pem", (self.folder / "ca.pem").read_bytes())
        if role == "store":
            _write(folder / "commands.pub", (self.folder / "commands.pub").read_bytes())
        elif role == "hq":
            _write(folder / "commands.key", (self.folder / "commands.key").read_bytes(), secret=True)
        elif role == "broker":
            _write(folder / "crl.pem", (self.folder / "crl.pem").read_bytes())
        return folder

    def _numbers(self) -> list[int]:
        return sorted(int(path.stem[3:]) for path in self.folder.glob("ca-*.pem"))

    def _key(self, number: int) -> ec.EllipticCurvePrivateKey:
        key = load_pem_private_key((self.folder / f"ca-{number}.key").read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return key

    def _issuer_of(self, certificate: x509.Certificate) -> int:
        """By which of our certificates; 0 for one we no longer have."""
        for number in self._numbers():
            if _certificate(self.folder / f"ca-{number}.pem").subject == certificate.issuer:
                return number
        return 0

    def _trust(self, numbers: Sequence[int]) -> None:
        bundle = b"".join((self.folder / f"ca-{number}.pem").read_bytes() for number in numbers)
        for path in (self.folder / "ca.pem", *self.folder.glob("issued/*/ca.pem")):
            _write(path, bundle)
        self._write_revoked()

    def _write_revoked(self) -> None:
        """One list for each of our certificates, empty ones too: a broker that checks wants one of every issuer."""
        path = self.folder / "revoked"
        lines = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
        lists = []
        for number in self._numbers():
            authority = _certificate(self.folder / f"ca-{number}.pem")
            builder = (
                x509.CertificateRevocationListBuilder()
                .issuer_name(authority.subject)
                .last_update(self._now - _BACKDATED)
                .next_update(authority.not_valid_after_utc)  # an overdue list would lock everybody out
            )
            for by, serial, *_ in lines:
                if int(by) == number:
                    gone = x509.RevokedCertificateBuilder().serial_number(int(serial, 16))
                    builder = builder.add_revoked_certificate(gone.revocation_date(self._now).build())
            lists.append(builder.sign(self._key(number), hashes.SHA256()).public_bytes(Encoding.PEM))
        for target in (self.folder / "crl.pem", *self.folder.glob(f"issued/{BROKER}/crl.pem")):
            _write(target, b"".join(lists))


def _new_certificate(folder: Path, chain: str, number: int, now: dt.datetime) -> None:
    """A self-signed certificate of the authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, chain),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Nearshelf authority {number}"),
        ]
    )
    uses = x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + dt.timedelta(days=_AUTHORITY_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(uses, critical=True)
        .sign(key, hashes.SHA256())
    )
    _write(folder / f"ca-{number}.key", _pem_key(key), secret=True)
    _write(folder / f"ca-{number}.pem", certificate.public_bytes(Encoding.PEM))


def _asked_by(request: bytes) -> ec.EllipticCurvePublicKey:
    """The key of a signing request. Whose it is we say ourselves: names in a request prove nothing."""
    try:
        asked = x509.load_pem_x509_csr(request)
    except ValueError as error:
        raise CannotIssue("this is no signing request (PEM, PKCS #10)") from error
    key = asked.public_key()
    if not asked.is_signature_valid or not isinstance(key, ec.EllipticCurvePublicKey):
        raise CannotIssue("the signing request must be signed by its own elliptic-curve key (P-256)")
    return key


def _role_of(name: str) -> Role:
    if name == BROKER:
        return "broker"
    if name == HQ:
        return "hq"
    if name.startswith(NODE):
        return "node"
    if name.startswith(PAGES):
        return "pages"
    return "reader" if name.startswith(READER) else "store"


def _hosts_to_name(hosts: Sequence[str]) -> Sequence[str]:
    for host in hosts:
        if not _HOST.fullmatch(host) and not _is_address(host):
            raise CannotIssue(f"{host!r} is neither a host's name nor its address")
    if not hosts:
        raise CannotIssue("name the host, or hosts, by which it is reached")
    return hosts


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _named(host: str) -> x509.GeneralName:
    return x509.IPAddress(ipaddress.ip_address(host)) if _is_address(host) else x509.DNSName(host)


def _hosts(certificate: x509.Certificate) -> tuple[str, ...]:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return tuple(str(name.value) for name in names)


def _certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def _pem_key(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(path: Path, data: bytes, *, secret: bool = False) -> None:
    """Whole or not at all; a secret is never readable by others, not for a moment."""
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if secret else 0o644), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)
