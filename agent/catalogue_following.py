"""Brings the configured catalogue file in again when somebody asks for it (SIGHUP), without a pause in the shop."""

import asyncio
import signal
from collections.abc import Callable, Iterable
from pathlib import Path

import structlog

from agent import catalogue_import
from agent.catalogue_file import BadCatalogueError
from agent.core.catalogue import Catalogue, sold_otherwise
from agent.core.explain import policy_of
from agent.core.ledger import Books
from agent.store.connection import Store
from agent.store.errors import BooksFullError

log = structlog.get_logger()


class CatalogueFollower:
    """Makes `books.catalogue` what the file says. `changed` is told which SKUs are other than they were.

    Hears SIGHUP from when it is made, so that none ends the agent.
    """

    def __init__(self, store: Store, books: Books, path: Path | None, changed: Callable[[Iterable[str]], None]) -> None:
        self._store = store
        self._books = books
        self._path = path
        self._changed = changed
        self._asked = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._asked.set)

    async def run(self) -> None:
        """Wait to be asked, for ever. A file that cannot be used is logged, and the catalogue stays as it is."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            await self.follow()

    async def follow(self) -> None:
        """Bring the file in now, if it is another than last time. Raises BooksLostError."""
        try:
            await self._store.write(lambda tx: catalogue_import.follow_file(tx, self._path), self._remember)
        except (BadCatalogueError, BooksFullError) as error:
            log.error("catalogue_refused", why=str(error)[:4000])

    def _remember(self, catalogue: Catalogue) -> None:
        before = self._books.catalogue
        changed = [name for name, sku in catalogue.skus.items() if before.skus.get(name) != sku]
        self._books.untold.note(name for name in sold_otherwise(before, catalogue) if name in self._books.on_hand)
        self._books.catalogue = catalogue
        self._books.conditions.policy_of = policy_of(catalogue, self._books.conditions.channels)
        log.info("catalogue_followed", skus=len(catalogue.skus), changed=len(changed))
        self._changed(changed)
