"""The line over TLS: who proves to be whom, what is refused and why, and certificates that change under the line."""

import asyncio
import datetime as dt
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from hq_bridge.authority import Authority
from tests.secured import Secured, secured_mosquitto
from tests.waiting import until
from wire.codec import MAX_PAYLOAD
from wire.mqtt import Link, MqttVersion, parse_broker
from wire.tls import Credentials, CredentialsUnusable, credentials_for

UP = "nearshelf/v1/demo/00/SH-1/up/log"


@pytest.fixture
async def secured(tmp_path: Path) -> AsyncIterator[Secured]:
    async with secured_mosquitto(tmp_path) as secured:
        yield secured


class End:
    """One end of the line, with what it heard."""

    def __init__(
        self, address: str, name: str, credentials: Credentials, *topics: str, version: MqttVersion = "5"
    ) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.ups = 0
        self.link = Link(
            parse_broker(address),
            name,
            version=version,
            credentials=credentials,
            topics=topics,
            on_message=lambda topic, payload: self.heard.append((topic, payload)),
            on_up=self._up,
            now_ms=lambda: 0,
        )

    def _up(self) -> None:
        self.ups += 1


@asynccontextmanager
async def running(*ends: End) -> AsyncIterator[None]:
    """Their links run; not necessarily up."""
    tasks = [asyncio.create_task(end.link.run()) for end in ends]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


@pytest.mark.parametrize("version", ["5", "3.1.1"])
@pytest.mark.nonsense("log")
async def test_messages_of_every_size_cross_in_order(secured: Secured, version: MqttVersion) -> None:
    store = End(secured.address, "store", secured.store("SH-1"), version=version)
    hq = End(secured.address, "hq", secured.hq(), "nearshelf/v1/demo/+/+/up/#", version=version)
    payloads = [b"x" * (size % MAX_PAYLOAD + 1) for size in range(0, 4 * MAX_PAYLOAD, 33_333)]
    async with running(store, hq):
        await until(lambda: store.link.state == hq.link.state == "here")
        await asyncio.gather(*[store.link.publish(UP, payload) for payload in payloads])
        await until(lambda: len(hq.heard) == len(payloads))
    assert hq.heard == [(UP, payload) for payload in payloads]


async def test_only_tls_1_3_with_a_certificate_gets_in(secured: Secured, tmp_path: Path) -> None:
    context = secured.store("SH-1").context()
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError, match=r"(?i)version"):
        await asyncio.open_connection("127.0.0.1", secured.broker.port, ssl=context)
    stranger = Authority.make(tmp_path / "other", "demo", dt.datetime.now(dt.UTC)).store("SH-1", 30)
    (stranger / "ca.pem").write_bytes((secured.authority.folder / "ca.pem").read_bytes())
    end = End(secured.address, "stranger", Credentials(stranger))
    async with running(end):
        await until(lambda: end.link.why.startswith("TLS: "))
    assert end.ups == 0


async def test_a_broker_that_is_not_ours_is_not_believed(secured: Secured, tmp_path: Path) -> None:
    theirs = Authority.make(tmp_path / "other", "demo", dt.datetime.now(dt.UTC))
    mine = secured.store("SH-1")
    (mine.folder / "ca.pem").write_bytes((theirs.folder / "ca.pem").read_bytes())
    end = End(secured.address, "store", mine)
    elsewhere = End(secured.address.replace("127.0.0.1", "localhost"), "store-2", secured.store("SH-2"))
    async with running(end, elsewhere):
        await until(lambda: "CERTIFICATE_VERIFY_FAILED" in end.link.why)
        await until(lambda: "localhost" in elsewhere.link.why)  # its certificate is for 127.0.0.1
    assert (end.ups, elsewhere.ups) == (0, 0)


async def test_a_store_cannot_play_the_broker(secured: Secured) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    store = secured.store("SH-1").folder
    server.load_cert_chain(store / "cert.pem", store / "key.pem")
    listening = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0, ssl=server)
    port = listening.sockets[0].getsockname()[1]
    end = End(f"mqtts://127.0.0.1:{port}", "hq", secured.hq())
    async with running(end):
        await until(lambda: "CERTIFICATE_VERIFY_FAILED" in end.link.why)
    listening.close()


async def test_cancelled_at_any_step_of_the_handshake_it_leaves_no_socket_behind(secured: Secured) -> None:
    credentials = secured.store("SH-1")
    for steps in range(40):
        end = End(secured.address, "store", credentials)
        task = asyncio.create_task(end.link.run())
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()


async def test_what_speaks_no_tls_is_named(tmp_path: Path) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    credentials = Credentials(Authority.make(tmp_path / "a", "demo", dt.datetime.now(dt.UTC)).store("SH-1", 30))
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        end = End(f"mqtts://127.0.0.1:{server.sockets[0].getsockname()[1]}", "store", credentials)
        async with running(end):
            await until(lambda: "WRONG_VERSION_NUMBER" in end.link.why)
    assert end.ups == 0


@pytest.mark.nonsense("log")
async def test_certificates_change_and_nobody_is_cut_off(secured: Secured) -> None:
    """The whole rotation: a second authority, all certificates by it, the first one forgotten; the line stays up."""
    store, hq = secured.store("SH-1"), secured.hq()
    ends = End(secured.address, "store", store), End(secured.address, "hq", hq, "nearshelf/v1/demo/+/+/up/#")

    def heard_more_than(known: int) -> bool:
        return len(ends[1].heard) > known

    async def newcomers_and_old_friends_talk() -> None:
        newcomer = End(secured.address, "late", store)
        async with running(newcomer):
            await until(lambda: newcomer.link.state == "here")
            for end in (ends[0], newcomer):
                known = len(ends[1].heard)
                await end.link.publish(UP, b"still here")
                await until(partial(heard_more_than, known))

    async with running(*ends):
        await until(lambda: all(end.link.state == "here" for end in ends))
        for step in (
            lambda: secured.authority.begin_rotation(),
            lambda: secured.authority.renew(30),
            lambda: secured.authority.finish_rotation(),
        ):
            step()
            secured.install()
            secured.reload()
            await newcomers_and_old_friends_talk()
        assert [end.ups for end in ends] == [1, 1]
    assert {each.by for each in secured.authority.issued()} == {2}


NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)


async def reissued(secured: Secured, issued_at: dt.datetime, days: int) -> None:
    """The broker gets a certificate of that day, and shows it from now on."""
    Authority(secured.authority.folder, issued_at).broker(["127.0.0.1"], days)
    secured.install()
    await secured.broker.restart()


async def test_a_clock_that_is_behind_keeps_nobody_off_the_line(secured: Secured) -> None:
    """The broker was given its certificate when our clock should have said: in ten days."""
    await reissued(secured, NOW + 10 * DAY, 30)
    end = End(secured.address, "store", secured.store("SH-1"))
    async with running(end):
        await until(lambda: end.link.state == "here")
    assert end.link.shown is not None
    assert NOW + 8 * DAY < dt.datetime.fromtimestamp(end.link.shown.begins / 1000, dt.UTC) < NOW + 10 * DAY


def is_refused(end: End, why: str) -> bool:
    return why in end.link.why


async def test_a_clock_that_is_behind_does_not_make_a_broker_of_anybody(secured: Secured, tmp_path: Path) -> None:
    """Chain, name and use are looked at all the same."""
    ahead = Authority.make(tmp_path / "other", "demo", NOW + 10 * DAY)
    strange = ahead.broker(["127.0.0.1"], 30)
    wrong_use = Authority(secured.authority.folder, NOW + 10 * DAY).store("SH-9", 30)
    wrong_name = Authority(secured.authority.folder, NOW + 10 * DAY).broker(["elsewhere.example"], 30)
    mine = secured.store("SH-1")
    for folder, says in ((strange, "VERIFY_FAILED"), (wrong_use, "purpose"), (wrong_name, "IP address mismatch")):
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        async with await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0, ssl=server) as listening:
            end = End(f"mqtts://127.0.0.1:{listening.sockets[0].getsockname()[1]}", "store", mine)
            async with running(end):
                await until(partial(is_refused, end, says))
        assert end.ups == 0


async def test_a_broker_whose_certificate_has_ended_is_refused_whatever_the_clock(secured: Secured) -> None:
    """By the clock when it is right; when it is behind, by our own certificate, which began after the broker's end."""
    await reissued(secured, NOW - 20 * DAY, 10)
    late = End(secured.address, "store", secured.store("SH-1"))
    async with running(late):
        await until(lambda: "certificate has expired" in late.link.why)
    await reissued(secured, NOW + 3 * DAY, 2)
    mine = Credentials(Authority(secured.authority.folder, NOW + 10 * DAY).store("SH-1", 30))
    behind = End(secured.address, "store", mine)
    async with running(behind):
        await until(lambda: "the broker's certificate ended on" in behind.link.why)
    assert (late.ups, behind.ups) == (0, 0)


async def test_a_revoked_store_stays_out(secured: Secured) -> None:
    stolen = secured.store("SH-1")
    kept = Credentials(secured.installed.parent / "stolen")
    stolen.folder.rename(kept.folder)
    stolen.folder.mkdir()
    (stolen.folder / "cert.pem").write_bytes((kept.folder / "cert.pem").read_bytes())
    secured.authority.revoke("SH-1")
    secured.install()
    await secured.broker.restart()
    thief, other = End(secured.address, "thief", kept), End(secured.address, "store", secured.store("SH-2"))
    async with running(thief, other):
        await until(lambda: other.link.state == "here")
        await until(lambda: "revoked" in thief.link.why.lower())
    assert thief.ups == 0


def test_what_is_wrong_with_credentials_is_said(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path / "authority", "demo", dt.datetime.now(dt.UTC))
    one, other = authority.store("SH-1", 30), authority.store("SH-2", 30)
    assert credentials_for(one, tls=True) == Credentials(one)
    assert credentials_for(None, tls=False) is None
    for folder, tls, says in ((None, True, "is missing"), (one, False, "mqtts://"), (tmp_path, True, "cannot be read")):
        with pytest.raises(CredentialsUnusable, match=says):
            credentials_for(folder, tls=tls)
    (one / "key.pem").write_bytes((other / "key.pem").read_bytes())
    with pytest.raises(CredentialsUnusable, match="do not belong together"):
        credentials_for(one, tls=True)
    (other / "ca.pem").write_text("nothing")
    with pytest.raises(CredentialsUnusable, match="no certificate of an authority"):
        credentials_for(other, tls=True)
