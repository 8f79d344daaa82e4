"""A driver that raises, hangs, floods or flaps costs its own device; the others, and the log, do not suffer."""

import asyncio
import errno
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from agent import stalls
from agent.clock import SystemClock
from agent.core.asks import Delivery, DeliveryLine
from agent.core.places import BACKROOM
from agent.device_health import Health, Meter
from agent.devices import Keeper, Limits
from agent.intake import Intake
from agent.store.errors import BooksLostError
from drivers.errors import DeviceError, DeviceLost, DeviceRefused, DeviceSpokeNonsense, trouble_of
from drivers.port import Sink
from drivers.readings import BarcodeScan, ScanAnswer, TagRead
from tests.agent.shops import opened
from tests.agent.test_devices import READER, RULES, SCANNER, Hurried, Impatient, Scripted, fails_with, kept, up_for_ever
from tests.core import shop as goods
from tests.waiting import until

Life = Callable[[Sink], Awaitable[None]]


async def floods(sink: Sink) -> None:
    """Strange tags without an end, and never a pause."""
    sink.online("Flood")
    for serial in count(1):
        await sink.tags([TagRead((serial << 32).to_bytes(12, "big"), 1)] * 10)


async def test_one_that_floods_hurts_neither_a_reader_nor_a_scanner(tmp_path: Path) -> None:
    epc, answers = goods.epc_of(goods.SHIRT, 1), list[ScanAnswer]()

    async def reads(sink: Sink) -> None:
        while True:
            await sink.tags([TagRead(epc, 1)])
            await asyncio.sleep(0)

    async def scans(sink: Sink) -> None:
        for _ in range(20):
            answers.append(await sink.scan(BarcodeScan(goods.gtin_14(goods.MILK))))
        await asyncio.Event().wait()

    async with opened(tmp_path / "books.db") as shop:
        await shop.clerk.enter(Delivery("D1", (DeliveryLine(1, "sku", "SHIRT", (epc,)),)))
        intake = Intake(shop.clerk, SystemClock(), RULES)
        keepers = [
            Keeper(Scripted(life), config, intake, SystemClock(), lambda low, high: high)
            for life, config in ((floods, READER), (reads, READER), (scans, SCANNER))
        ]
        tasks = [asyncio.ensure_future(work) for work in (intake.run(), *(keeper.run() for keeper in keepers))]
        await until(lambda: len(answers) == 20, within_s=20)
        await until(lambda: shop.books.balances.get(("SHIRT", BACKROOM)) == 1, within_s=20)
        assert all(answer.accepted for answer in answers)
        assert keepers[0].health.readings > 10_000
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


HURRIED = Limits(first_sign_s=0.05, leave_s=0.05)


async def test_a_driver_that_hangs_is_ended_and_started_again(tmp_path: Path) -> None:
    async def hangs(sink: Sink) -> None:
        await asyncio.Event().wait()

    async with opened(tmp_path / "books.db") as shop:
        with capture_logs() as logs:
            async with kept(shop, Scripted(hangs, up_for_ever), READER, Impatient(), HURRIED) as keeper:
                await until(lambda: keeper.health.state == "up")
        assert [(entry["event"], entry.get("trouble")) for entry in logs] == [
            ("device_lost", "driver_hung"),
            ("device_back", None),
        ]


async def test_a_driver_that_does_not_end_gets_no_second_life_and_stops_nobody(tmp_path: Path) -> None:
    let_go = asyncio.Event()

    async def clings(sink: Sink) -> None:
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue

    async with opened(tmp_path / "books.db") as shop:
        async with kept(shop, Scripted(clings, clings), READER, Impatient(), HURRIED) as keeper:
            await until(lambda: keeper.health.trouble == "driver_hung")
            assert keeper.health.why.endswith("does not even end")
        let_go.set()  # `kept` has ended while it still clung


async def test_a_silent_scanner_that_is_connected_does_not_hang(tmp_path: Path) -> None:
    script = Scripted(up_for_ever)
    async with opened(tmp_path / "books.db") as shop, kept(shop, script, SCANNER, Impatient(), HURRIED) as keeper:
        await until(lambda: keeper.health.state == "up")
        await asyncio.wait([asyncio.ensure_future(asyncio.Event().wait())], timeout=0.2)
        assert (keeper.health.state, keeper.health.connects) == ("up", 1)


async def test_a_driver_that_lets_nobody_else_run_is_named(tmp_path: Path) -> None:
    with capture_logs() as logs:

        async def spins(sink: Sink) -> None:
            ends_s = time.monotonic() + 10
            while not logs and time.monotonic() < ends_s:
                pass
            sink.online("it went on")
            await asyncio.Event().wait()

        async with opened(tmp_path / "books.db") as shop:
            with stalls.noticed(0.1):
                async with kept(shop, Scripted(spins), READER, Impatient()) as keeper:
                    await until(lambda: keeper.health.state == "up")
    assert [entry["event"] for entry in logs] == ["loop_stalled"]
    assert "spins (" in logs[0]["at"]


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (ZeroDivisionError("oops"), "driver_broke"),
        (SystemExit(3), "driver_broke"),
        (ExceptionGroup("two", [ValueError("a"), DeviceLost("gone", "look", "taken")]), "taken"),
        (ExceptionGroup("two", [DeviceLost("gone"), DeviceRefused("no")]), "refused"),
        (ExceptionGroup("one", [ExceptionGroup("in", [KeyError("x")])]), "driver_broke"),
    ],
)
async def test_whatever_a_driver_raises_costs_its_device_only(tmp_path: Path, error: Exception, trouble: str) -> None:
    async with opened(tmp_path / "books.db") as shop:
        with capture_logs() as logs:
            script = Scripted(fails_with(error), fails_with(error), fails_with(error), up_for_ever)
            async with kept(shop, script, READER, Impatient()) as keeper:
                await until(lambda: keeper.health.state in {"down", "refused"})
                assert keeper.health.trouble == trouble
                await until(lambda: keeper.health.state == "up")
        broke = [entry for entry in logs if entry["event"] == "driver_broke"]
        assert len(broke) == (trouble == "driver_broke"), "the same mistake is said once, however often it is made"


async def test_the_end_of_the_books_is_no_trouble_of_a_device(tmp_path: Path) -> None:
    lost = BaseExceptionGroup("driver's own task group", [BooksLostError("disk", "look")])
    async with opened(tmp_path / "books.db") as shop:
        intake = Intake(shop.clerk, SystemClock(), RULES)
        with pytest.raises(BooksLostError):
            await Keeper(Scripted(fails_with(lost)), READER, intake, SystemClock(), max).run()


async def test_one_that_flaps_is_told_of_now_and_then_and_counted_always(tmp_path: Path) -> None:
    class Flapping(Hurried, Impatient):
        """Each wait lasts as long as it should, on this clock."""

        async def sleep(self, seconds: float) -> None:
            self.now_s += seconds
            await super().sleep(0)

    async with opened(tmp_path / "books.db") as shop:
        with capture_logs() as logs:
            script = Scripted(*[fails_with(DeviceLost("cable"), online=True)] * 100, up_for_ever)
            async with kept(shop, script, READER, Flapping()) as keeper:
                await until(lambda: keeper.health.connects == 101)
        lost = [entry for entry in logs if entry["event"] == "device_lost"]
        back = [entry for entry in logs if entry["event"] == "device_back"]
        assert 4 <= len(lost) <= 6, "a hundred losses in some 50 minutes"
        assert len(back) == len(lost)
        assert sum(entry.get("unsaid", 0) for entry in lost) + len(lost) > 75
        assert (keeper.health.losses, keeper.health.lost_why, keeper.health.why) == (100, "cable", "")


async def test_health_says_when_it_is_tried_next_and_what_was_left_out(tmp_path: Path) -> None:
    class Waits(SystemClock):
        async def sleep(self, seconds: float) -> None:
            await asyncio.Event().wait()

    async def life(sink: Sink) -> None:
        sink.online("Reader 9")
        sink.dropped("half a tag")
        await sink.tags([TagRead(b"x", 1, seen_at_us=SystemClock().now_ms() * 1000 + 3_600_000_000)])
        raise DeviceLost("gone", "look") from ConnectionResetError(errno.ECONNRESET, "reset")

    async with opened(tmp_path / "books.db") as shop, kept(shop, Scripted(life), READER, Waits()) as keeper:
        health = keeper.look()
        await until(lambda: health.state == "down")
        assert (health.tries, health.losses, health.connects, health.trouble) == (1, 1, 1, "broke")
        assert health.retry_at is not None
        assert health.lost_at is not None
        assert 400 <= health.retry_at - health.lost_at <= 600
        assert (health.dropped, health.dropped_why) == (1, "half a tag")
        assert health.clock_off_s == pytest.approx(3600, abs=5)


def test_the_rate_is_that_of_now() -> None:
    meter = Meter(0.0)
    for tenth in range(25):
        meter.add(100, tenth / 10)
    assert meter.per_s(2.4) == pytest.approx(1000)
    assert meter.per_s(4.5) < 500
    assert meter.per_s(60) == 0


def behind(error: DeviceError, cause: OSError) -> DeviceError:
    error.__cause__ = cause
    return error


def test_trouble_is_what_the_driver_or_the_system_says() -> None:
    gone = DeviceLost("gone")
    assert trouble_of(gone) == "broke"
    assert trouble_of(DeviceLost("gone", "", "taken")) == "taken"
    assert trouble_of(DeviceRefused("no")) == "refused"
    assert trouble_of(DeviceSpokeNonsense("?")) == "nonsense"
    assert trouble_of(ValueError()) == "driver_broke"
    by_system = {
        socket.gaierror(-2, "Name or service not known"): "address_unknown",
        ConnectionRefusedError(errno.ECONNREFUSED, "refused"): "port_closed",
        OSError("Multiple exceptions: [Errno 111] Connect call failed, [Errno 111] Connect call failed"): "port_closed",
        OSError(errno.EHOSTUNREACH, "no route"): "unreachable",
        TimeoutError(): "no_answer",
        TimeoutError(errno.ETIMEDOUT, "timed out"): "no_answer",
        PermissionError(errno.EACCES, "no"): "not_allowed",
        FileNotFoundError(errno.ENOENT, "no"): "not_there",
        ssl.SSLCertVerificationError("no"): "untrusted",
    }
    assert {cause: trouble_of(behind(DeviceLost("x"), cause)) for cause in by_system} == by_system


def test_health_is_plain_when_a_driver_says_nothing() -> None:
    health = Health("portal", "llrp", 0)
    health.went_down(ValueError(), "down", 1, 2)
    assert (health.why, health.losses) == ("the driver broke: ValueError", 0)
