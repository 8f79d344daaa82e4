"""The store's pages by TLS: whom a device sees, what a renewed certificate changes, and who does not speak TLS."""

import asyncio
import base64
import datetime as dt
import hashlib
import shutil
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.async_api import async_playwright, expect

from agent import doctor
from agent.config import load
from agent.web.server import WebServer
from hq_bridge.authority import Authority
from simulators.programs import Program
from tests.agent.programs import program_of, store_toml
from tests.browser.pages import chromium
from tests.waiting import until
from wire.tls import Credentials, CredentialsUnusable

NOW = dt.datetime.now(dt.UTC)


def issued(folder: Path, at: dt.datetime = NOW, days: int = 365) -> Path:
    """The folder of a store's pages, by the chain's authority."""
    if not folder.exists():
        Authority.make(folder, "demo", at)
    return Authority(folder, at).pages("SH-1", ["127.0.0.1", "store.lan"], days)


def trusting(folder: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=folder / "ca.pem")


@asynccontextmanager
async def agent(folder: Path, pages: Path) -> AsyncIterator[Program]:
    """A whole agent whose pages are served by this certificate."""
    program = program_of(folder, store_toml(books="ballast_mib = 0", web=f'tls = "{pages}"'))
    await program.start()
    try:
        yield program
    finally:
        await program.stop()


def serial_of(address: str, context: ssl.SSLContext) -> str:
    """Of the certificate that a new connection is shown."""
    host, port = address.removeprefix("https://").split(":")
    with (
        socket.create_connection((host, int(port)), 5) as plain,
        context.wrap_socket(plain, server_hostname=host) as tls,
    ):
        shown = tls.getpeercert()
        assert shown is not None
        return str(shown["serialNumber"])


async def test_a_device_that_trusts_the_authority_gets_the_pages_and_nobody_gets_them_in_the_clear(
    tmp_path: Path,
) -> None:
    pages = issued(tmp_path / "authority")
    async with agent(tmp_path, pages) as store:
        assert store.web.startswith("https://127.0.0.1:")
        async with httpx.AsyncClient(base_url=store.web, verify=trusting(pages)) as device:
            assert (await device.get("/handheld")).status_code == 200
            assert (await device.post("/v1/session", json={"badge": "x", "pin": "1234"})).status_code == 401
        async with httpx.AsyncClient(base_url=store.web) as stranger:
            with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                await stranger.get("/handheld")
        async with httpx.AsyncClient(base_url=store.web.replace("https", "http")) as clear:
            with pytest.raises(httpx.TransportError):
                await clear.get("/handheld")


async def test_renewed_files_count_for_new_connections_and_half_copied_ones_for_none(tmp_path: Path) -> None:
    authority = tmp_path / "authority"
    pages = Path(shutil.copytree(issued(authority, NOW - dt.timedelta(days=9), days=10), tmp_path / "pages"))
    (pages / "ca.pem").unlink()  # it is for the devices
    context = trusting(authority)
    async with agent(tmp_path, pages) as store, httpx.AsyncClient(base_url=store.web, verify=context) as device:

        async def about_to_end() -> list[str]:
            found = (await device.get("/v1/health")).json()["cases"]
            return [one["about"] for one in found if one["case"] == "certificate_ends"]

        async def is_well() -> bool:
            return not await about_to_end()

        assert await until(about_to_end) == ["pages"]
        first = serial_of(store.web, context)
        issued(authority, NOW, days=400)
        shutil.copy(authority / "issued/pages.SH-1/cert.pem", pages)  # its key is still to come
        with pytest.raises(CredentialsUnusable, match="do not belong together"):
            Credentials(pages).serving()
        assert serial_of(store.web, context) == first
        shutil.copy(authority / "issued/pages.SH-1/key.pem", pages)
        await until(is_well)  # told over the connection that began with the old one
        assert serial_of(store.web, context) != first


async def test_who_connects_and_never_begins_to_speak_tls_is_let_go(tmp_path: Path) -> None:
    async def nobody(scope: object, receive: object, send: object) -> None:
        raise AssertionError("nobody asked")

    context = Credentials(issued(tmp_path / "authority")).serving()
    server = WebServer(nobody, "127.0.0.1", 0, context, speak_within_s=0.2)
    serving = asyncio.ensure_future(server.run_until_stopped())
    host, port = server.address.removeprefix("https://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()
    server.stop()
    await serving


async def test_the_doctor_asks_an_agent_by_tls_and_takes_no_other_for_it(tmp_path: Path) -> None:
    pages = issued(tmp_path / "authority")
    async with agent(tmp_path, pages) as store:
        port = int(store.web.rsplit(":", 1)[1])
        text = store.settings.read_text().replace("port = 0", f"port = {port}")
        store.settings.write_text(text)
        assert await asyncio.to_thread(doctor.running_agent, load(store.settings)) == []
        other = issued(tmp_path / "another")
        store.settings.write_text(text.replace(str(pages), str(other)))
        assert await asyncio.to_thread(doctor.running_agent, load(store.settings)) is None


def test_a_folder_that_cannot_serve_is_a_mistake_with_the_files_name(tmp_path: Path) -> None:
    pages = issued(tmp_path / "authority")
    (pages / "key.pem").unlink()
    with pytest.raises(CredentialsUnusable, match=r"key\.pem cannot be read"):
        Credentials(pages).serving()


@pytest.mark.browser
async def test_by_tls_the_browser_keeps_the_handhelds_page_itself(tmp_path: Path) -> None:
    pages = issued(tmp_path / "authority")
    async with agent(tmp_path, pages) as store, async_playwright() as playwright:
        leaf = x509.load_pem_x509_certificate((pages / "cert.pem").read_bytes()).public_key()
        named = leaf.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        trusted = base64.b64encode(hashlib.sha256(named).digest()).decode()
        browser = await playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox", f"--ignore-certificate-errors-spki-list={trusted}"]
        )
        page = await browser.new_page()
        await page.goto(f"{store.web}/handheld")
        await expect(page.locator("body[data-ready]")).to_be_attached()
        assert await page.evaluate("isSecureContext")
        assert await page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        await browser.close()
