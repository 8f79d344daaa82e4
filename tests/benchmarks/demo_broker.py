"""Which broker for the demo? `python -m tests.benchmarks.demo_broker` prints the table of decision 0002."""

import asyncio
import json
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from simulators.demo_broker import _write_config
from tests.brokers import free_port
from tests.waiting import until
from wire.mqtt import MAX_INFLIGHT, Link, MqttVersion, parse_broker

AMQTT = """
import asyncio, logging, sys
from amqtt.broker import Broker
logging.disable()
async def main():
    broker = Broker({"listeners": {"default": {"type": "tcp", "bind": "127.0.0.1:" + sys.argv[1]}},
                     "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}})
    await broker.start()
    await asyncio.Event().wait()
asyncio.run(main())
"""


# max_queued_messages 0: by default it drops, silently, what a listener leaves waiting beyond 1000.
MOSQUITTO = "listener {} 127.0.0.1\nallow_anonymous true\nuser root\nlog_dest none\nmax_queued_messages 0\n"


def command(name: str, version: MqttVersion, port: int, folder: Path) -> list[str]:
    if name == "iotcore":
        ports = {"mqtt5": port, "mqtt311": free_port()}
        if version != "5":
            ports = {"mqtt5": ports["mqtt311"], "mqtt311": port}
        return [sys.executable, "-m", "simulators.demo_broker", _write_config(folder, ports)]
    if name == "amqtt":
        return [sys.executable, "-c", AMQTT, str(port)]
    config = folder / "mosquitto.conf"
    config.write_text(MOSQUITTO.format(port))
    return ["mosquitto", "-c", str(config)]


class Ear:
    def __init__(self, port: int, name: str, version: MqttVersion, topic: str = "", will: str = "") -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.link = Link(
            parse_broker(f"mqtt://127.0.0.1:{port}"),
            name,
            version=version,
            topics=[topic] if topic else [],
            will=(will, b"gone") if will else None,
            on_message=lambda topic, payload: self.heard.append((topic, payload)),
            now_ms=lambda: 0,
        )
        self.task = asyncio.create_task(self.link.run())

    async def here(self) -> "Ear":
        await until(lambda: self.link.state == "here", 5)
        return self

    async def end(self) -> None:
        self.task.cancel()
        await asyncio.wait({self.task})


async def rate(mouth: Ear, ear: Ear, size: int, count: int) -> float:
    """QoS 1 publishes per second, from the first PUBLISH to the last PUBACK, MAX_INFLIGHT under way."""
    ear.heard.clear()
    waiting: set[asyncio.Future[None]] = set()
    began = time.perf_counter()
    for _ in range(count):
        if len(waiting) >= MAX_INFLIGHT:
            _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        waiting.add(mouth.link.publish("t", b"x" * size))
    await asyncio.gather(*waiting)
    took_s = time.perf_counter() - began
    await until(lambda: len(ear.heard) >= count, 20)
    return round(count / took_s)


def rss_mb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith("VmRSS"))


async def yes(fact: Callable[[], bool]) -> str:
    try:
        await until(fact, 3)
    except AssertionError:
        return "no"
    return "yes"


async def judge(name: str, version: MqttVersion) -> dict[str, object]:
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        argv = command(name, version, port, Path(folder))
        process = await asyncio.create_subprocess_exec(*argv, stdin=asyncio.subprocess.PIPE)
        began = time.perf_counter()
        result: dict[str, object] = {"broker": name, "mqtt": version}
        ears: list[Ear] = []

        def ear(who: str, topic: str = "", will: str = "") -> Ear:
            ears.append(Ear(port, who, version, topic, will))
            return ears[-1]

        try:
            listener = await ear("ear", "t").here()
            result["ready_ms"] = round((time.perf_counter() - began) * 1000)
            mouth = await ear("mouth").here()
            result["200 B/s"] = await rate(mouth, listener, 200, 5000)
            result["64 KB/s"] = await rate(mouth, listener, 65536, 500)
            result["rss_mb"] = rss_mb(process.pid)
            await mouth.link.publish("kept", b"1", retain=True)
            rude = await ear("rude", will="left").here()
            watcher = await ear("watcher", "left").here()
            late = await ear("late", "kept").here()
            result["retained"] = await yes(lambda: bool(late.heard))
            assert rude.link._session is not None
            rude.link._session._sock.shutdown(socket.SHUT_RDWR)
            result["will"] = await yes(lambda: bool(watcher.heard))
            await rude.end()
            process.kill()
            await process.wait()
            process = await asyncio.create_subprocess_exec(*argv, stdin=asyncio.subprocess.PIPE)
            began = time.perf_counter()
            await until(lambda: mouth.link.state == "here" and listener.link.state == "here", 20)
            result["back_ms"] = round((time.perf_counter() - began) * 1000)
            result["after"] = await rate(mouth, listener, 200, 1000)
        except AssertionError as error:
            result["failed"] = str(error)[:60]
        for each in ears:
            await each.end()
        began = time.perf_counter()
        try:
            process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), 5)
            result["stop_ms"] = round((time.perf_counter() - began) * 1000)
        except TimeoutError:
            result["stop_ms"] = "never"
            process.kill()
            await process.wait()
        return result


async def main() -> None:
    for name in ("iotcore", "amqtt", "mosquitto"):
        for version in ("5", "3.1.1"):
            print(json.dumps(await judge(name, version)))


if __name__ == "__main__":
    asyncio.run(main())
