"""The demo's broker: carries our line, and leaves nothing behind."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from simulators.demo_broker import demo_broker
from tests.waiting import until
from wire.mqtt import Link, MqttVersion, parse_broker


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_messages_cross_it_and_it_ends_with_its_context(version: MqttVersion) -> None:
    heard: list[bytes] = []
    before = _children(os.getpid())
    async with demo_broker(version) as address:
        link = Link(
            parse_broker(address),
            "ear",
            version=version,
            topics=["t"],
            on_message=lambda topic, payload: heard.append(payload),
            now_ms=lambda: 0,
        )
        task = asyncio.create_task(link.run())
        await until(lambda: link.state == "here")
        for size in (1, 100, 64 * 1024, 256 * 1024):
            await link.publish("t", b"x" * size)
        await until(lambda: len(heard) == 4)
        task.cancel()
        await asyncio.wait({task})
    assert [len(payload) for payload in heard] == [1, 100, 64 * 1024, 256 * 1024]
    assert _children(os.getpid()) == before


async def test_it_dies_with_a_killed_parent() -> None:
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", _PARENT, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    await parent.stdout.readline()
    (broker,) = _children(parent.pid)
    parent.send_signal(signal.SIGKILL)
    await parent.wait()
    await until(lambda: not _runs(broker))


_PARENT = """
import asyncio
from simulators.demo_broker import demo_broker
async def main():
    async with demo_broker() as address:
        print(address, flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _runs(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
