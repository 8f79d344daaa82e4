"""Says in time when this store's certificate ends, and when its clock cannot be right."""

import asyncio
import contextlib
import ssl
from typing import Final

import structlog
from msgspec import UNSET, UnsetType

from agent.clerk import AskFailedError, Clerk
from agent.clock import Clock
from agent.core.asks import Notice
from agent.store.errors import BooksClosedError, BooksFullError
from wire.mqtt import Link
from wire.tls import Credentials, CredentialsUnusable, Span, as_day

log = structlog.get_logger()

_LOOK_EVERY_S: Final = 2.0
_ABOUT: Final = "line to HQ"
_PAGES: Final = "pages"


class CertificateWatch:
    """Keeps the cases `certificate_ends` and `clock_wrong` true. Without credentials there is nothing to see."""

    def __init__(self, credentials: Credentials | None, link: Link, clerk: Clerk, clock: Clock) -> None:
        self._credentials = credentials
        self._link = link
        self._clerk = clerk
        self._clock = clock

    async def run(self) -> None:
        """Look, for ever. What cannot be entered now is tried again; renewed files are seen where they lie."""
        while self._credentials is not None:
            with contextlib.suppress(BooksFullError, BooksClosedError, AskFailedError, CredentialsUnusable):
                await self._look(await asyncio.to_thread(self._credentials.span))
            await self._clock.sleep(_LOOK_EVERY_S)

    async def _look(self, own: Span) -> None:
        now = self._clock.now_ms()
        shown = self._link.shown
        begun = max(own.begins, own.begins if shown is None else shown.begins)
        behind, why = now < begun, f"it says {as_day(now)}, and a certificate of the line began on {as_day(begun)}"
        if await self._say("clock_wrong", why, over=not behind):
            if behind:
                log.warning("clock_wrong", why=why)
            else:
                log.info("clock_right")
        if behind:
            return  # when something ends, nobody knows
        ends, on = own.is_about_to_end(now), as_day(own.ends)
        if await self._say("certificate_ends", f"the store's certificate ends on {on}", over=not ends):
            if ends:
                log.warning("certificate_ends", on=on)
            else:
                log.info("certificate_renewed", ends=on)

    async def _say(self, kind: str, detail: str, *, over: bool) -> bool:
        return await _said(self._clerk, kind, _ABOUT, detail, over=over)


class PagesWatch:
    """Keeps the case `certificate_ends` of the pages true, and has new connections get the files as they are now.

    `context` is what the pages are served by; None: in the clear.
    """

    def __init__(self, credentials: Credentials | None, clerk: Clerk, clock: Clock) -> None:
        """Raises CredentialsUnusable."""
        self.context: Final = None if credentials is None else credentials.serving()
        self._credentials = credentials
        self._clerk = clerk
        self._clock = clock
        self._served: Span | None = None

    async def run(self) -> None:
        """Look, for ever; nothing to do where the pages are served without TLS."""
        while self._credentials is not None and self.context is not None:
            with contextlib.suppress(BooksFullError, BooksClosedError, AskFailedError, CredentialsUnusable):
                await self._look(self._credentials, self.context)
            await self._clock.sleep(_LOOK_EVERY_S)

    async def _look(self, credentials: Credentials, context: ssl.SSLContext) -> None:
        own = await asyncio.to_thread(credentials.span)
        if own != self._served:
            await asyncio.to_thread(credentials.renew, context)
            if self._served is not None:
                log.info("certificate_renewed", ends=as_day(own.ends), of=_PAGES)
            self._served = own
        ends, on = own.is_about_to_end(self._clock.now_ms()), as_day(own.ends)
        detail = f"the certificate of the store's pages ends on {on}"
        if await _said(self._clerk, "certificate_ends", _PAGES, detail, over=not ends) and ends:
            log.warning("certificate_ends", on=on, of=_PAGES)


async def _said(clerk: Clerk, kind: str, about: str, detail: str, *, over: bool) -> bool:
    """Enter it unless it stands so already; did it not?"""
    if over != ((kind, about) in clerk.books.cases):
        return False
    await clerk.enter(Notice(kind, about, detail, over=over))
    return True


def ends_at(credentials: Credentials | None) -> int | UnsetType:
    """When the store's certificate ends (unix ms), as it is told HQ; unset where there is none to be read."""
    try:
        return UNSET if credentials is None else credentials.span().ends
    except CredentialsUnusable:
        return UNSET
