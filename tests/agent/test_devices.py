"""Devices are tried again for ever, logged once when lost and once when back, and never take the shop with them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from structlog.testing import capture_logs

from agent.clock import SystemClock
from agent.config import DeviceConfig
from agent.core.asks import Delivery, DeliveryLine
from agent.core.places import BACKROOM, FLOOR
from agent.core.tags import TagRules
from agent.devices import Keeper, Limits
from agent.intake import MOST_BYSTANDERS, MOST_TAGS_WAITING, Intake, Stand
from drivers.errors import DeviceLost, DeviceRefused
from drivers.port import Sink
from drivers.readings import BarcodeScan, ScanAnswer, TagRead, by_pc
from tests.agent.shops import Shop, opened
from tests.core import shop as goods
from tests.waiting import until

RULES = TagRules(settle_s=0.05)
LONG = "x" * 1000 + "\x1b[31m"


USUAL = Limits()


class Impatient(SystemClock):
    """Real time, but nobody waits longer than a moment."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.asked.append(seconds)
        await super().sleep(min(seconds, 0.001))


class Scripted:
    """A device whose lives are given."""

    def __init__(self, *lives: Callable[[Sink], Awaitable[None]]) -> None:
        self._lives = list(lives)

    async def run(self, sink: Sink) -> None:
        await self._lives.pop(0)(sink)


async def up_for_ever(sink: Sink) -> None:
    sink.online("Reader 9")
    await asyncio.Event().wait()


def fails_with(error: BaseException, *, online: bool = False) -> Callable[[Sink], Awaitable[None]]:
    async def life(sink: Sink) -> None:
        if online:
            sink.online("Reader 9")
        raise error

    return life


@contextlib.asynccontextmanager
async def kept(
    shop: Shop, device: Scripted, config: DeviceConfig, clock: SystemClock, limits: Limits = USUAL
) -> AsyncIterator[Keeper]:
    intake = Intake(shop.clerk, clock, RULES)
    keeper = Keeper(device, config, intake, clock, lambda low, high: high, limits)
    tasks = [asyncio.ensure_future(keeper.run()), asyncio.ensure_future(intake.run())]
    try:
        yield keeper
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


READER = DeviceConfig("portal", "llrp", {}, {1: BACKROOM, 2: FLOOR}, None)
SCANNER = DeviceConfig("dock", "barcode_serial", {}, {}, "receive")


async def test_a_lost_device_is_tried_again_and_logged_once_each_way(tmp_path: Path) -> None:
    lost = [fails_with(DeviceLost("cable", "plug it in")) for _ in range(10)]
    async with opened(tmp_path / "books.db") as shop:
        clock = Impatient()
        with capture_logs() as logs:
            async with kept(shop, Scripted(*lost, up_for_ever), READER, clock) as keeper:
                await until(lambda: keeper.health.state == "down")
                assert (keeper.health.why, keeper.health.hint) == ("cable", "plug it in")
                await until(lambda: keeper.health.state == "up")
                assert (keeper.health.about, keeper.health.why) == ("Reader 9", "")
        assert [entry["event"] for entry in logs] == ["device_lost", "device_back"]
        waits = [seconds for seconds in clock.asked if seconds >= 0.5]
        assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30, 30, 30]


async def test_a_device_that_refuses_waits_for_a_person(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db") as shop:
        clock = Impatient()
        script = Scripted(fails_with(DeviceRefused(LONG, "ask the vendor")), up_for_ever)
        with capture_logs() as logs:
            async with kept(shop, script, READER, clock) as keeper:
                await until(lambda: keeper.health.state == "up")
        lost = logs[0]
        assert (lost["event"], lost["state"], len(lost["why"])) == ("device_lost", "refused", 200)
        assert 30.0 in clock.asked


async def test_a_broken_driver_costs_its_device_only(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db") as shop:
        script = Scripted(fails_with(ZeroDivisionError("oops"), online=True), up_for_ever)
        with capture_logs() as logs:
            async with kept(shop, script, READER, Impatient()) as keeper:
                await until(lambda: keeper.health.connects == 2)
        assert [entry["event"] for entry in logs] == ["driver_broke", "device_lost", "device_back"]


async def test_a_driver_that_cancels_itself_is_started_again(tmp_path: Path) -> None:
    async def life(sink: Sink) -> None:
        sink.online("Reader 9")
        inner = asyncio.ensure_future(asyncio.Event().wait())
        asyncio.get_running_loop().call_soon(inner.cancel)
        await inner

    script = Scripted(life, up_for_ever)
    async with opened(tmp_path / "books.db") as shop, kept(shop, script, READER, Impatient()) as keeper:
        await until(lambda: keeper.health.connects == 2)
        assert keeper.health.state == "up"


async def test_text_of_a_device_is_capped_and_escaped(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db") as shop:

        async def life(sink: Sink) -> None:
            sink.online("\x1b[31m\r\nfake log line")
            sink.dropped(LONG)
            await asyncio.Event().wait()

        async with kept(shop, Scripted(life), READER, Impatient()) as keeper:
            await until(lambda: keeper.health.dropped)
            assert keeper.health.about == "\\x1b[31m\\r\\nfake log line"
            assert len(keeper.health.dropped_why) == 200


async def test_a_scan_is_answered_after_it_is_on_disk(tmp_path: Path) -> None:
    answers: list[ScanAnswer] = []
    async with opened(tmp_path / "books.db") as shop:

        async def life(sink: Sink) -> None:
            for text in (goods.gtin_14(goods.MILK), "nonsense"):
                answers.append(await sink.scan(BarcodeScan(text)))
                assert (await shop.on_disk()).scans == {"dock": len(answers)}
            await asyncio.Event().wait()

        async with kept(shop, Scripted(life), SCANNER, SystemClock()):
            await until(lambda: len(answers) == 2)
    assert [answer.accepted for answer in answers] == [True, False]


class Hurried(SystemClock):
    """A clock that a test moves on."""

    now_s = 1000.0

    def monotonic_s(self) -> float:
        return self.now_s


class Waited:
    """A scanner at an intake, at times given in seconds: what each scan was answered."""

    def __init__(self, shop: Shop, repeat_s: float = 0.3) -> None:
        self.clock = Hurried()
        self.intake = Intake(shop.clerk, self.clock, RULES)
        self.stand = Stand("dock", {}, "receive", repeat_s)

    async def scan(self, at_s: float, text: str = "", takes_s: float = 0.0) -> ScanAnswer:
        self.clock.now_s = 1000 + at_s
        entering = asyncio.ensure_future(self.intake.scan(self.stand, BarcodeScan(text or goods.gtin_14(goods.MILK))))
        await asyncio.sleep(0)
        self.clock.now_s += takes_s
        return await entering


async def test_a_code_that_the_scanner_reads_twice_is_one_unit_and_told_as_taken(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db") as shop:
        dock = Waited(shop)
        answers = [await dock.scan(at_s) for at_s in (0, 0.15, 0.4, 0.65, 2)]
        assert answers == [ScanAnswer(accepted=True, message="MILK")] * 5
        assert shop.books.balances["MILK", BACKROOM] == 2, "one that lies in the beam is read again and again"
        assert dock.intake.counts.scans_repeated == 3
        await dock.scan(2.1, goods.gtin_14(goods.EGGS))
        await dock.scan(2.2)
        assert shop.books.balances["MILK", BACKROOM] == 3, "something else was in between"


async def test_a_refused_scan_is_never_a_repetition(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db") as shop:
        dock = Waited(shop)
        answers = [await dock.scan(at_s, "4006381333931") for at_s in (0, 0.1, 0.2)]
        assert [answer.accepted for answer in answers] == [False] * 3
        assert dock.intake.counts.scans_refused == 3
        assert dock.intake.counts.scans_repeated == 0
        assert shop.books.scans == {"dock": 3}


async def test_what_waited_in_the_line_while_the_books_were_slow_is_no_repetition(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db") as shop:
        dock = Waited(shop)
        await dock.scan(0, takes_s=5)
        for at_s in (5.001, 5.002, 5.003):
            await dock.scan(at_s)
        assert shop.books.balances["MILK", BACKROOM] == 4
        await dock.scan(8)
        await dock.scan(8.05)
        assert shop.books.balances["MILK", BACKROOM] == 5


async def test_with_no_window_every_scan_counts(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db") as shop:
        dock = Waited(shop, 0)
        for _ in range(3):
            await dock.scan(0)
        assert shop.books.balances["MILK", BACKROOM] == 3


async def test_a_refused_scan_is_seen_at_its_device(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db") as shop:

        async def life(sink: Sink) -> None:
            await sink.scan(BarcodeScan("hello"))
            await asyncio.Event().wait()

        async with kept(shop, Scripted(life), SCANNER, SystemClock()) as keeper:
            await until(lambda: keeper.health.scans_refused == 1)
        assert keeper.health.refusal == "holds no GTIN"


async def test_tags_become_stock_where_they_settle(tmp_path: Path) -> None:
    epc = goods.epc_of(goods.SHIRT, 1)
    async with opened(tmp_path / "books.db") as shop:
        await shop.clerk.enter(Delivery("D1", (DeliveryLine(1, "sku", "SHIRT", (epc,)),)))
        antenna = 1

        async def life(sink: Sink) -> None:
            while True:
                await sink.tags([TagRead(epc, antenna), TagRead(epc, None), TagRead(bytes(12), antenna)])
                await asyncio.sleep(0)

        async with kept(shop, Scripted(life), READER, SystemClock()) as keeper:
            await until(lambda: shop.books.balances.get(("SHIRT", BACKROOM)) == 1)
            antenna = 2
            await until(lambda: shop.books.balances.get(("SHIRT", FLOOR)) == 1)
            assert shop.books.balances["SHIRT", BACKROOM] == 0
            assert keeper.health.readings > 0
        assert list(shop.books.cases) == [("unencoded_tag", "00" * 12)]
        await shop.assert_memory_is_disk()


async def test_what_the_intake_holds_is_bounded_and_what_it_drops_is_counted(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db") as shop:
        intake = Intake(shop.clerk, SystemClock(), RULES)  # nobody empties it
        stand = Stand("portal", {1: BACKROOM, 2: FLOOR}, None)
        reads = [TagRead(serial.to_bytes(12, "big"), 1) for serial in range(MOST_TAGS_WAITING + 7)]
        intake.tags(stand, reads)
        intake.tags(stand, reads)
        assert intake.counts.reads_dropped == 14
        intake.tags(stand, [TagRead(b"x", 3), TagRead(b"x", None)])
        assert intake.counts.reads_placeless == 2
        intake.tags(Stand("portal", {1: BACKROOM}, None), [TagRead(b"x", 2)])
        assert intake.counts.reads_placeless == 3  # a zone says nothing of other antennas
        intake.tags(Stand("gate", {1: BACKROOM}, None), [TagRead(b"gate", 1)])
        assert intake.counts.reads_dropped == 14, "one that floods takes no other's room"


async def test_crates_and_iso_tags_are_told_apart_and_what_is_remembered_of_them_is_bounded(tmp_path: Path) -> None:
    crate, iso = bytes.fromhex("3376451FD40C0E400000162E"), goods.epc_of(goods.SHIRT, 1)
    async with opened(tmp_path / "books.db") as shop:

        async def life(sink: Sink) -> None:
            await sink.tags([TagRead(crate, 1), by_pc(TagRead(iso, 2), 0x31A1)])
            await until(lambda: "crate 9521141123454/5678" in intake.bystanders and shop.books.cases)
            loads = (checked_load(serial) for serial in range(MOST_BYSTANDERS))
            await sink.tags([by_pc(TagRead(load, 2), 0x3000) for load in loads])
            await asyncio.Event().wait()

        intake = Intake(shop.clerk, SystemClock(), RULES)
        keeper = Keeper(Scripted(life), READER, intake, SystemClock(), lambda low, high: high)
        tasks = [asyncio.ensure_future(work) for work in (intake.run(), keeper.run())]
        await until(lambda: len(intake.bystanders) == MOST_BYSTANDERS)
        await until(lambda: "crate 9521141123454/5678" not in intake.bystanders)
        for task in tasks:
            task.cancel()
            await asyncio.wait([task])
        assert shop.books.cases.keys() == {("unencoded_tag", iso.hex().upper())}
        assert {one.place for one, _ in intake.bystanders.values()} == {FLOOR}


def checked_load(serial: int) -> bytes:
    """An SSCC-96 of partition 5."""
    bits = 0x31 << 88 | 5 << 82 | 614141 << 58 | serial << 24
    return bits.to_bytes(12, "big")


async def test_strangers_that_stay_cost_no_transactions(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db") as shop:
        looked = 0

        async def life(sink: Sink) -> None:
            nonlocal looked
            strangers = [goods.epc_of(goods.SHIRT, serial) for serial in range(300)] + [b"\x30" + bytes(67)]
            while True:
                await sink.tags([TagRead(epc, 1) for epc in strangers])
                looked += 1
                await asyncio.sleep(0)

        async with kept(shop, Scripted(life), READER, SystemClock()):
            await until(lambda: shop.books.cases)
            seen, turns = looked, shop.clerk.turns
            await until(lambda: looked > seen + 2000)
            assert shop.clerk.turns - turns <= 1
