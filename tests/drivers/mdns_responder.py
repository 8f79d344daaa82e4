"""A machine that announces services by multicast DNS, as printers, and readers, do: RFC 6762 for one-shot questions."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import cast

import dns.message
import dns.name
import dns.rrset


@dataclass
class Responder(asyncio.DatagramProtocol):
    """Answers to the asker alone. `stingy` ones answer just what was asked, without the rest that saves a question."""

    records: Sequence[tuple[str, str, str]]  # name, type, what it says
    stingy: bool = False
    deaf_to: int = 0
    asked: int = 0
    line: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.line = cast(asyncio.DatagramTransport, transport)  # 3.11's is none by its class

    def datagram_received(self, data: bytes, sender: tuple[str, int]) -> None:
        self.asked += 1
        if self.asked <= self.deaf_to:
            return
        question = dns.message.from_wire(data)
        answer = dns.message.make_response(question)
        for name, kind, says in self.records:
            rrset = dns.rrset.from_text(name, 10, "IN", kind, says)
            if rrset.name == question.question[0].name and rrset.rdtype == question.question[0].rdtype:
                answer.answer.append(rrset)
            elif not self.stingy:
                answer.additional.append(rrset)
        if answer.answer and self.line is not None:
            self.line.sendto(answer.to_wire(), sender)

    def say(self, data: bytes, to: tuple[str, int]) -> None:
        """Send these very bytes, whatever they are."""
        assert self.line is not None
        self.line.sendto(data, to)


def announcing(name: str, host: str, address: str, port: int) -> list[tuple[str, str, str]]:
    """The records of one LLRP reader."""
    service = dns.name.Name([name.encode(), b"_llrp", b"_tcp", b"local", b""]).to_text()
    return [
        ("_llrp._tcp.local.", "PTR", service),
        (service, "SRV", f"0 0 {port} {host}.local."),
        (service, "TXT", '"txtvers=1"'),
        (f"{host}.local.", "A", address),
    ]


@contextlib.asynccontextmanager
async def answering(responder: Responder, own: str, group: tuple[str, int]) -> AsyncIterator[Responder]:
    """The responder, a member of the group at the interface with the address `own`."""
    member = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    member.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    member.bind(group)
    joined = struct.pack("4s4s", socket.inet_aton(group[0]), socket.inet_aton(own))
    member.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, joined)
    member.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(own))
    line, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: responder, sock=member)
    try:
        yield responder
    finally:
        line.close()
