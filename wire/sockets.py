"""A connected socket to a broker, over TLS when there are credentials; reading from it is bounded."""

import asyncio
import socket
import ssl
from typing import Any, Final

from wire.codec import MAX_PAYLOAD
from wire.tls import Credentials, is_not_yet

#: The largest MQTT packet read: a payload at its bound with the longest topic (64 KB), and room for the header.
MAX_PACKET: Final = MAX_PAYLOAD + 64 * 1024 + 1024

_QUICKACK: Final[int | None] = getattr(socket, "TCP_QUICKACK", None)  # Linux

#: A row of `getaddrinfo`.
_Address = tuple[int, int, int, str, Any]


class BrokerSocket(socket.socket):
    """Refuses to read a packet that declares more than MAX_PACKET bytes.

    paho asks for the rest of a packet in one `recv`, so that is where the bound can be kept. It swallows what is raised
    here, so `complaint` keeps what to tell a person.
    """

    complaint = ""

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        if buflen > MAX_PACKET:
            self.complaint = f"the broker sent a packet of {buflen} bytes; the most is {MAX_PACKET}"
            raise OSError(self.complaint)
        try:
            data = super().recv(buflen, flags)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:  # with TLS 1.3 a broker refuses our certificate only after the handshake
            self.complaint = f"TLS: {error.reason or error}"
            raise
        # Many brokers hold a small packet back until the last one is acknowledged: do not let them wait 40 ms for it.
        # Linux forgets the option after a while, so it is set each time.
        if _QUICKACK is not None:
            self.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
        return data


class _TlsSocket(BrokerSocket, ssl.SSLSocket):
    """The same over TLS."""


async def connect(host: str, port: int, credentials: Credentials | None) -> BrokerSocket:
    """A connected, non-blocking socket. A cancelled caller leaves none open. Raises OSError, CredentialsUnusable."""
    problem: OSError = OSError(f"{host} has no address")
    for address in await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM):
        try:
            if credentials is None:
                return await _reached(address)
            return await _proved(address, host, credentials)
        except OSError as error:
            problem = error
    raise problem


async def _reached(address: _Address) -> BrokerSocket:
    sock = BrokerSocket(*address[:3])
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(sock, address[4])
    except BaseException:
        sock.close()
        raise
    return sock


async def _proved(address: _Address, host: str, credentials: Credentials) -> BrokerSocket:
    """Over TLS, with an end that proved who it is.

    A certificate that "is not valid yet" says that our clock is behind: then certificates are held against each other.
    """
    try:
        return await _secured(address, host, credentials.context())
    except ssl.SSLCertVerificationError as error:
        if not is_not_yet(error):
            raise
    sock = await _secured(address, host, credentials.context(by_the_clock=False))
    try:
        credentials.refuse_ended(sock)
    except BaseException:
        sock.close()
        raise
    return sock


async def _secured(address: _Address, host: str, context: ssl.SSLContext) -> _TlsSocket:
    """Raises ssl.SSLError, an OSError, with why the other end is not who it should be."""
    plain = await _reached(address)
    try:
        context.sslsocket_class = _TlsSocket
        sock = context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
    except BaseException:
        plain.close()
        raise
    assert isinstance(sock, _TlsSocket)
    try:
        await _shake_hands(sock)
    except BaseException:
        sock.close()
        raise
    return sock


async def _shake_hands(sock: _TlsSocket) -> None:
    loop = asyncio.get_running_loop()
    while True:
        watch, ignore = loop.add_reader, loop.remove_reader
        try:
            sock.do_handshake()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLWantWriteError:
            watch, ignore = loop.add_writer, loop.remove_writer
        else:
            return
        ready = asyncio.Event()
        watch(sock, ready.set)
        try:
            await ready.wait()
        finally:
            ignore(sock)
