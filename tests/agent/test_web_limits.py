"""What holds of every route: headers, allowances, bodies. A flood from one address does not stop the others."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.web.access import RATES, RULES
from agent.web.headers import POLICIES
from agent.web.limits import Allowances, Rate, Turns, address_of, network_of
from tests.agent.people import person
from tests.agent.test_web import Site, serving_site

_SALE = {"receipt": "R1", "lines": [{"line": 1, "sku": "MILK", "qty": 1}]}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with serving_site(tmp_path) as there:
        yield there


@contextlib.asynccontextmanager
async def at(site: Site, address: str) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.AsyncHTTPTransport(local_address=address)
    async with httpx.AsyncClient(base_url=site.client.base_url, transport=transport) as client:
        yield client


async def test_every_answer_has_the_headers_and_its_path_s_policy(site: Site) -> None:
    for path, status in (("/", 200), ("/static/page.js", 200), ("/v1/stock", 200), ("/v1/session", 401), ("/x", 404)):
        answer = await site.client.get(path)
        assert answer.status_code == status, path
        policy = answer.headers["content-security-policy"]
        assert policy == POLICIES["/v1/" if path.startswith("/v1/") else "/"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cache-control"] == ("no-store" if path.startswith("/v1/") else "no-cache")
    foreign = await site.client.post("/v1/sales", json=_SALE, headers={"origin": "http://evil.example"})
    assert foreign.status_code == 403
    assert foreign.headers["x-frame-options"] == "DENY"


async def test_a_flood_from_one_address_does_not_stop_the_others(site: Site) -> None:
    gate: Any = site.app.routes[0]
    gate.app._desk.allowances["look"] = Allowances(Rate(per_s=0.001, burst=20), lambda: 0.0)
    async with at(site, "127.0.0.9") as flooder, at(site, "127.0.0.8") as till:

        async def flood() -> list[int]:
            return [(await flooder.get("/v1/counts")).status_code for _ in range(10)]

        floods = [asyncio.ensure_future(flood()) for _ in range(5)]
        sale = await till.post("/v1/sales", json=_SALE)
        told = {status for flood in await asyncio.gather(*floods) for status in flood}
        assert sale.status_code == 200
        assert told == {200, 429}
        refused = await flooder.get("/v1/counts")
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) == refused.json()["retry_after_s"] >= 1
        assert (await till.get("/v1/counts")).status_code == 200


async def test_a_body_is_bounded_by_its_route_before_it_is_read(site: Site) -> None:
    await person(site.client, site.door)
    for (method, path), rule in RULES.items():
        if method != "POST" or rule.who not in ("anyone", "machine", "picker"):
            continue
        answer = await site.client.post(path.replace(":int", ""), content=b"x" * (rule.body + 1))
        if "{case:int}" not in path:  # its path is a number
            assert answer.status_code == 413, path
    assert (await site.client.request("DELETE", "/v1/session", content=b"x")).status_code == 413


async def test_where_a_token_is_set_machines_must_know_it(tmp_path: Path) -> None:
    async with serving_site(tmp_path, token="a-long-enough-token") as site:
        assert (await site.client.post("/v1/sales", json=_SALE)).status_code == 401
        for told, status in (("Bearer wrong", 401), ("Bearer a-long-enough-token", 200)):
            assert (
                await site.client.post("/v1/sales", json=_SALE, headers={"authorization": told})
            ).status_code == status
        assert (await site.client.get("/v1/stock")).status_code == 200
        session = await site.client.get("/v1/session", headers={"authorization": "Bearer a-long-enough-token"})
        assert session.status_code == 401  # a machine is nobody


@given(st.lists(st.floats(0, 5), max_size=50))
def test_an_allowance_is_never_more_than_its_rate(pauses: list[float]) -> None:
    now_s, taken = 0.0, 0
    allowances = Allowances(Rate(per_s=2, burst=3), lambda: now_s)
    for pause in pauses:
        now_s += pause
        wait_s = allowances.take("a")
        taken += not wait_s
        assert 0 <= wait_s <= 0.5
        assert taken <= 3 + 2 * now_s + 1e-6


def test_addresses_are_remembered_up_to_a_bound() -> None:
    allowances = Allowances(Rate(per_s=1, burst=1), lambda: 0.0)
    assert [allowances.take(f"a{nth}") for nth in range(5000)] == [0.0] * 5000
    assert len(allowances._left) == 1024
    assert allowances.take("a4999") == 1.0


async def test_an_address_is_forgotten_with_its_last_request() -> None:
    turns = Turns(1)
    async with turns.turn("a"):
        assert not turns.is_free("a")
        assert turns.is_free("b")
        waits = asyncio.ensure_future(turns.turn("a").__aenter__())
        await asyncio.sleep(0)
        waits.cancel()
        await asyncio.wait([waits])
    assert turns._lanes == {}


def test_a_network_s_machines_share_one_allowance() -> None:
    assert address_of(("::ffff:10.0.0.7", 1)) == "10.0.0.7"
    assert address_of(("fe80::1%eth0", 1)) == "fe80::1"
    assert network_of("10.0.0.7") == "10.0.0.7"
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1") != network_of("2001:db8:0:1::1")


def test_every_rate_of_the_table_is_known() -> None:
    assert {rule.rate for rule in RULES.values()} == set(RATES)
