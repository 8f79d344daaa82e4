"""Services are found by multicast DNS, with responders of all tempers, on the loopback."""

import random
import socket

import dns.message
import dns.name
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import mdns
from drivers.mdns import Service
from tests.drivers.mdns_responder import Responder, announcing, answering

OWN = "127.0.0.1"


def a_group() -> tuple[str, int]:
    """The group of multicast DNS at a port of our own: others on this machine are left in peace."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind((OWN, 0))
        return mdns.GROUP[0], free.getsockname()[1]


@pytest.mark.parametrize("stingy", [False, True])
@pytest.mark.parametrize("deaf_to", [0, 1])
async def test_a_reader_that_announces_itself_is_found(stingy: bool, deaf_to: int) -> None:
    group = a_group()
    records = announcing("Portal 1", "speedway", "192.0.2.20", 5084)
    async with answering(Responder(records, stingy, deaf_to), OWN, group):
        found = await mdns.browse("_llrp._tcp", 0.5, [OWN], group)
    assert found == [Service("Portal 1", "speedway.local", 5084, ("192.0.2.20",))]


async def test_two_readers_and_other_machines_are_told_apart() -> None:
    group = a_group()
    printer = [("_ipp._tcp.local.", "PTR", "Printer._ipp._tcp.local."), ("printer.local.", "A", "192.0.2.9")]
    readers = announcing("A", "a", "192.0.2.20", 5084), announcing("B", "b", "192.0.2.21", 5084)
    async with answering(Responder([*printer, *readers[0]]), OWN, group), answering(Responder(readers[1]), OWN, group):
        found = await mdns.browse("_llrp._tcp", 0.3, [OWN], group)
    assert [one.name for one in found] == ["A", "B"]


async def test_nobody_is_found_where_nobody_answers_and_where_there_is_no_interface() -> None:
    assert await mdns.browse("_llrp._tcp", 0.1, [OWN], a_group()) == []
    assert await mdns.browse("_llrp._tcp", 0.1, ["192.0.2.77"], a_group()) == []
    assert await mdns.browse("_llrp._tcp", 0.1, []) == []


def heard() -> mdns._Heard:
    return mdns._Heard(dns.name.from_text("_llrp._tcp.local."))


@given(st.binary(max_size=300))
def test_nonsense_on_the_network_is_no_service(data: bytes) -> None:
    listener = heard()
    listener.datagram_received(data, (OWN, 1))
    assert listener.services() == []


def test_an_answer_cut_or_changed_anywhere_does_no_harm_and_a_flood_is_bounded() -> None:
    chance = random.Random(1)
    answer = dns.message.from_text(
        "id 0\nopcode QUERY\nrcode NOERROR\nflags QR AA\n;ANSWER\n"
        "_llrp._tcp.local. 10 IN PTR A._llrp._tcp.local.\nA._llrp._tcp.local. 10 IN SRV 0 0 5084 a.local.\n"
        "a.local. 10 IN A 192.0.2.1\n;ADDITIONAL\n"
    ).to_wire()
    for at in range(len(answer)):
        listener = heard()
        listener.datagram_received(answer[:at], (OWN, 1))
        changed = bytearray(answer)
        changed[at] ^= 1 << chance.randrange(8)
        listener.datagram_received(bytes(changed), (OWN, 1))
        listener.datagram_received(answer, (OWN, 1))
        assert "A" in {one.name for one in listener.services()}
    flooded = heard()
    for nth in range(2000):
        record = dns.rrset.from_text("_llrp._tcp.local.", 10, "IN", "PTR", f"r{nth}._llrp._tcp.local.")
        for one in record:
            flooded._take(record.name, one)
    assert len(flooded.places) == 500
