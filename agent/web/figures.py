"""The API of the store's figures: what it is judged by, of a day, and its orders one by one as CSV.

A day is the store's own, by the clock of its machine; orders belong to the day they came. Their times are the books'
own, so that a clock that was wrong or set makes no order longer or shorter.
"""

import csv
import io
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent.clerk import Clerk
from agent.clock import Clock
from agent.core import kpis
from agent.core.kpis import Fate
from agent.store import fates
from agent.web import answers

#: Of the same width for every order, so that a sheet has its columns.
_STEPS: Final = tuple(dict.fromkeys(kpis.STEPS.values()))
_HEAD: Final = (
    "order", "channel", "fulfil", "came", "state", "promise_min", "due", "lines", "units", "short", "substituted",
    *(f"{step}_s" for step in _STEPS), "in_store_s", "late_s", "perfect",
)  # fmt: skip


def routes(clerk: Clerk, clock: Clock) -> list[Route]:
    """The figures and the orders of a day."""

    async def figures(request: Request) -> Response:
        day = _day(request, clock)
        if isinstance(day, Response):
            return day
        since, until = _bounds(day)
        now_ms = clerk.time.stamp().books_ms
        found = await _came(since, until)
        told = kpis.figures(found, now_ms, breaches=await fates.breaches(clerk.store, since, until))
        return answers.json({"day": day.isoformat(), "since": since, "until": until, "figures": told})

    async def orders(request: Request) -> Response:
        day = _day(request, clock)
        if isinstance(day, Response):
            return day
        found = await _came(*_bounds(day))
        stamp = clerk.time.stamp().books_ms
        text = _csv(found, stamp, clock.now_ms() - stamp)
        name = f'attachment; filename="orders-{day.isoformat()}.csv"'
        return Response(text, media_type="text/csv", headers={"content-disposition": name})

    async def _came(since: int, until: int) -> list[Fate]:
        ahead = clock.now_ms() - clerk.time.stamp().books_ms
        return await fates.came(clerk.store, since - ahead, until - ahead)

    return [Route("/v1/figures", figures), Route("/v1/figures/orders.csv", orders)]


def _day(request: Request, clock: Clock) -> date | Response:
    asked = request.query_params.get("day")
    if asked is None:
        return datetime.fromtimestamp(clock.now_ms() / 1000).astimezone().date()
    try:
        return date.fromisoformat(asked[:32])
    except ValueError:
        return answers.problem(422, f"{asked[:32]!r} is no day", "Give it as in ?day=2026-11-22.")


def _bounds(day: date) -> tuple[int, int]:
    """When the day begins and ends at this place (unix ms): 23 to 25 hours."""
    begins, ends = (datetime.combine(each, time()).astimezone() for each in (day, day + timedelta(days=1)))
    return int(begins.timestamp() * 1000), int(ends.timestamp() * 1000)


def _csv(found: Sequence[Fate], now_ms: int, ahead: int) -> str:
    """A line for each order; `ahead` is unix ms less the books' time."""
    sheet = io.StringIO()
    lines = csv.writer(sheet)
    lines.writerow(_HEAD)
    for fate in found:
        order, took = fate.order, kpis.seconds_in(fate.order, now_ms)
        states = [line.state for line in fate.ordered()]
        late_ms = fate.late_ms
        lines.writerow(
            (
                _plain(order.id),
                _plain(order.channel),
                order.fulfil,
                _when(order.steps[0].since_ms + ahead),
                order.state,
                order.promise_min or "",
                _when(order.due_at) if order.due_at else "",
                len(order.lines),
                sum(line.qty for line in order.lines),
                states.count("short"),
                states.count("substituted"),
                *(took.get(step, "") for step in _STEPS),
                "" if fate.in_store_s is None else fate.in_store_s,
                "" if late_ms is None else late_ms // 1000,
                int(fate.is_perfect) if fate.had("hand_over") else "",
            )
        )
    return sheet.getvalue()


def _when(at: int) -> str:
    return datetime.fromtimestamp(at / 1000).astimezone().isoformat(timespec="seconds")


def _plain(text: str) -> str:
    """A spreadsheet takes what begins so for a formula."""
    return "'" + text if text.startswith(("=", "+", "-", "@")) else text
