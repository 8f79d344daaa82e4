"""Orders an associate enters in the store: accepted or rejected once, paid, cancelled; what makes no sense is said."""

from pathlib import Path
from typing import Any

from agent.core.tasks.handing_over import digest
from tests.agent.people import person
from tests.agent.test_order_scenarios import receive
from tests.agent.test_web import serving_site

ORDER: dict[str, Any] = {"order": "T-17", "lines": [{"line": 1, "sku": "MILK", "qty": 1}]}


async def test_an_associate_s_order_is_entered_once_paid_and_cancelled(tmp_path: Path) -> None:
    async with serving_site(tmp_path) as at:
        await person(at.client, at.door, role="lead")
        await receive(at.shop, 1)
        frozen = ORDER | {"pay_within_s": 900, "short": "17"}
        said = [await at.client.post("/v1/orders", json=frozen) for _ in range(2)]
        assert [one.status_code for one in said] == [200, 200]
        assert said[0].json()["state"] == "received"
        other = await at.client.post("/v1/orders", json=ORDER | {"order": "T-18"})
        assert (other.status_code, other.json()["missing"][0]["available"]) == (409, 0)
        assert (await at.client.post("/v1/orders/T-17/paid")).json()["state"] == "accepted"
        assert (await at.client.post("/v1/orders", json=frozen | {"due": 1})).status_code == 409
        assert (await at.client.post("/v1/orders/T-17/cancel")).json()["state"] == "cancelled"
        assert (await at.client.post("/v1/orders/T-17/paid")).json()["state"] == "cancelled"  # known: it was paid
        assert (await at.client.post("/v1/orders/T-99/paid")).status_code == 422


async def test_an_order_that_makes_no_sense_is_refused_with_what_is_wrong(tmp_path: Path) -> None:
    async with serving_site(tmp_path) as at:
        await person(at.client, at.door)
        mistakes: list[dict[str, Any]] = [
            {"pay_within_s": 9999},
            {"order": "T/17"},  # no address would be its own
            {"code": "47 11"},
            {"code": "s1$00$11"},
            {"fulfil": "drone"},
            {"lines": []},
            {"name": "Li"},
        ]
        for wrong in mistakes:
            answer = await at.client.post("/v1/orders", json=ORDER | wrong)
            assert (answer.status_code, bool(answer.json()["hint"])) == (422, True), wrong
        twice = await at.client.post("/v1/orders", json=ORDER | {"lines": ORDER["lines"] * 2})
        assert twice.status_code == 422
        assert not at.shop.books.orders


async def test_it_takes_a_session_to_order_and_a_lead_to_cancel_and_a_code_is_kept_as_its_hash(tmp_path: Path) -> None:
    async with serving_site(tmp_path) as at:
        assert (await at.client.post("/v1/orders", json=ORDER)).status_code == 401
        await person(at.client, at.door)
        await receive(at.shop, 1)
        said = [await at.client.post("/v1/orders", json=ORDER | {"code": "4711"}) for _ in range(2)]
        assert [one.status_code for one in said] == [200, 200]
        kept = at.shop.books.orders["T-17"].code
        assert kept != "4711"
        assert digest("4711", kept) == kept
        assert (await at.client.post("/v1/orders/T-17/cancel")).status_code == 403
        await at.shop.assert_memory_is_disk()
