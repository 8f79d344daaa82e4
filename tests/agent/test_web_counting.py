"""Counts over real HTTP: from the request to what is posted, and what nobody is told before."""

from pathlib import Path
from typing import Any

import pytest

from agent.core.asks import Sale, SaleLine
from tests.agent.shops import opened
from tests.agent.test_web import Site, serving_site, site
from tests.core import shop as goods

__all__ = ["site"]

MILK = {"sku": "MILK"}
REQUEST = {"count": "C/1", "place": "FLOOR", "by": "badge-4", "items": [MILK]}


async def asked(site: Site, step: str, body: Any, count: str = "C/1") -> Any:
    """The answer to a step of a count, which must be accepted."""
    answer = await site.post(f"/v1/counts/{count}/{step}" if step else "/v1/counts", body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def look(site: Site, count: str = "C/1") -> Any:
    return (await site.client.get(f"/v1/counts/{count}")).json()


async def test_a_count_from_its_request_to_a_managers_verdict(site: Site) -> None:
    requested = await asked(site, "", REQUEST | {"assigned_to": "badge-1", "due_s": 600, "why": "short_pick"})
    assert (requested["state"], requested["owner"], requested["assigned_to"]) == ("requested", "store_lead", "badge-1")
    assert requested["due"] - requested["requested_at"] == 600_000
    for by, counted, state in (("badge-1", 9, "recount"), ("badge-2", 8, "review")):
        await asked(site, "start", {"by": by})
        assert (await look(site))["counters"] == [by]
        body = {"by": by, "lines": [{"gtin": goods.gtin_14(goods.MILK), "counted": counted}]}
        first = await asked(site, "lines", body)
        assert first["state"] == state
        assert await asked(site, "lines", body) == first
    (line,) = (await look(site))["lines"]
    assert [(one["by"], one["counted"], one["book"]) for one in line["counted"]] == [
        ("badge-1", 9, 0),
        ("badge-2", 8, 0),
    ]
    assert (await look(site))["owner"] == "manager"
    decided = await asked(site, "review", {"by": "badge-3", "lines": [MILK | {"approve": 2}]})
    assert (decided["lines"][0]["outcome"], decided["lines"][0]["decided_by"]) == ("posted", "badge-3")
    assert site.shop.books.balance("MILK", "FLOOR") == 8
    assert (await look(site)) == decided
    assert (await site.client.get("/v1/counts")).json() == {"counts": []}
    await site.shop.assert_memory_is_disk()


async def test_whoever_may_still_count_is_told_neither_what_was_found_nor_what_the_books_have(site: Site) -> None:
    await site.shop.clerk.enter(Sale("R-1", (SaleLine(1, "sku", "EGGS", 77),)))
    items = [{"sku": "EGGS"}, MILK]
    (case,) = (await site.client.get("/v1/counts")).json()["counts"]
    assert (case["why"], case["place"], case["skus"]) == ("negative_stock", "FLOOR", ["EGGS"])
    refused = await site.post("/v1/counts", REQUEST | {"items": items})
    assert [one["path"] for one in refused.json()["mistakes"]] == ["items[0]"]
    name = case["count"]
    await asked(site, "start", {"by": "badge-1"}, name)
    told = await asked(site, "lines", {"by": "badge-1", "lines": [{"sku": "EGGS", "counted": 31}]}, name)
    assert (told["state"], told["lines"][0]["why"]) == ("recount", "the difference is large")
    for answer in (told, await look(site, name), (await site.client.get("/v1/counts")).json()):
        assert not {"variance", "book", "outcome"} & keys_in(answer)
        assert not {31, -31, 77, -77, 108} & numbers_in(answer)
    health = (await site.client.get("/v1/health")).json()
    assert (health["counting_all"], health["counting"][0]["state"]) == (1, "recount")


def keys_in(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*map(keys_in, value.values()))
    return set().union(*map(keys_in, value)) if isinstance(value, list) else set()


def numbers_in(value: Any) -> set[int]:
    if isinstance(value, dict | list):
        return set().union(*map(numbers_in, value.values() if isinstance(value, dict) else value))
    return {value} if isinstance(value, int) else set()


async def test_a_count_is_stopped_and_its_name_stays_taken(site: Site) -> None:
    await asked(site, "", REQUEST)
    assert (await asked(site, "", REQUEST))["state"] == "requested"
    assert (await asked(site, "cancel", {"by": "badge-4"}))["state"] == "cancelled"
    assert (await asked(site, "cancel", {"by": "badge-4"}))["state"] == "cancelled"
    started = await site.post("/v1/counts/C/1/start", {"by": "badge-1"})
    assert (started.status_code, started.json()["mistakes"][0]["path"]) == (409, "count")
    assert (await site.post("/v1/counts", REQUEST | {"place": "BACKROOM"})).status_code == 409
    assert (await site.client.get("/v1/counts/C-9")).status_code == 404
    assert (await site.post("/v1/counts/C-9/start", {"by": "badge-1"})).status_code == 422


@pytest.mark.parametrize(
    ("step", "body", "paths"),
    [
        ("", {"count": "", "place": 3, "why": "mood", "due_s": 1, "items": [{}], "zone": "A"},
         {"count", "place", "by", "why", "due_s", "items[0]", "zone"}),
        ("", {"count": "C", "place": "FLOOR", "by": "badge-4", "items": []}, {"items"}),
        ("", {"count": "C", "place": "FLOOR", "by": "badge-4", "items": [{"sku": "MILK", "qty": 1}]}, {"items[0].qty"}),
        ("start", {"by": "", "take_over": 1, "from_seq": 1}, {"by", "take_over", "from_seq"}),
        ("lines", {"by": "badge-1", "lines": [{"sku": "MILK", "counted": -1, "to_seq": 4}]},
         {"lines[0].counted", "lines[0].to_seq"}),
        ("lines", {"by": "badge-1"}, {"lines"}),
        ("review", {"by": "badge-3", "lines": [{"sku": "MILK", "approve": True}]}, {"lines[0].approve"}),
        ("cancel", {"why": "late"}, {"by", "why"}),
    ],
)  # fmt: skip
async def test_every_mistake_of_a_body_is_named(site: Site, step: str, body: Any, paths: set[str]) -> None:
    answer = await site.post(f"/v1/counts/C-1/{step}" if step else "/v1/counts", body)
    assert answer.status_code == 422
    assert {mistake["path"] for mistake in answer.json()["mistakes"]} == paths


@pytest.mark.parametrize("step", ["", "/C-1/start", "/C-1/lines", "/C-1/review", "/C-1/cancel"])
async def test_bodies_are_bounded_and_json(site: Site, step: str) -> None:
    assert (await site.post(f"/v1/counts{step}", b"[]")).status_code == 400
    assert (await site.post(f"/v1/counts{step}", b" " * 300_000)).status_code == 413


async def test_a_count_that_was_sent_is_counted_again_by_another_person_under_the_same_name(site: Site) -> None:
    epoch = site.shop.books.epoch

    def sent(by: str, counted: int) -> dict[str, Any]:
        head = site.shop.books.head
        line = MILK | {"line": 1, "counted": counted, "from_seq": head, "to_seq": head}
        return {"count": "C/1", "epoch": epoch, "place": "FLOOR", "by": by, "lines": [line]}

    (first,) = (await asked(site, "", sent("badge-1", 9)))["lines"]
    assert (first["outcome"], first["why"]) == ("recount", "the difference is large")
    again = await site.post("/v1/counts", sent("badge-1", 8))
    assert "was sent before with other numbers" in again.json()["mistakes"][0]["problem"]
    (second,) = (await asked(site, "", sent("badge-2", 9)))["lines"]
    assert (second["outcome"], second["variance"]) == ("posted", 9)
    assert (await look(site))["lines"][0]["decided_by"] == "badge-2"


async def test_counts_go_on_after_a_restart(tmp_path: Path) -> None:
    async with serving_site(tmp_path) as before:
        await asked(before, "", REQUEST)
        await asked(before, "start", {"by": "badge-1"})
        was = await look(before)
        await before.shop.clerk.enter(Sale("R-1", (SaleLine(1, "sku", "MILK", 1),)))
    async with opened(tmp_path / "books.db") as shop:
        assert list(shop.books.counts.sessions) == ["C/1"]
    async with serving_site(tmp_path) as after:
        assert await look(after) == was
        told = await asked(after, "lines", {"by": "badge-1", "lines": [MILK | {"counted": 0}]})
        assert told["lines"][0]["why"] == "something moved while it was counted"
