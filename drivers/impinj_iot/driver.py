"""The driver of Impinj's IoT device interface: HTTP around a `Session`, with a clock. httpx speaks HTTP."""

import asyncio
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import httpx

from drivers.connecting import no_connection
from drivers.errors import DeviceError, DeviceLost, DeviceRefused, DeviceSpokeNonsense
from drivers.events import Event, tell
from drivers.impinj_iot.session import STREAM, Request, Session, Stage
from drivers.impinj_iot.settings import Settings, settings_from
from drivers.port import Sink

#: A reader answers in milliseconds, but takes seconds to start and to stop.
REQUEST_S: Final = 10.0
CHANGE_S: Final = 15.0
#: The most that is read of an answer.
BODY_BYTES_MAX: Final = 64 * 1024
#: Pieces of the stream that wait; then the reader waits.
WAITING_MAX: Final = 16


def open_device(name: str, settings: Mapping[str, object]) -> "ImpinjReader":
    """Check the settings; BadSettings names every mistake. Connects to nothing."""
    return ImpinjReader(name, settings_from(settings))


class ImpinjReader:
    """A reader with the IoT device interface. Each `run` is one stream, and the requests beside it."""

    def __init__(self, name: str, settings: Settings) -> None:
        self._name = name
        self._settings = settings

    async def run(self, sink: Sink) -> None:
        """Ask, open the stream, start the preset, report its reads; see `drivers.port.Device`.

        The reader goes on reading when this ends; nobody hears it then.
        """
        settings, clock = self._settings, asyncio.get_running_loop().time
        access = settings.access
        client = httpx.AsyncClient(
            base_url=f"{settings.base}/api/v1",
            auth=(access.username, access.password()) if access.username else None,
            verify=access.context() if settings.tls else False,
            headers={"Accept-Encoding": "identity"},
            timeout=REQUEST_S,
            trust_env=False,
        )
        async with client:
            session = Session(settings, clock())
            line = _Line(client, settings, self._name)
            try:
                while True:
                    for request in session.to_send():
                        line.ask(request)
                    if session.stage is Stage.OPENING:
                        line.open()
                    arrived = await line.next(session.due)
                    for event in _taken(session, arrived, clock()):
                        await tell(event, sink, self._name)
                    session.tick(clock())
                    await asyncio.sleep(0)
            finally:
                await line.close()


@dataclass(frozen=True, slots=True)
class _Opened:
    """The stream is there."""


@dataclass(frozen=True, slots=True)
class _Answer:
    request: Request
    code: int
    body: bytes


@dataclass(frozen=True, slots=True)
class _Failure:
    request: Request
    why: DeviceError


_Arrived = bytes | _Opened | _Answer | _Failure


def _taken(session: Session, arrived: _Arrived | None, now: float) -> Iterator[Event]:
    """The events of what arrived; none when nothing did."""
    match arrived:
        case bytes():
            yield from session.receive(arrived, now)
        case _Opened():
            yield from session.opened(now)
        case _Answer(request, code, body):
            yield from session.answered(request, code, body, now)
        case _Failure(request, why):
            if request == STREAM:
                raise why
            session.failed(request, why)


class _Line:
    """The stream, and the requests one after the other: a task each, whose doings arrive in one queue."""

    def __init__(self, client: httpx.AsyncClient, settings: Settings, device: str) -> None:
        self._client = client
        self._settings = settings
        self._device = device
        self._arrived: asyncio.Queue[_Arrived] = asyncio.Queue(WAITING_MAX)
        self._to_ask: asyncio.Queue[Request] = asyncio.Queue()
        self._stream: asyncio.Task[None] | None = None
        self._requests = asyncio.create_task(self._ask_on(), name=f"device:{device}:requests")

    def ask(self, request: Request) -> None:
        """Make this request when those before it are done."""
        self._to_ask.put_nowait(request)

    def open(self) -> None:
        """Open the stream, if that has not begun."""
        if self._stream is None:
            self._stream = asyncio.create_task(self._listen(), name=f"device:{self._device}:stream")

    async def next(self, until: float) -> _Arrived | None:
        """What arrives next; None when the time (of the loop's clock) has come first."""
        try:
            async with asyncio.timeout_at(until):
                return await self._arrived.get()
        except TimeoutError:
            return None

    async def close(self) -> None:
        """End both tasks, and with them their connections."""
        tasks = [task for task in (self._requests, self._stream) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    async def _ask_on(self) -> None:
        while True:
            request = await self._to_ask.get()
            try:
                async with asyncio.timeout(REQUEST_S if request.method == "GET" else CHANGE_S):
                    arrived: _Arrived = await self._answer_to(request)
            except (httpx.HTTPError, TimeoutError) as error:
                arrived = _Failure(request, _trouble(error, self._settings))
            await self._arrived.put(arrived)

    async def _answer_to(self, request: Request) -> _Answer:
        body = b"{}" if request.method == "POST" else None
        headers = {"Content-Type": "application/json"} if body else {}
        async with self._client.stream(
            request.method, request.path, content=body, headers=headers, timeout=CHANGE_S
        ) as response:
            return _Answer(request, response.status_code, await _body(response))

    async def _listen(self) -> None:
        endless = httpx.Timeout(REQUEST_S, read=None)  # the session watches over silence
        try:
            async with (
                asyncio.timeout(REQUEST_S) as begin,
                self._client.stream("GET", STREAM.path, timeout=endless) as response,
            ):
                begin.reschedule(None)
                if response.status_code != 200:
                    async with asyncio.timeout(REQUEST_S):
                        await self._arrived.put(_Answer(STREAM, response.status_code, await _body(response)))
                    return
                if response.headers.get("content-encoding", "identity") != "identity":
                    raise DeviceSpokeNonsense("the reader packs its stream, which nobody asked for")
                await self._arrived.put(_Opened())
                async for piece in response.aiter_raw():
                    await self._arrived.put(piece)
            raise DeviceLost("the reader ended the stream", "Was it restarted? Does another program use the same name?")
        except DeviceError as why:
            await self._arrived.put(_Failure(STREAM, why))
        except (httpx.HTTPError, TimeoutError) as error:
            await self._arrived.put(_Failure(STREAM, _trouble(error, self._settings)))


async def _body(response: httpx.Response) -> bytes:
    """The beginning of an answer's body."""
    body = b""
    async for piece in response.aiter_raw():
        body += piece
        if len(body) > BODY_BYTES_MAX:
            break
    return body[:BODY_BYTES_MAX]


def _trouble(error: Exception, settings: Settings) -> DeviceError:
    """What went wrong with a request, in our words."""
    system = _behind(error)
    if isinstance(system, ssl.SSLCertVerificationError):
        return DeviceRefused(
            f"the reader at {settings.host} could not prove who it is: {system.verify_message}",
            "Give `ca` the authority of its certificate, `address` the name in it; is this machine's clock right?",
            "untrusted",
        )
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return no_connection(settings.host, settings.port, "reader", system or TimeoutError())
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return DeviceLost("the reader did not answer in time", "Check its power and the network.", "silent")
    if isinstance(error, httpx.RemoteProtocolError) and not any(w in str(error) for w in ("closed", "disconnected")):
        return DeviceSpokeNonsense(f"what came is no HTTP: {error}", "Is this the reader's port for its web page?")
    return DeviceLost(f"the connection broke: {error or type(error).__name__}", "Check the reader and the network.")


def _behind(error: BaseException) -> OSError | None:
    """The system's error that an error of the HTTP client was made of; the first of all."""
    found = None
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError):
            found = seen
        seen = seen.__cause__ or seen.__context__
    return found
