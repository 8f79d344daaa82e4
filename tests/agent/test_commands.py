"""HQ's commands over a real broker: what HQ signed is done once and answered; what it did not changes nothing."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.clock import SystemClock
from agent.commands import MOST_WAITING, Commands
from agent.core.asks import Scan
from agent.core.commands import WINDOW, FromHq
from agent.core.lease import USUAL_LEASE_S, Leases
from tests.agent.shops import Shop, opened
from tests.brokers import Mosquitto
from tests.core.shop import MILK, gtin_14
from tests.waiting import until
from wire import codec
from wire.messages import Answer, Command, GrantAsk, HqAsk, OrderAsk, PauseAsk, Wanted
from wire.mqtt import Link, parse_broker
from wire.signing import Signer, Verifier, signed
from wire.topics import StoreTopics, parse_up

TOPICS = StoreTopics("demo", "SH-1")
CLOCK = SystemClock()
HOUR_MS = 3_600_000
NOW_MS = 1_763_760_000_000
KEY = Ed25519PrivateKey.generate()
SIGNER = Signer(KEY)
VERIFIER = Verifier(KEY.public_key())


class WrongClock(SystemClock):
    """A wall clock that somebody sets; the one that merely runs is right, and can be run on."""

    def __init__(self, wall_ms: int) -> None:
        self.wall_ms = wall_ms
        self.ran_s = 0.0

    def now_ms(self) -> int:
        return self.wall_ms

    def monotonic_s(self) -> float:
        return super().monotonic_s() + self.ran_s


class Hq:
    """Sends payloads, keeps answers."""

    def __init__(self, broker: Mosquitto) -> None:
        self.answers: list[Answer] = []
        self.link = Link(
            parse_broker(broker.address),
            "hq",
            topics=[TOPICS.up("answer")],
            on_message=self._answered,
            now_ms=CLOCK.now_ms,
        )

    def _answered(self, topic: str, payload: bytes) -> None:
        assert parse_up(topic) == (TOPICS, "answer")
        self.answers.append(codec.decode_answer(payload))

    async def ask(self, *payloads: bytes) -> list[Answer]:
        """What comes back, once as many have."""
        known = len(self.answers)
        for payload in payloads:
            await self.link.publish(TOPICS.down("command"), payload)
        await until(lambda: len(self.answers) >= known + len(payloads))
        return self.answers[known:]


@contextlib.asynccontextmanager
async def line(
    path: Path, broker: Mosquitto, verifier: Verifier | None = VERIFIER, clock: SystemClock = CLOCK
) -> AsyncIterator[tuple[Shop, Commands, Hq]]:
    """A store that takes commands, and HQ at the other end."""
    async with opened(path, clock=clock) as shop:
        shop.books.leases = Leases(1)
        if not shop.books.head:
            scan = Scan("dock", "receive", gtin_14(MILK), None)
            await asyncio.gather(*[shop.clerk.enter(scan) for _ in range(100)])
        commands = Commands(shop.clerk, TOPICS, clock, verifier)
        store = Link(
            parse_broker(broker.address),
            "store",
            topics=[commands.topic],
            on_message=lambda topic, payload: commands.offer(payload),
            now_ms=CLOCK.now_ms,
        )
        commands.attach(store)
        hq = Hq(broker)
        tasks = [asyncio.ensure_future(work) for work in (hq.link.run(), store.run(), commands.run())]
        await until(lambda: hq.link.state == store.state == "here")
        try:
            yield shop, commands, hq
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            for task in tasks:
                assert task.cancelled() or task.exception() is None, task


def lease(shop: Shop) -> int:
    return shop.books.leases.issue(int(CLOCK.monotonic_s() * 1000))


def grant(counter: int, on: int, qty: int = 1) -> GrantAsk:
    return GrantAsk(f"c{counter}", counter, on, "meituan", "MILK", qty)


async def test_a_command_is_done_once_and_answered_each_time(tmp_path: Path, mosquitto: Mosquitto) -> None:
    async with line(tmp_path / "books.db", mosquitto) as (shop, commands, hq):
        payload = SIGNER.command(TOPICS, grant(1, lease(shop), 3))
        first, *again = await hq.ask(payload, payload, payload)
        assert (first.outcome, first.seq) == ("done", shop.books.head)
        assert again == [first, first]
        assert commands.counts == {"done": 1, "repeated": 2}
        assert shop.books.granted("MILK") == 3
    async with line(tmp_path / "books.db", mosquitto) as (shop, commands, hq):  # and after a restart
        assert await hq.ask(payload) == [first]
        assert commands.counts == {"repeated": 1}
        await shop.assert_memory_is_disk()


async def test_an_hq_that_counts_from_an_old_number_is_told_the_newest(tmp_path: Path, mosquitto: Mosquitto) -> None:
    async with line(tmp_path / "books.db", mosquitto) as (shop, _, hq):
        on = lease(shop)
        known = await hq.ask(*[SIGNER.command(TOPICS, grant(counter, on)) for counter in range(1, 6)])
        again = msgspec.structs.replace(grant(4, on), counter=2)
        new = GrantAsk("new", 3, on, "meituan", "MILK", 1)
        (answered,) = await hq.ask(SIGNER.command(TOPICS, again))
        assert answered == msgspec.structs.replace(known[3], counter=2)
        (said,) = await hq.ask(SIGNER.command(TOPICS, new))
        assert (said.outcome, said.newest) == ("stale", 5)
        (said,) = await hq.ask(SIGNER.command(TOPICS, msgspec.structs.replace(new, counter=6)))
        assert (said.outcome, said.newest) == ("done", msgspec.UNSET)
        assert shop.books.granted("MILK") == 6
        await shop.assert_memory_is_disk()


async def test_what_is_kept_of_commands_is_bounded_and_the_last_are_known(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Also when the counters leap: so much is known however they grow."""
    async with line(tmp_path / "books.db", mosquitto) as (shop, _, _):
        on, leap = lease(shop), 10_000
        asks = [FromHq(f"c{n}", n if n <= WINDOW else n + leap, on, None, "x") for n in range(1, 3 * WINDOW + 1)]
        for first in range(0, len(asks), 500):
            await asyncio.gather(*[shop.clerk.enter(ask) for ask in asks[first : first + 500]])
        ((kept,),) = await shop.store.read("SELECT count(*) FROM command")
        assert WINDOW <= kept <= 2 * WINDOW
        for ask in asks[-WINDOW:]:
            assert (await shop.clerk.enter(ask)).outcome == "refused"
        assert (await shop.clerk.enter(asks[0])).newest == 3 * WINDOW + leap


async def test_orders_grants_and_pauses_are_done_or_refused_with_a_reason(tmp_path: Path, mosquitto: Mosquitto) -> None:
    async with line(tmp_path / "books.db", mosquitto) as (shop, _, hq):
        on = lease(shop)
        asks: list[HqAsk] = [
            OrderAsk("c1", 1, on, "O1", "web", (Wanted(1, "MILK", 60),)),
            OrderAsk("c2", 2, on, "O2", "web", (Wanted(1, "MILK", 60),)),
            OrderAsk("c3", 3, on, "O3", "web", ()),
            PauseAsk("c4", 4, on, True, "stocktaking", "hq"),
            OrderAsk("c5", 5, on, "O5", "web", (Wanted(1, "MILK", 1),)),
            PauseAsk("c6", 6, 7, False, "", "hq"),
        ]
        answers = [(await hq.ask(SIGNER.command(TOPICS, ask)))[0] for ask in asks]
        assert [answer.outcome for answer in answers] == ["done", "refused", "refused", "done", "refused", "stale"]
        assert "MILK" in answers[1].why
        assert "make no sense" in answers[2].why
        assert "paused" in answers[4].why
        assert shop.books.conditions.paused


@pytest.mark.nonsense("command")
async def test_what_hq_signed_and_this_store_is_too_old_for_is_answered(tmp_path: Path, mosquitto: Mosquitto) -> None:
    async with line(tmp_path / "books.db", mosquitto) as (shop, _, hq):
        ask = msgspec.json.encode({"id": "c1", "counter": 1, "lease": lease(shop), "kind": "dance"})
        sig = base64.b64encode(KEY.sign(signed(TOPICS, ask))).decode()
        (answer,) = await hq.ask(codec.encode(Command(msgspec.Raw(ask), sig)))
        assert (answer.outcome, answer.id) == ("refused", "c1")
        assert "dance" in answer.why


async def test_a_flood_of_forgeries_changes_nothing_and_is_seen(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Another key, another store, a changed bit, nonsense: a case and figures, and a true command gets through."""
    async with line(tmp_path / "books.db", mosquitto) as (shop, commands, hq):
        on = lease(shop)
        stranger = Signer(Ed25519PrivateKey.generate())
        true = SIGNER.command(TOPICS, grant(1, on))
        forged = [
            stranger.command(TOPICS, grant(1, on)),
            SIGNER.command(StoreTopics("demo", "SH-2"), grant(1, on)),
            true.replace(b'"qty":1', b'"qty":9'),
            b"\x00" * 100,
            b'{"ask":{"kind":"grant"},"sig":"","v":1}',
        ]
        head, pieces = shop.books.head, [forged[nth % len(forged)] for nth in range(3 * MOST_WAITING)]
        for payload in pieces:
            commands.offer(payload)  # faster than any line
        assert commands.counts["dropped"] == 2 * MOST_WAITING
        await until(lambda: commands.counts["forged"] + commands.counts["unreadable"] == MOST_WAITING)
        await until(lambda: ("forged_command", "line to HQ") in shop.books.cases)
        assert shop.books.head == head + 1  # the case, once
        assert shop.books.granted("MILK") == 0
        (answer,) = await hq.ask(true)
        assert answer.outcome == "done"


@pytest.mark.parametrize("wall_ms", [0, NOW_MS, NOW_MS + 2 * HOUR_MS, NOW_MS - 24 * HOUR_MS], ids=str)
async def test_a_command_expires_by_its_lease_whatever_the_wall_clock_says(
    tmp_path: Path, mosquitto: Mosquitto, wall_ms: int
) -> None:
    """Caught at the broker and sent late it changes nothing, is answered and counted; until then it is done."""
    clock = WrongClock(wall_ms)
    async with line(tmp_path / "books.db", mosquitto, clock=clock) as (shop, commands, hq):
        on = shop.books.leases.issue(int(clock.monotonic_s() * 1000))
        caught = [SIGNER.command(TOPICS, grant(counter, on)) for counter in (1, 2, 3)]
        clock.wall_ms += 30 * 24 * HOUR_MS  # set while it waits: it is as young as it was
        clock.ran_s += USUAL_LEASE_S / 2
        (said,) = await hq.ask(caught[0])
        assert said.outcome == "done"
        clock.wall_ms = 0  # and now it is old, though the clock says that it was not even asked yet
        clock.ran_s += USUAL_LEASE_S / 2
        head = shop.books.head
        late = await hq.ask(caught[1], caught[2], caught[0])
        assert [answer.outcome for answer in late] == ["stale", "stale", "done"]
        assert "more than 90 s ago" in late[0].why
        assert (shop.books.head, shop.books.granted("MILK")) == (head, 1)
        assert commands.counts == {"done": 1, "stale": 2, "repeated": 1}


async def test_without_hqs_key_nothing_is_obeyed(tmp_path: Path, mosquitto: Mosquitto) -> None:
    async with line(tmp_path / "books.db", mosquitto, None) as (shop, commands, hq):
        await hq.link.publish(TOPICS.down("command"), SIGNER.command(TOPICS, grant(1, lease(shop))))
        await until(lambda: commands.counts["forged"])
        await until(lambda: shop.books.cases)
        assert shop.books.granted("MILK") == 0
