"""A store that is served from a thread of its own, for those who call it without an event loop."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from agent.core.people import Role
from tests.agent.people import hire, sign_in
from tests.agent.test_web import Site, serving_site


@dataclass(frozen=True, slots=True)
class Served:
    """Where it is; `headers` are what a signed-in manager's page sends, for as long as it is served."""

    url: str
    headers: dict[str, str]
    site: Site


@contextlib.contextmanager
def served_store(folder: Path, role: Role = "manager") -> Iterator[Served]:
    """Served until the block ends."""
    told: SimpleQueue[Served | BaseException] = SimpleQueue()
    loop, end = asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        async with serving_site(folder) as site:
            await hire(site.door, "w1", role)
            await sign_in(site.client)
            cookie = "; ".join(f"{name}={value}" for name, value in site.client.cookies.items())
            told.put(
                Served(str(site.client.base_url), {"cookie": cookie, "x-csrf": site.client.headers["x-csrf"]}, site)
            )
            await end.wait()

    def run() -> None:
        try:
            loop.run_until_complete(serve())
        except BaseException as error:
            told.put(error)
            raise
        finally:
            loop.close()

    thread = threading.Thread(target=run, name="store")
    thread.start()
    served = told.get(timeout=30)
    if isinstance(served, BaseException):
        raise served
    try:
        yield served
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()
