"""Asks the local network who offers a service (RFC 6762, RFC 6763).

A "one-shot" question (RFC 6762 §5.1) from a port of our own, answered to us alone: no group is joined, and a responder
on this machine, such as avahi, keeps port 5353 to itself.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import dns.exception
import dns.message
import dns.name
import dns.rdatatype
from dns.rdtypes.ANY.PTR import PTR
from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.SRV import SRV

GROUP: Final = ("224.0.0.251", 5353)
_MOST_SERVICES: Final = 500
_LONGEST_NAME: Final = 63
#: Datagrams get lost, and some answer only just what was asked; so often is asked what is still open.
_TIMES: Final = 6
_MOST_ASKED: Final = 50


@dataclass(frozen=True, slots=True)
class Service:
    """One who offers the service: the name people gave it, its host's name, its IPv4 addresses, its port."""

    name: str
    host: str
    port: int
    addresses: tuple[str, ...]


async def browse(
    kind: str, within_s: float, interfaces: Iterable[str], group: tuple[str, int] = GROUP
) -> list[Service]:
    """Who offers `kind` (`_llrp._tcp`) on the networks of these own addresses. Takes `within_s`; never raises."""
    heard = _Heard(dns.name.from_text(f"{kind}.local."))
    opened = [await _line(own, heard) for own in interfaces]
    lines = [line for line in opened if line is not None]
    try:
        for _ in range(_TIMES):
            for question in heard.questions():
                for line in lines:
                    line.sendto(question, group)
            await asyncio.sleep(within_s / _TIMES)
    finally:
        for line in lines:
            line.close()
    return heard.services()


async def _line(own: str, heard: "_Heard") -> asyncio.DatagramTransport | None:
    """A line out of the interface with this address; None when that has just gone."""
    line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        line.setblocking(False)
        line.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(own))
        line.bind((own, 0))
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: heard, sock=line)
    except OSError:
        line.close()
        return None
    return transport


@dataclass(slots=True)
class _Heard(asyncio.DatagramProtocol):
    """What was answered so far. Anybody on the network may answer anything."""

    kind: dns.name.Name
    places: dict[dns.name.Name, tuple[dns.name.Name, int] | None] = field(default_factory=dict)
    addresses: dict[dns.name.Name, list[str]] = field(default_factory=dict)

    def questions(self) -> list[bytes]:
        """Who there is, and what the answers have left open."""
        open_places = [(name, "SRV") for name, place in self.places.items() if place is None]
        hosts = {place[0] for place in self.places.values() if place is not None}
        open_hosts = [(host, "A") for host in hosts - self.addresses.keys()]
        asked = [(self.kind, "PTR"), *open_places, *open_hosts][:_MOST_ASKED]
        return [dns.message.make_query(name, kind, flags=0).to_wire() for name, kind in asked]

    def datagram_received(self, data: bytes, _: tuple[str, int]) -> None:
        with suppress(dns.exception.DNSException, ValueError):
            answer = dns.message.from_wire(data, ignore_trailing=True, one_rr_per_rrset=True)
            for rrset in (*answer.answer, *answer.additional):
                for record in rrset:
                    self._take(rrset.name, record)

    def _take(self, name: dns.name.Name, record: object) -> None:
        if len(self.places) >= _MOST_SERVICES or len(self.addresses) >= _MOST_SERVICES:
            return
        if isinstance(record, PTR) and name == self.kind and record.target.is_subdomain(self.kind):
            self.places.setdefault(record.target, None)
        elif isinstance(record, SRV) and name.is_subdomain(self.kind):
            self.places[name] = record.target, record.port
        elif isinstance(record, A) and record.address not in self.addresses.setdefault(name, []):
            self.addresses[name] = [*self.addresses[name][-3:], str(ipaddress.IPv4Address(record.address))]

    def services(self) -> list[Service]:
        """Those who said where they are."""
        return [
            Service(_label(name), place[0].to_text(omit_final_dot=True), place[1], tuple(self.addresses[place[0]]))
            for name, place in sorted(self.places.items())
            if place is not None and self.addresses.get(place[0])
        ]


def _label(name: dns.name.Name) -> str:
    """A service's own name: any UTF-8 (RFC 6763 §4.1.1), made fit to be shown."""
    text = name.labels[0][:_LONGEST_NAME].decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else "?" for letter in text)
