"""Floods of what nobody should believe, in both directions, while the shops sell: it changes nothing, and is counted.

Three who are hostile: a store's own certificate in bad hands (it may write to its own channels only, and tries all),
whoever has HQ's place at the broker but not its key, and somebody with no certificate.
"""

import asyncio
from collections import Counter
from random import Random

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.torture.line.chain import CHAIN, HQ, Line
from tests.torture.line.figures import Figures, Length, commanded
from tests.torture.line.judge import caught_up
from tests.torture.line.oversized import oversized
from tests.waiting import until
from wire.codec import MAX_PAYLOAD, batch_of, decode_ask, decode_command, encode
from wire.messages import MAX_NUMBER, Heard, Hello, PauseAsk
from wire.mqtt import BrokerLost, Link, parse_broker
from wire.signing import Signer
from wire.tls import Credentials
from wire.topics import StoreTopics

#: Messages under way at once.
_AT_ONCE = 200
_BAD = StoreTopics(CHAIN, "SH-0666")
#: What must have been seen: each in HQ's /v1/stores and on its page, or in the stores' /v1/health.
_COUNTED = (
    *("HQ unreadable", "HQ repeated", "HQ refused"),
    *("stores forged", "stores unreadable", "stores repeated", "stores stale"),
    *("stores' line unreadable", "stores' line foreign"),
)
_A_ROW = b'{"kind":"case","seq":1,"id":"1","at":1,"case":"x","about":"x","state":"open","owner":"x","due":1}'
_OWN_BOOKS, _OLDER_BOOKS = batch_of(8, 1, [_A_ROW]), batch_of(7, 1, [_A_ROW])
_NEW_BOOKS = encode(Hello(MAX_NUMBER, 1, 0, "0" * 16, 0, "x", "x", {}))


class Hostile:
    """One who publishes; the broker may throw it out, and it comes back."""

    def __init__(self, there: Line, name: str, credentials: Credentials, topics: tuple[str, ...] = ()) -> None:
        assert there.secured is not None
        self.heard: list[tuple[str, bytes]] = []
        self.link = Link(
            parse_broker(there.secured.address),
            name,
            credentials=credentials,
            topics=topics,
            on_message=lambda topic, payload: self.heard.append((topic, payload)),
            now_ms=lambda: 0,
        )
        self.sent = 0
        self.refused = 0

    async def say(self, messages: list[tuple[str, bytes]]) -> None:
        """All of them at once; said again when the broker was not there."""
        while True:
            await until(lambda: self.link.state == "here", 30)
            try:
                told = [self.link.publish(topic, payload) for topic, payload in messages]
            except BrokerLost:
                continue
            for result in await asyncio.gather(*told, return_exceptions=True):
                self.refused += result is not None
            self.sent += len(messages)
            return


def _to_hq(own: StoreTopics, rng: Random, captured: list[tuple[str, bytes]]) -> tuple[str, bytes]:
    """Something HQ must not believe, on a channel of the hostile store's own."""
    real = rng.choice(captured)[1]
    at = rng.randrange(len(real))
    nonsense = (
        rng.choice((_OWN_BOOKS, _OLDER_BOOKS)),  # true, and said again and again
        b"",
        b"\xff\xfe" + rng.randbytes(40),
        real[:at],  # cut off
        real.replace(b'"seq":', b'"seq":9', 1),  # numbers that are not dense
        b'{"epoch":' + b"9" * 400 + real[12:],
        b"[" * 5000,
        b'{"epoch":-1,"first":1,"rows":[],"v":1}',
        batch_of(7, 1, [b'{"kind":"stock","seq":1,"qty":1e999}']),
        b" " * (MAX_PAYLOAD - 1) + b"{",
    )
    weights = (10, 10, 10, 10, 10, 10, 5, 10, 10, 0.2)
    channel = rng.choices(("log", "hello", "state"), (8, 1, 1))[0]
    payload = rng.choices(nonsense, weights)[0]
    return own.up(channel), payload  # type: ignore[arg-type]


def _at_others(store: StoreTopics, rng: Random, captured: list[tuple[str, bytes]]) -> tuple[str, bytes]:
    """What would be believed if the broker let it through: a store speaks as another one, or as HQ."""
    real = rng.choice(captured)[1]
    return rng.choice(
        (
            (store.up("log"), real),
            (store.up("hello"), _NEW_BOOKS),
            (store.up("state"), b'{"state":"away","epoch":1,"head":0,"at":0,"software":"x","v":1}'),
            (store.down("heard"), encode(Heard(MAX_NUMBER, MAX_NUMBER))),
            (store.down("command"), b"{}"),
            (f"nearshelf/v1/{CHAIN}/hq/state", b'{"state":"away","boot":"x","at":0,"v":1}'),
        )
    )


def _to_store(
    stores: list[StoreTopics],
    rng: Random,
    forger: Signer,
    captured: dict[str, list[bytes]],
    late: dict[str, list[bytes]],
) -> tuple[str, bytes]:
    """Something a store must not do, from whoever has HQ's place at the broker and not its key."""
    to, other = rng.sample(stores, 2)
    own, others = rng.choice(captured[to.store]), rng.choice(captured[other.store])
    ask = PauseAsk(f"forged-{rng.random()}", rng.randint(1, 2**50), rng.randint(1, 2**50), paused=True, why="x", by="x")
    payload, channel = rng.choice(
        (
            (forger.command(to, ask), "command"),  # another key
            (others, "command"),  # HQ's own word to another store
            (own, "command"),  # HQ's own word, long done
            (own.replace(b'"paused":false', b'"paused":true'), "command"),  # HQ's own word, changed
            (own[: rng.randrange(len(own))], "command"),
            (rng.randbytes(60), "command"),
            (b"", "command"),
            (b"[" * 5000, "command"),
            (rng.randbytes(60), "heard"),
            (b'{"epoch":-1,"upto":-1,"v":1}', "heard"),
            (encode(Heard(1, 2**52)), "heard"),  # of an epoch long gone
            (encode(Heard(MAX_NUMBER, 7, want=1)), "heard"),  # of one that is not there yet
            (rng.choice(late[to.store]), "command"),  # HQ's own word, undone until its lease was over
        )
    )
    return to.down(channel), payload  # type: ignore[arg-type]


async def flood(there: Line, length: Length, seen: Figures) -> None:
    """Half of it to HQ, half to the stores, while the tills sell."""
    assert there.secured is not None
    if there.broker.witness is not None:
        there.broker.witness.excuse("log", "hello", "state", "heard", "command")
    await there.work_for(1.0)
    mine = there.credentials
    in_hqs_place = Hostile(there, "hostile-hq", mine[HQ])
    its_own = there.secured.store(_BAD.store)
    a_store = Hostile(there, "hostile-store", its_own)
    listens = [Hostile(there, "listens", mine[HQ], (f"nearshelf/v1/{CHAIN}/+/+/up/log",))]
    for store in there.stores:
        topic = StoreTopics(CHAIN, store.name).down("command")
        listens.append(Hostile(there, f"listens-{store.name}", mine[store.name], (topic,)))
    everybody = [in_hqs_place, a_store, *listens]
    ends = [asyncio.create_task(one.link.run()) for one in everybody]
    try:
        await until(lambda: all(one.link.state == "here" for one in everybody))
        await commanded(there, there.stores, "true-1", "true-2")
        await until(lambda: all(one.heard for one in listens))
        captured = [list(one.heard) for one in listens]
        for store in there.stores:  # every lease that was issued until now is over
            await store.agent.stop()
            await store.agent.start()
        before = await _counted(there)
        await asyncio.gather(
            _say_to_hq(there, a_store, captured[0], length.messages // 2),
            _say_to_stores(there, in_hqs_place, captured[1:], length.messages - length.messages // 2),
        )
        await caught_up(there)
        await commanded(there, there.stores, "true-3")
        large = await oversized(there, _BAD, its_own)
        await _all_is_visible(there, before, seen)
    finally:
        for end in ends:
            end.cancel()
        await asyncio.wait(ends)
    said = in_hqs_place.sent + a_store.sent + large
    seen.notes.append(
        f"{said} hostile messages, {a_store.refused + in_hqs_place.refused} of them refused by the broker"
    )


async def _say_to_hq(there: Line, a_store: Hostile, captured: list[tuple[str, bytes]], count: int) -> None:
    others = [StoreTopics(CHAIN, store.name) for store in there.stores]
    while a_store.sent < count:
        if there.rng.random() < 0.3:
            await a_store.say([_at_others(there.rng.choice(others), there.rng, captured) for _ in range(_AT_ONCE)])
        else:
            await a_store.say([_to_hq(_BAD, there.rng, captured) for _ in range(_AT_ONCE)])
        await there.work_for(0.0)


async def _say_to_stores(there: Line, in_hqs_place: Hostile, heard: list[list[tuple[str, bytes]]], count: int) -> None:
    stores = [StoreTopics(CHAIN, store.name) for store in there.stores]
    captured = {to.store: [payload for _, payload in those] for to, those in zip(stores, heard, strict=True)}
    late = {to.store: _late(there, to, captured[to.store][0]) for to in stores}
    forger = Signer(Ed25519PrivateKey.generate())
    while in_hqs_place.sent < count:
        await in_hqs_place.say([_to_store(stores, there.rng, forger, captured, late) for _ in range(_AT_ONCE)])
        await there.work_for(0.0)


def _late(there: Line, to: StoreTopics, captured: bytes) -> list[bytes]:
    """Commands that HQ signed on the lease of a captured one, and that somebody held back until now."""
    lease = decode_ask(decode_command(captured).ask).lease
    signer = Signer.read(there.credentials[HQ].folder / "commands.key")
    asks = [PauseAsk(f"late-{nth}", 900_000 + nth, lease, paused=True, why="x", by="x") for nth in range(50)]
    return [signer.command(to, ask) for ask in asks]


async def _counted(there: Line) -> Counter[str]:
    """What HQ and the stores have counted so far of what they did not believe, as operations see it."""
    found = Counter({f"HQ {name}": n for name, n in (await there.ask_hq("/v1/stores"))["counts"].items()})
    for store in there.stores:
        health = await store.look("/v1/health")
        found.update({f"stores {name}": n for name, n in health["commands"].items()})
        found["stores' line unreadable"] += health["line"]["unreadable"]
        found["stores' line foreign"] += health["line"]["foreign"]
        found["stores' paused"] += bool(health["promising"]["stopped"])
        found["stores' cases of it"] += any(case["case"] == "forged_command" for case in health["cases"])
    return found


async def _all_is_visible(there: Line, before: Counter[str], seen: Figures) -> None:
    """Every kind is counted, nobody was paused, and each store's people have a case."""
    counted = await _counted(there)
    new = {name: n - before[name] for name, n in counted.items() if n != before[name] and name != "HQ landed"}
    for name in _COUNTED:
        assert new.get(name, 0) > 0, f"{name} is not counted: {new}"
    assert not counted["stores' paused"], "somebody who is not HQ paused a store"
    assert counted["stores' cases of it"] == len(there.stores), counted
    stores = (await there.ask_hq("/v1/stores"))["stores"]
    assert {store["store"] for store in stores} <= {*(store.name for store in there.stores), _BAD.store}
    assert (await there.ask_hq("/v1/quarantine"))["newest"]
    seen.notes.append("counted: " + ", ".join(f"{name} {n}" for name, n in sorted(new.items())))
