"""Figures as the board and the API show them."""

from collections.abc import Mapping, Sequence
from typing import Any

from agent.core.catalogue import Catalogue
from agent.core.funnel import FunnelRow
from agent.core.kpis import OfSku
from agent.days import Reckoned
from wire.figures import figures


def of_day(found: Reckoned, catalogue: Catalogue) -> dict[str, Any]:
    """All that is told of a day."""
    return {
        "day": found.span.day,
        "since": found.span.since,
        "until": found.span.until,
        "as_of": found.as_of,
        "figures": found.figures,
        "funnel": funnel(found.funnel),
        "skus": [_sku(catalogue, sku, of) for sku, of in found.skus],
    }


def funnel(rows: Sequence[FunnelRow]) -> list[dict[str, Any]]:
    """The rows of a funnel."""
    return [
        {
            "step": row.step,
            "orders": row.orders,
            "waiting": row.waiting,
            **({} if row.complete is None else {"complete": row.complete}),
            "out": [{"why": why, "orders": orders} for why, orders in sorted(row.out.items(), key=lambda one: -one[1])],
        }
        for row in rows
    ]


def steps(sums: Mapping[str, int]) -> list[dict[str, Any]]:
    """How many orders of a day got to each step of the funnel."""
    names = {"asked": "asked", **{step: f"asked_{step}" for step in ("accepted", "picked", "handed_over")}}
    return [{"step": step, "orders": sums.get(name, 0)} for step, name in names.items()]


def hours(found: Reckoned) -> list[dict[str, Any]]:
    """A day's hours in which an order ended."""
    return [{"hour": hour, "figures": figures(sums)} for hour, sums in found.hours]


def _sku(catalogue: Catalogue, sku: str, of: OfSku) -> dict[str, Any]:
    known = catalogue.skus.get(sku)
    return {
        "sku": sku,
        "name_en": known.name_en if known is not None else sku,
        "name_zh": known.name_zh if known is not None else sku,
        "lines": of.lines,
        "hits": of.hits,
        "hit_rate": of.hits / of.lines,
        "not_found": of.not_found,
        "not_found_rate": of.not_found / of.lines,
        "in_backroom": of.in_backroom,
        "substituted": of.substituted,
    }
