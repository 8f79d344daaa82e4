"""The line to a real broker: it comes up, tells the truth, comes back, and goes without a trace."""

import asyncio
import os
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.brokers import Mosquitto, free_port, running_mosquitto
from tests.waiting import until
from wire.codec import MAX_PAYLOAD
from wire.mqtt import BrokerLost, BrokerRefused, Link, MqttVersion, parse_broker
from wire.sockets import MAX_PACKET

VERSIONS: list[MqttVersion] = ["5", "3.1.1"]


class Ear:
    """A link with what it heard."""

    def __init__(
        self,
        address: str,
        client_id: str,
        version: MqttVersion = "5",
        topics: tuple[str, ...] = (),
        will: tuple[str, bytes] | None = None,
    ) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.ups = 0
        self.downs: list[str] = []
        self.link = Link(
            parse_broker(address),
            client_id,
            version=version,
            will=will,
            topics=topics,
            on_message=lambda topic, payload: self.heard.append((topic, payload)),
            on_up=self._up,
            on_down=self.downs.append,
            now_ms=lambda: 0,
        )

    def _up(self) -> None:
        self.ups += 1


@asynccontextmanager
async def listening(ear: Ear) -> AsyncIterator[Link]:
    """The link of `ear`, up; cancelled at the end."""
    task = asyncio.create_task(ear.link.run())
    try:
        await until(lambda: ear.link.state == "here" or task.done())
        yield ear.link
    finally:
        task.cancel()
        await asyncio.wait({task})


@pytest.mark.parametrize("version", VERSIONS)
async def test_messages_arrive_once_and_in_order(mosquitto: Mosquitto, version: MqttVersion) -> None:
    ear = Ear(mosquitto.address, "ear", version, ("t/#",))
    async with listening(ear), listening(Ear(mosquitto.address, "mouth", version)) as mouth:
        await asyncio.gather(*[mouth.publish("t/x", b"%d" % n) for n in range(500)])
        await until(lambda: len(ear.heard) >= 500)
    assert ear.heard == [("t/x", b"%d" % n) for n in range(500)]


@pytest.mark.parametrize("version", VERSIONS)
async def test_it_is_subscribed_when_it_says_it_is_up(mosquitto: Mosquitto, version: MqttVersion) -> None:
    ear = Ear(mosquitto.address, "ear", version, ("a", "b"))
    async with listening(ear) as link:
        await link.publish("b", b"1")
        await until(lambda: ear.heard)
    assert ear.heard == [("b", b"1")]


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_retained_message_is_heard_on_a_line_that_is_up(mosquitto: Mosquitto, version: MqttVersion) -> None:
    async with listening(Ear(mosquitto.address, "mouth", version)) as mouth:
        await mouth.publish("kept", b"1", retain=True)
    for _ in range(30):
        assert await _events_of_one_connection(mosquitto.address, version) == ["up", "message"]


async def _events_of_one_connection(address: str, version: MqttVersion) -> list[str]:
    """Connect, answer the retained message, and leave."""
    seen: list[str] = []
    answers: list[asyncio.Future[None]] = []

    def answer(topic: str, payload: bytes) -> None:
        seen.append("message")
        answers.append(link.publish("answer", payload))

    link = Link(
        parse_broker(address),
        "ear",
        version=version,
        topics=["kept"],
        on_message=answer,
        on_up=lambda: seen.append("up"),
        now_ms=lambda: 0,
    )
    task = asyncio.create_task(link.run())
    await until(lambda: answers)
    await answers[0]
    task.cancel()
    await asyncio.wait({task})
    return seen


async def test_a_message_ahead_of_its_suback_waits_for_the_line(mosquitto: Mosquitto) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(b"\x20\x03\x00\x00\x00")
        await reader.read(1000)
        writer.write(b"\x30\x04\x00\x01t\x00" + b"\x90\x04\x00\x01\x00\x01")
        await reader.read()
        writer.close()

    seen: list[str] = []
    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        link = Link(
            parse_broker(f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"),
            "ear",
            topics=["t"],
            on_message=lambda topic, payload: seen.append(topic),
            on_up=lambda: seen.append("up"),
            now_ms=lambda: 0,
        )
        task = asyncio.create_task(link.run())
        await until(lambda: len(seen) == 2)
        task.cancel()
        await asyncio.wait({task})
    assert seen == ["up", "t"]


async def test_the_largest_payload_crosses_and_a_larger_one_is_refused_here(mosquitto: Mosquitto) -> None:
    ear = Ear(mosquitto.address, "ear", topics=("t",))
    async with listening(ear) as link:
        await link.publish("t", b"x" * MAX_PAYLOAD)
        await until(lambda: ear.heard)
        with pytest.raises(ValueError, match="the most is"):
            link.publish("t", b"x" * (MAX_PAYLOAD + 1))
    assert len(ear.heard[0][1]) == MAX_PAYLOAD


@pytest.mark.parametrize("version", VERSIONS)
async def test_it_comes_back_after_the_broker_was_killed(mosquitto: Mosquitto, version: MqttVersion) -> None:
    ear = Ear(mosquitto.address, "ear", version, ("t",))
    async with listening(ear) as link:
        mosquitto.kill()
        await until(lambda: link.state == "connecting")
        with pytest.raises(BrokerLost):
            link.publish("t", b"into the dark")
        await mosquitto.start()
        await until(lambda: ear.ups == 2)
        await link.publish("t", b"again")
        await until(lambda: ear.heard)
    assert ear.heard == [("t", b"again")]
    assert len(ear.downs) == 1


async def test_what_was_under_way_when_the_line_broke_says_so(mosquitto: Mosquitto) -> None:
    async with listening(Ear(mosquitto.address, "mouth")) as mouth:
        waiting = [mouth.publish("t", b"x" * 100_000) for _ in range(100)]
        mosquitto.kill()
        results = await asyncio.gather(*waiting, return_exceptions=True)
    lost = [result for result in results if isinstance(result, BrokerLost)]
    assert lost
    assert len(lost) + results.count(None) == 100


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_last_will_is_heard_after_a_crash_and_not_after_a_goodbye(
    mosquitto: Mosquitto, version: MqttVersion
) -> None:
    ear = Ear(mosquitto.address, "ear", version, ("state/#",))
    polite = Ear(mosquitto.address, "polite", version, will=("state/polite", b"gone"))
    rude = Ear(mosquitto.address, "rude", version, will=("state/rude", b"gone"))
    async with listening(ear):
        async with listening(polite), listening(rude):
            assert rude.link._session is not None
            rude.link._session._sock.shutdown(socket.SHUT_RDWR)  # as a cut cable or a kill -9 would
            await until(lambda: ("state/rude", b"gone") in ear.heard)
        async with listening(Ear(mosquitto.address, "marker", version)) as marker:
            await marker.publish("state/marker", b"")
        await until(lambda: ("state/marker", b"") in ear.heard)
    assert [topic for topic, _ in ear.heard if topic == "state/polite"] == []


async def test_a_refusal_is_told_with_its_reason(tmp_path: Path) -> None:
    rules = tmp_path / "acl"
    rules.write_text("topic readwrite allowed\n")
    async with (
        running_mosquitto(tmp_path, f"acl_file {rules}") as broker,
        listening(Ear(broker.address, "mouth")) as mouth,
    ):
        await mouth.publish("allowed", b"")
        with pytest.raises(BrokerRefused, match="Not authorized"):
            await mouth.publish("forbidden", b"")


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_refused_connection_says_why_and_is_tried_again(tmp_path: Path, version: MqttVersion) -> None:
    async with running_mosquitto(tmp_path, anonymous=False) as broker:
        ear = Ear(broker.address, "stranger", version)
        task = asyncio.create_task(ear.link.run())
        await until(lambda: "refuses the connection" in ear.link.why)
        task.cancel()
        await asyncio.wait({task})
    assert ear.ups == 0


async def test_a_mistake_in_a_callback_ends_the_run(mosquitto: Mosquitto) -> None:
    def stumble(topic: str, payload: bytes) -> None:
        raise KeyError(topic)

    link = Link(parse_broker(mosquitto.address), "ear", topics=["t"], on_message=stumble, now_ms=lambda: 0)
    task = asyncio.create_task(link.run())
    await until(lambda: link.state == "here")
    link.publish("t", b"")
    with pytest.raises(KeyError):
        await asyncio.wait_for(task, 10)


CONNACK = b"\x20\x03\x00\x00\x00"
NONSENSE = {
    "garbage": (b"\xff" * 64, "the connection broke"),
    "a short CONNACK": (b"\x20\x01\x00", "the connection broke"),
    "a CONNACK with a reason nobody knows": (b"\x20\x03\x00\x77\x00", "the connection broke"),
    "HTTP": (b"HTTP/1.1 400 Bad Request\r\n\r\n", "the connection broke"),
    "a PUBLISH of 200 MB": (CONNACK + b"\x30\xff\xff\xff\x5f" + b"x" * 1000, "the most is"),
    "an endless length": (CONNACK + b"\x30\xff\xff\xff\xff\xff", "the connection broke"),
    "silence and goodbye": (b"", "the connection broke"),
}


@pytest.mark.parametrize(("answer", "why"), NONSENSE.values(), ids=NONSENSE.keys())
async def test_nonsense_from_the_broker_costs_the_connection_only(answer: bytes, why: str) -> None:
    calls = Counter[str]()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls["in"] += 1
        await reader.read(10)
        writer.write(answer)
        await writer.drain()
        writer.write_eof()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        link = Link(parse_broker(f"mqtt://127.0.0.1:{port}"), "ear", on_message=lambda *_: None, now_ms=lambda: 0)
        task = asyncio.create_task(link.run())
        await until(lambda: calls["in"] >= 2)
        assert not task.done()
        assert why in link.why
        task.cancel()
        await asyncio.wait({task})


def _open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def _watched() -> int:
    """Sockets the event loop looks at."""
    loop: Any = asyncio.get_running_loop()
    return len(loop._selector.get_map())


async def _cancel_after(task: asyncio.Task[None], steps: int) -> None:
    """Let the event loop turn `steps` times, then cancel."""
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task}, timeout=5)
    assert task.cancelled()


async def test_cancelled_at_any_step_it_leaves_no_socket_behind(mosquitto: Mosquitto) -> None:
    async with listening(Ear(mosquitto.address, "witness", topics=("t",))) as witness:
        before = _open_files(), _watched()
        came_up = 0
        step = 0
        while came_up < 20:
            step += 1
            assert step < 5000, "the steps should reach the time after it came up"
            ear = Ear(mosquitto.address, "same-name", topics=("t",))
            task = asyncio.create_task(ear.link.run())
            await _cancel_after(task, step)
            came_up += ear.ups
            assert (_open_files(), _watched()) == before, f"cancelled at step {step}"
            assert ear.link.state == "stopped"
        await witness.publish("t", b"")


async def test_a_cancelled_publisher_harms_nobody(mosquitto: Mosquitto) -> None:
    ear = Ear(mosquitto.address, "ear", topics=("t",))
    async with listening(ear) as link:

        async def send(number: int) -> None:
            await link.publish("t", b"%d" % number)

        for step in range(30):
            task = asyncio.create_task(send(step))
            for _ in range(step):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait({task})
        await link.publish("t", b"last")
        await until(lambda: ("t", b"last") in ear.heard)
    assert ear.ups == 1


async def test_nobody_listening_is_tried_again_and_named() -> None:
    link = Link(parse_broker(f"mqtt://127.0.0.1:{free_port()}"), "ear", on_message=lambda *_: None, now_ms=lambda: 0)
    task = asyncio.create_task(link.run())
    await until(lambda: "Connect call failed" in link.why)
    assert link.state == "connecting"
    task.cancel()
    await asyncio.wait({task})


WRONG = "|127.0.0.1:1883|http://h:1|mqtt://|mqtt://h:x|mqtt://h:70000|mqtt://h:0|mqtt://u:p@h|mqtt://h/x|mqtt://[::1"


@pytest.mark.parametrize("address", WRONG.split("|"))
def test_a_wrong_address_is_refused_with_a_right_one(address: str) -> None:
    with pytest.raises(ValueError, match=r"mqtt://127\.0\.0\.1:1883"):
        parse_broker(address)


def test_an_address_reads_back() -> None:
    assert str(parse_broker("mqtt://broker")) == "mqtt://broker:1883"
    assert str(parse_broker("mqtt://[::1]:2000")) == "mqtt://[::1]:2000"
    assert MAX_PACKET > MAX_PAYLOAD
