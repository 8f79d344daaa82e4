"""Finds Impinj readers with the IoT device interface: asks each host, without a password, how it is.

A reader that lets everybody in says it. One that wants a password is known only if it calls itself Impinj's: by the
name it announces, or in its certificate. Nothing is logged in to, and nothing is changed.
"""

import asyncio
import ipaddress
from ssl import SSLObject
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from drivers import mdns
from drivers.finding import Found, Where
from drivers.impinj_iot.session import STATUS, SYSTEM
from drivers.impinj_iot.settings import PORTS
from drivers.json_fields import BadEvent, members, parsed, words

#: What such readers announce: their web page, and, whatever their interface is set to, LLRP.
SERVICES: Final = ("_http._tcp", "_https._tcp", "_llrp._tcp")
MAKER: Final = "impinj"
CONNECT_S: Final = 1.0
ANSWER_S: Final = 2.0
AT_ONCE: Final = 64
BODY_BYTES_MAX: Final = 64 * 1024


async def find(where: Where) -> list[Found]:
    """Readers on the networks of `where`; see `drivers.finding.Find`."""
    browsing = (mdns.browse(kind, min(where.within_s, 3.0), where.interfaces) for kind in SERVICES)
    announced = [one for services in await asyncio.gather(*browsing) for one in services]
    names = {one.addresses[-1]: one.name for one in announced if MAKER in f"{one.name} {one.host}".lower()}
    known = {urlsplit(text).hostname for text in where.in_use if text.startswith(("https://", "http://"))}
    hosts = dict.fromkeys([*names, *(str(host) for network in where.networks for host in network.hosts())])
    turns = asyncio.Semaphore(AT_ONCE)
    async with _client() as client:

        async def ask(host: str) -> Found | None:
            async with turns:
                return await _probe(client, "https", host, PORTS["https"], names.get(host, ""))

        asked = await asyncio.gather(*(ask(host) for host in hosts if host not in known))
    return sorted(filter(None, asked), key=lambda found: ipaddress.ip_address(found.where.rpartition(":")[0]))


async def probe(scheme: str, host: str, port: int, name: str = "") -> Found | None:
    """The reader at this port; None when there is none, or none that can be known. `name`: it announces itself so."""
    async with _client() as client:
        return await _probe(client, scheme, host, port, name)


def _client() -> httpx.AsyncClient:
    # Who it is, is not yet the question: most have a certificate that they signed themselves.
    return httpx.AsyncClient(
        verify=False,  # noqa: S501
        timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S),
        limits=httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=0),
        trust_env=False,
    )


async def _probe(client: httpx.AsyncClient, scheme: str, host: str, port: int, name: str) -> Found | None:
    base = f"{scheme}://{host}" + ("" if port == PORTS[scheme] else f":{port}")
    where, settings = f"{host}:{port}", {"address": base}
    called = f', announced as "{name}"' if name else ""
    try:
        async with asyncio.timeout(CONNECT_S + 2 * ANSWER_S):
            code, said, is_impinjs = await _asked(client, f"{base}/api/v1{STATUS.path}")
            if code in (401, 403) and (name or is_impinjs):
                note = "It wants a name and a password: give `username` and `password_file`."
                return Found("impinj_iot", where, f"an Impinj reader{called}", "tags", settings, note=note)
            if code != 200 or not {"interface", "status"} <= said.keys() or said["interface"] == "LLRP":
                return None
            _, system, _ = await _asked(client, f"{base}/api/v1{SYSTEM.path}")
    except (httpx.HTTPError, TimeoutError, BadEvent):
        return None  # whatever listens there is no such reader
    about = f"Impinj {words(system.get('productModel'), 40) or 'reader'}{called}"
    return Found("impinj_iot", where, about, "tags", settings)


async def _asked(client: httpx.AsyncClient, url: str) -> tuple[int, dict[str, Any], bool]:
    """The status of an answer, what it says if it was well, and whether its certificate has the maker's name."""
    async with client.stream("GET", url) as response:
        tls = response.extensions["network_stream"].get_extra_info("ssl_object")
        certificate = tls.getpeercert(binary_form=True) if isinstance(tls, SSLObject) else None
        is_impinjs = MAKER.encode() in (certificate or b"").lower()
        if response.status_code != 200:
            return response.status_code, {}, is_impinjs
        body = b""
        async for piece in response.aiter_raw():
            body += piece
            if len(body) > BODY_BYTES_MAX:
                raise BadEvent("an answer that is too long")
        return 200, members(parsed(body), "the answer"), is_impinjs
