"""Orders an associate enters in the store: accepted or rejected once, paid, cancelled; what makes no sense is said."""

from pathlib import Path
from typing import Any

from agent.clock import SystemClock
from agent.core.tasks.handing_over import digest
from tests.agent.people import hire, person, sign_in
from tests.agent.test_order_scenarios import receive
from tests.agent.test_web import serving_site
from tests.core.shop import MILK, gtin_14

MILK_GTIN = gtin_14(MILK)
ORDER: dict[str, Any] = {"order": "T-17", "lines": [{"line": 1, "sku": "MILK", "qty": 1}]}


class Forward(SystemClock):
    """The machine's clocks, as far ahead as the test says."""

    ahead_s = 0

    def now_ms(self) -> int:
        return super().now_ms() + 1000 * self.ahead_s

    def monotonic_s(self) -> float:
        return super().monotonic_s() + self.ahead_s


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


async def test_who_entered_an_order_and_took_its_payment_is_in_its_history_and_not_told_to_hq(tmp_path: Path) -> None:
    async with serving_site(tmp_path) as at:
        await person(at.client, at.door)
        await receive(at.shop, 1)
        await at.client.post("/v1/orders", json=ORDER | {"pay_within_s": 900})
        await hire(at.door, "l1", role="lead")
        await sign_in(at.client, "l1")
        await at.client.post(
            "/v1/orders", json=ORDER | {"pay_within_s": 900}
        )  # again, by somebody else: it is the first's
        await at.client.post("/v1/orders/T-17/paid")
        found = (await at.client.get("/v1/board/orders/T-17/history")).json()
        assert [(one["event"], one["by"], one["name"]) for one in found["steps"]] == [
            ("", "w1", "W1"),
            ("accept", "l1", "L1"),
        ]
        told = [str(row) for row in await at.shop.store.read("SELECT * FROM announcement")]
        assert any("T-17" in row for row in told)
        assert not any("'w1'" in row or '"w1"' in row or '"l1"' in row for row in told)
        await at.shop.assert_memory_is_disk()


async def test_an_order_is_due_so_long_after_it_was_entered_however_late_it_is_said_again(tmp_path: Path) -> None:
    clock = Forward()
    async with serving_site(tmp_path, clock=clock) as at:
        await person(at.client, at.door)
        await receive(at.shop, 2)
        soon = ORDER | {"promise_min": 30}
        first = (await at.client.post("/v1/orders", json=soon)).json()
        assert 29 * 60 < first["due_in_s"] <= 30 * 60
        clock.ahead_s = 600
        again = await at.client.post("/v1/orders", json=soon)
        assert (again.status_code, again.json()["due_in_s"] <= 20 * 60) == (200, True)
        assert (await at.client.post("/v1/orders", json=ORDER | {"promise_min": 45})).status_code == 409
        told = ORDER | {"order": "T-18", "promise_min": 30, "due": clock.now_ms() + 5 * 60_000}
        assert (await at.client.post("/v1/orders", json=told)).json()["due_in_s"] <= 5 * 60


async def test_of_an_order_that_was_rejected_the_same_is_said_again_and_nothing_is_held(tmp_path: Path) -> None:
    async with serving_site(tmp_path) as at:
        await person(at.client, at.door)
        await receive(at.shop, 1)
        much = ORDER | {"promise_min": 30, "lines": [{"line": 1, "sku": "MILK", "qty": 2}]}
        said = [await at.client.post("/v1/orders", json=much) for _ in range(2)]
        for one in said:
            assert (one.status_code, one.json()["state"]) == (409, "rejected")
            assert one.json()["missing"] == [{"sku": "MILK", "wanted": 2, "available": 1, "why": "not enough is free"}]
        found = await at.client.post("/v1/pick/find", json={"text": MILK_GTIN})
        assert (found.json()["free"], found.json()["unit"], found.json()["gtins"]) == (1, "each", [MILK_GTIN])
        assert (await at.client.post("/v1/orders", json=ORDER | {"order": "T-18"})).status_code == 200
        assert (await at.client.post("/v1/pick/find", json={"text": MILK_GTIN})).json()["free"] == 0
        strange = ORDER | {"order": "T-19", "lines": [{"line": 1, "sku": "NOTHING", "qty": 1}]}
        assert (await at.client.post("/v1/orders", json=strange)).status_code == 422
        assert (await at.client.post("/v1/orders/T-18/paid")).status_code == 200  # it was paid before
        assert (await at.client.post("/v1/orders/T-17/paid")).status_code == 409


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
