"""The composition root: the only place that makes the agent's parts and connects them."""

import asyncio
import os
import random
import secrets
import signal
from collections.abc import Coroutine, Iterable
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import structlog

from agent import catalogue_import, health, log, map_file, memory, stalls
from agent.books_time import BooksTime
from agent.catalogue_following import CatalogueFollower
from agent.certificates import CertificateWatch, PagesWatch, ends_at
from agent.clerk import Clerk
from agent.cli import command_line
from agent.clock import Clock, SystemClock, this_boot
from agent.commands import Commands
from agent.config import Config, PeopleCare
from agent.core.explain import policy_of
from agent.core.lease import Leases
from agent.core.ledger import Books, Turn
from agent.core.tasks import board
from agent.day_ends import DayEnds
from agent.days import Days
from agent.devices import Keeper, open_devices
from agent.hq_silence import SilenceWatch
from agent.intake import Intake
from agent.outbox import Outbox, Sender
from agent.people.door import Door
from agent.people.opening import open_door
from agent.people_watch import PeopleWatch
from agent.snapshot import Snapshots
from agent.store import books as rows
from agent.store import claims, conditions
from agent.store.ballast import Ballast
from agent.store.connection import Store
from agent.store.opening import open_books
from agent.upkeep import Upkeep
from agent.web.app import make_app
from agent.web.live import Live
from agent.web.reports import Reports
from agent.web.server import WebServer
from wire.mqtt import BrokerLost, Link
from wire.signing import Verifier

_GOODBYE_WITHIN_S = 2.0

logger = structlog.get_logger()


async def serve(config: Config) -> None:
    """Run the store until SIGTERM or SIGINT.

    Raises BadCatalogueError, BooksRefusedError, PeopleError or OSError (port taken) before anything is connected, and
    BooksLostError when the disk failed: then the process must end and be started anew.
    """
    boot = secrets.token_hex(4)
    log.set_up(store=config.store, boot=boot)
    clock = SystemClock()
    memory.make_room_for_the_books()
    ballast = Ballast(config.books, config.care.ballast_bytes)
    opened, _ = await open_books(config.books, ballast, config.care.backups, clock.now_ms())
    async with opened as store:
        books = await _load(store, config, clock.now_ms())
        memory.spare_the_books()
        sender = Sender(version("nearshelf"), boot)
        heard, is_old_copy = await store.write(lambda tx: (rows.heard(tx), rows.is_old_copy(tx)))
        time = BooksTime(clock, this_boot(), await store.write(claims.time_of))
        outbox = Outbox(store, books, config.topics, clock, sender, time=time, heard=heard, is_old_copy=is_old_copy)

        def wrote(turn: Turn) -> None:
            outbox.wake()
            live.changed(turn.on_hand, board=board.is_changed_by(turn))

        clerk = Clerk(store, books, clock, wrote, time)
        outbox.on_old_copy = clerk.close
        if is_old_copy:
            clerk.close(outbox.trouble)
        intake = Intake(clerk, clock, config.tags)
        verifier = None if config.commands_key is None else Verifier.read(config.commands_key)
        commands = Commands(clerk, config.topics, clock, verifier)
        link = _line(config, clock, outbox, commands)
        snapshots = Snapshots(store, books, config.topics, link, clock, time)
        outbox.on_snapshot_asked = snapshots.ask
        keepers = _keepers(config, intake, clock)
        chain, upkeep = config.topics.chain, Upkeep(store, clerk, config.care, clock)
        reports = Reports(
            books, chain, sender, clock.now_ms(), clock, keepers, intake, outbox, link, clerk, upkeep, commands
        )
        live = Live(reports, clock)
        outbox.on_heard = live.changed

        def catalogue_changed(skus: Iterable[str]) -> None:
            live.changed(skus)
            clerk.wake()

        door = _open_door(config.people, time)
        pages = PagesWatch(config.web_tls, clerk, clock)
        app = make_app(clerk, reports, live, door, config.web_token)
        web = WebServer(app, config.web_host, config.web_port, pages.context)
        edges: dict[str, Coroutine[Any, Any, None]] = {
            f"device:{keeper.health.name}": keeper.run() for keeper in keepers
        } | {"intake": intake.run(), "rounds": intake.watch()}
        inner = {
            "clerk": clerk.run(),
            "outbox": outbox.run(),
            "link": link.run(),
            "commands": commands.run(),
            "snapshots": snapshots.run(),
            "upkeep": upkeep.run(),
            "certificates": CertificateWatch(config.credentials, link, clerk, clock).run(),
            "pages": pages.run(),
            "people": PeopleWatch(door, clerk, clock).run(),
            "silence": SilenceWatch(clerk, outbox, clock).run(),
            "days": DayEnds(clerk, clock, Days(clerk, clock)).run(),
            "catalogue": CatalogueFollower(store, books, config.catalogue, catalogue_changed).run(),
            "watchdog": health.keep_watchdog([clerk.prove, outbox.prove], clock),
        }
        with stalls.noticed(), door:
            await _run(edges, inner, web, live, clerk, outbox)


def _keepers(config: Config, intake: Intake, clock: Clock) -> tuple[Keeper, ...]:
    devices, _ = open_devices(config.devices)
    pairs = zip(devices, config.devices, strict=True)
    return tuple(Keeper(device, settings, intake, clock, random.uniform) for device, settings in pairs)


def _open_door(people: PeopleCare, time: BooksTime) -> Door:
    return open_door(people.file, people.key, lambda: time.stamp().books_ms, people.shift)


def _line(config: Config, clock: Clock, outbox: Outbox, commands: Commands) -> Link:
    """The line to HQ, with those who speak and listen on it."""
    link = Link(
        config.broker,
        f"store-{config.topics.chain}-{config.store}",
        version=config.mqtt_version,
        credentials=config.credentials,
        will=outbox.will(),
        topics=(*outbox.heard_topics, commands.topic),
        on_message=lambda topic, payload: (
            commands.offer(payload) if topic == commands.topic else outbox.on_message(topic, payload)
        ),
        on_up=outbox.on_connect,
        on_down=outbox.on_down,
        now_ms=clock.now_ms,
    )
    outbox.certificate_ends = lambda: ends_at(config.credentials)
    outbox.attach(link)
    commands.attach(link)
    return link


async def _load(store: Store, config: Config, at: int) -> Books:
    """The books in memory, with the catalogue, what the channels may be promised, and the leases of this start."""
    epoch = await store.write(lambda tx: rows.found(tx, config.store, at))
    catalogue = await store.write(lambda tx: catalogue_import.follow_file(tx, config.catalogue))
    books = await store.write(lambda tx: rows.load(tx, config.store, epoch, catalogue))
    books.conditions.channels = config.channels
    books.conditions.policy_of = policy_of(catalogue, config.channels)
    books.count_rules = config.counts
    books.instore = config.instore
    store_map = map_file.read(config.map) if config.map else None
    books.tasks.rules = replace(config.picking, store_map=store_map)
    books.leases = Leases(await store.write(conditions.begin_start), config.lease_s)
    return books


async def _run(
    edges: dict[str, Coroutine[Any, Any, None]],
    inner: dict[str, Coroutine[Any, Any, None]],
    web: WebServer,
    live: Live,
    clerk: Clerk,
    outbox: Outbox,
) -> None:
    """Run everything; on a signal stop from the outside in, so that whoever was told yes is in the books."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for asked in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(asked, stop.set)
    async with asyncio.TaskGroup() as shop:
        served = shop.create_task(web.run_until_stopped(), name="web")
        outside = [shop.create_task(work, name=name) for name, work in edges.items()]
        inside = [shop.create_task(work, name=name) for name, work in inner.items()]
        logger.info("ready", web=web.address, epoch=clerk.books.epoch, head=clerk.books.head, pid=os.getpid())
        health.notify("READY=1")
        await stop.wait()
        logger.info("stopping")
        health.notify("STOPPING=1")
        live.close()
        web.stop()
        for task in outside:
            task.cancel()
        await asyncio.wait([served, *outside])
        await clerk.finish()
        try:
            async with asyncio.timeout(_GOODBYE_WITHIN_S):
                await outbox.goodbye()
        except (TimeoutError, BrokerLost):
            logger.info("goodbye_unheard")
        for task in inside:
            task.cancel()
    logger.info("stopped", head=clerk.books.head)


app = command_line(serve)

if __name__ == "__main__":
    app()
