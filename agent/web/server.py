"""Serves the pages on the agent's own event loop."""

import asyncio
import socket
import ssl
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

#: Connections at once, and of these from one address: pages keep one open, tills and scanners few.
_MOST_CONNECTIONS = 256
_MOST_OF_ONE_PEER = 100
#: A connection must have said what it wants by then.
_SPEAK_WITHIN_S = 10.0

#: Open requests get this long when the agent stops.
_STOP_WITHIN_S = 2


class _Guarded(H11Protocol):
    """A connection that is closed when it says nothing, or when there are too many: silence must not lock tills out."""

    speak_within_s = _SPEAK_WITHIN_S
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn narrows it too
        super().connection_made(transport)
        peer = self.client[0] if self.client else ""
        others = cast(set[H11Protocol], self.connections)
        of_peer = sum(1 for other in others if other.client and other.client[0] == peer)
        if len(others) > _MOST_CONNECTIONS or of_peer > _MOST_OF_ONE_PEER:
            transport.abort()
        else:
            self._expect_a_request()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._is_asked():
            self._stop_waiting()  # uvicorn itself closes a connection that is idle afterwards
        elif self._deadline is None:
            self._expect_a_request()  # the beginning of another one

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _is_asked(self) -> bool:
        """Is a request under way? Whoever reads it bounds the time of its body."""
        cycle: Any = self.cycle
        return cycle is not None and not cycle.response_complete

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _expect_a_request(self) -> None:
        self._deadline = self.loop.call_later(self.speak_within_s, self._look)

    def _look(self) -> None:
        self._deadline = None
        if not self._is_asked():
            self.transport.abort()


class WebServer(uvicorn.Server):
    """uvicorn without its own signal handling: the agent decides when to stop.

    It listens once it is made, so requests that come before it runs only wait. Raises OSError when the port is taken.
    """

    def __init__(
        self,
        app: Any,
        host: str,
        port: int,
        tls: ssl.SSLContext | None = None,
        *,
        speak_within_s: float = _SPEAK_WITHIN_S,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=type("Guarded", (_Guarded,), {"speak_within_s": speak_within_s}),
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=_STOP_WITHIN_S,
                h11_max_incomplete_event_size=64 * 1024,
                ssl_context_factory=None if tls is None else lambda *_: tls,
            )
        )
        self._socket = _listen(host, port)
        self._speak_within_s = speak_within_s

    @property
    def address(self) -> str:
        """Where the pages are, with the port that was really bound."""
        host, port = self._socket.getsockname()[:2]
        scheme = "http" if self.config.ssl_context_factory is None else "https"
        return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's, but that a connection which never begins to speak TLS is closed as soon as any other."""
        if self.config.ssl is None:
            return await super().startup(sockets)
        await self.lifespan.startup()

        def connected() -> asyncio.Protocol:
            made: Any = self.config.http_protocol_class
            protocol: asyncio.Protocol = made(
                config=self.config, server_state=self.server_state, app_state=self.lifespan.state
            )
            return protocol

        loop, limit_s = asyncio.get_running_loop(), self._speak_within_s
        self.servers = [
            await loop.create_server(connected, sock=one, ssl=self.config.ssl, ssl_handshake_timeout=limit_s)
            for one in sockets or ()
        ]
        self.started = True
        return None

    async def run_until_stopped(self) -> None:
        """Serve until `stop` is called."""
        try:
            await self._serve([self._socket])
        finally:
            self._socket.close()

    def stop(self) -> None:
        self.should_exit = True


def _listen(host: str, port: int) -> socket.socket:
    """A bound socket. Raises OSError when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Connections inherit it; without, each answer but a connection's first waits 40 ms for the client's ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener
