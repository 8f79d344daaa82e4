"""A real Chromium looking at a page, keeping everything the page complained about."""

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import pytest
import uvicorn
from playwright.async_api import Browser, Page, Playwright, async_playwright, expect
from starlette.types import ASGIApp

from tests.waiting import until

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

#: A machine that runs everything else, too, may be slow to draw; what never comes is still found.
expect.set_options(timeout=20_000)


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


@asynccontextmanager
async def served(app: ASGIApp, port: int) -> AsyncIterator[str]:
    """The app on 127.0.0.1:port while the context lasts; gives its address."""
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", timeout_graceful_shutdown=1)
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(server.serve(), name="page")
        await until(lambda: server.started)
        yield f"http://127.0.0.1:{port}"
        server.should_exit = True


def chromium() -> str:
    """The browser's program; skips the test where there is none."""
    if CHROMIUM is None:
        pytest.skip("NO CHROMIUM: the pages are not looked at; install Debian's chromium")
    return CHROMIUM


class Chromium:
    """A browser that is started when somebody first wants it: a page of it is there in a tenth of the time."""

    def __init__(self) -> None:
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None

    async def browser(self) -> Browser:
        """Skips the test where there is none."""
        if self._browser is None or not self._browser.is_connected():
            playwright = await self._started()
            self._browser = await playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        return self._browser

    async def at(self, address: str) -> Browser:
        """One that somebody else started, at its port for DevTools."""
        return await (await self._started()).chromium.connect_over_cdp(address)

    async def _started(self) -> Playwright:
        if self._playwright is None:
            self._playwright = await async_playwright().start()
        return self._playwright

    async def close(self) -> None:
        if self._browser is not None:
            await self._browser.close()
        if self._playwright is not None:
            await self._playwright.stop()


#: The one of all tests in this process; each has a context of its own in it, with its own storage.
SHARED = Chromium()


@asynccontextmanager
async def browsing(
    width: int = 1280, locale: str = "en-GB", scheme: Literal["light", "dark"] = "light"
) -> AsyncIterator[tuple[Page, list[str]]]:
    """A fresh page, and the list its console errors, exceptions and refused resources go to."""
    context = await (await SHARED.browser()).new_context(
        viewport={"width": width, "height": 900}, locale=locale, color_scheme=scheme, timezone_id="Europe/Berlin"
    )
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    try:
        yield page, complaints
    finally:
        await context.close()
