"""HQ put together: the only place that constructs and connects things."""

import asyncio
import secrets
import signal
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from hq_bridge import log as log_lines
from hq_bridge.answers import Answers, Presence
from hq_bridge.clock import now_ms
from hq_bridge.commands import Commands
from hq_bridge.config import Config
from hq_bridge.events import Trail
from hq_bridge.ingest import Ingest, Say
from hq_bridge.memory import spare_the_books
from hq_bridge.republish import Republisher
from hq_bridge.retention import Retention
from hq_bridge.store import Database
from hq_bridge.web.app import make_app
from hq_bridge.web.board import Board
from hq_bridge.web.orders import Orders
from hq_bridge.web.server import WebServer
from hq_bridge.web.streams import Streams
from wire import topics
from wire.mqtt import Link
from wire.signing import Signer

log = structlog.get_logger()


async def serve(
    config: Config, stop: asyncio.Event, say_with: Callable[[Answers], Say] = lambda answers: answers.say
) -> None:
    """Run HQ until `stop` is set. `say_with` turns the ordinary way of answering stores into the one to use.

    Raises DatabaseRefused, OSError when the web port is taken, and (in a group) DatabaseLost: then the process must end
    and be started anew, because only a fresh look at the disk tells what was committed.
    """
    boot = secrets.token_hex(4)
    log_lines.set_up(chain=config.chain, boot=boot)
    async with await Database.open(config.database) as database:
        presence = Presence(config.chain, boot, now_ms())

        def up() -> None:
            log.info("broker_reached", broker=str(config.broker))
            answers.forget()
            ingest.begin_connection()
            presence.here(link, now_ms())
            republisher.line_is_up()

        link = Link(
            config.broker,
            f"hq-{config.chain}",
            version=config.mqtt_version,
            credentials=config.credentials,
            will=presence.will,
            topics=[topics.all_up(config.chain)],
            on_message=lambda topic, payload: ingest.offer(topic, payload),
            on_up=up,
            on_down=lambda why: log.warning("broker_lost", broker=str(config.broker), why=why),
            now_ms=now_ms,
        )
        answers = Answers(link)
        stores = await database.load()
        signer = None if config.commands_key is None else Signer.read(config.commands_key)
        commands = Commands(config.chain, database, stores, signer, now_ms, await database.commands())
        commands.attach(link)
        ingest = Ingest(
            config.chain, database, stores, say_with(answers), now_ms, boot=boot, on_answer=commands.answered
        )
        spare_the_books()
        retention = Retention(database, config.keep_days, now_ms)
        board = Board(config.chain, ingest, database, link, now_ms, config.credentials)
        trail = Trail(database, ingest.stores)
        streams = Streams(board, trail, ingest.bell)
        orders = Orders(database, ingest.stores, commands, ingest.bell)
        republisher = Republisher(config.chain, database, ingest, trail, link)
        web = WebServer(make_app(board, streams, commands, orders, config.web_token), config.web_host, config.web_port)
        books = [ingest.run(), retention.run(), commands.run(), board.trend.run()]
        if config.events_mqtt:
            await republisher.begin()
            books += [republisher.keep(), republisher.run()]
        else:
            await database.forget_told()
        log.info("ready", web=web.address, broker=str(config.broker), stores=len(ingest.stores))
        await _run(stop, books, link, presence, streams, web)
        await trail.close()
    log.info("stopped")


async def _run(
    stop: asyncio.Event,
    books: list[Coroutine[Any, Any, None]],
    link: Link,
    presence: Presence,
    streams: Streams,
    web: WebServer,
) -> None:
    """Everything at once; when `stop` is set, from the outside in: pages, then the line, then the writer."""
    async with asyncio.TaskGroup() as group:
        writers = [group.create_task(work) for work in books]
        line = group.create_task(link.run(), name="line")
        pages = group.create_task(web.run_until_stopped(), name="web")
        await stop.wait()
        streams.close()
        web.stop()
        await asyncio.wait({pages})
        await presence.away(link, now_ms())
        line.cancel()
        await asyncio.wait({line})
        for writer in reversed(writers):
            writer.cancel()


async def main(config: Config) -> None:
    """Run HQ until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await serve(config, stop)


if __name__ == "__main__":
    from hq_bridge.cli import app

    app()
