"""Serves the pages on the agent's own event loop."""

import socket
from typing import Any

import uvicorn

#: Open requests get this long when the agent stops.
_STOP_WITHIN_S = 2


class WebServer(uvicorn.Server):
    """uvicorn without its own signal handling: the agent decides when to stop.

    It listens once it is made, so requests that come before it runs only wait. Raises OSError when the port is taken.
    """

    def __init__(self, app: Any, host: str, port: int) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=_STOP_WITHIN_S,
                limit_concurrency=256,
                h11_max_incomplete_event_size=64 * 1024,
            )
        )
        self._socket = _listen(host, port)

    @property
    def address(self) -> str:
        """Where the pages are, with the port that was really bound."""
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

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
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener
