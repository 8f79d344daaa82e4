"""The API of the store's figures: what it is judged by, of a day or of many, and the orders of a day as CSV."""

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent.clerk import Clerk
from agent.clock import Clock
from agent.core import kpis
from agent.core.costs import Costs
from agent.core.kpis import Fate
from agent.days import Days, day_at
from agent.web import answers, showing_figures
from wire.figures import NAMES, figures

MOST_DAYS: Final = 60
#: Of the same width for every order, so that a sheet has its columns.
_STEPS: Final = tuple(dict.fromkeys(kpis.STEPS.values()))
_HEAD: Final = (
    "order", "channel", "fulfil", "came", "state", "promise_min", "due", "lines", "units", "short", "substituted",
    *(f"{step}_s" for step in _STEPS), "in_store_s", "late_s", "perfect", "labour_s", "walking_m", "cost",
)  # fmt: skip
_COUNTS: Final = ("orders", "accepted", "rejected", "cancelled", "handed_over")


def routes(days: Days, clock: Clock, clerk: Clerk) -> list[Route]:
    """The figures of a day or of many, and the sheets."""

    async def of_day(request: Request) -> Response:
        if "days" in request.query_params:
            many = _many(request)
            return many if isinstance(many, Response) else answers.json(await _series(days, clock, many))
        day = _day(request, clock)
        if isinstance(day, Response):
            return day
        return answers.json(showing_figures.of_day(await days.of(day), clerk.books.catalogue))

    async def orders(request: Request) -> Response:
        day = _day(request, clock)
        if isinstance(day, Response):
            return day
        found, costs = await days.orders(day), clerk.books.tasks.rules.costs
        text = _orders(found, clerk.time.stamp().books_ms, days.ahead_ms, costs)
        return _sheet(text, f"orders-{day.isoformat()}.csv")

    async def of_days(request: Request) -> Response:
        many = _many(request)
        if isinstance(many, Response):
            return many
        found = [(one.isoformat(), await days.sums_of(one)) for one in _last(clock, many)]
        return _sheet(_days(found), f"days-{found[-1][0]}.csv")

    return [
        Route("/v1/figures", of_day),
        Route("/v1/figures/orders.csv", orders),
        Route("/v1/figures/days.csv", of_days),
    ]


async def _series(days: Days, clock: Clock, many: int) -> dict[str, Any]:
    """The last days, the oldest first, and today by the hour."""
    found = [(one, await days.sums_of(one)) for one in _last(clock, many)]
    return {
        "days": [
            {"day": one.isoformat(), "figures": figures(sums), "funnel": showing_figures.steps(sums)}
            for one, sums in found
        ],
        "hours": showing_figures.hours(await days.today()),
    }


def _day(request: Request, clock: Clock) -> date | Response:
    asked = request.query_params.get("day")
    if asked is None:
        return day_at(clock.now_ms())
    try:
        return date.fromisoformat(asked[:32])
    except ValueError:
        return answers.problem(422, f"{asked[:32]!r} is no day", "Give it as in ?day=2026-11-22.")


def _many(request: Request) -> int | Response:
    asked = request.query_params.get("days", "14")
    if asked.isascii() and asked.isdigit() and len(asked) <= 4 and 1 <= int(asked) <= MOST_DAYS:
        return int(asked)
    return answers.problem(422, f"{asked[:32]!r} is no number of days", f"Give 1 to {MOST_DAYS}, as in ?days=14.")


def _last(clock: Clock, many: int) -> list[date]:
    """So many days, the last of which is today."""
    today = day_at(clock.now_ms())
    return [today - timedelta(days=ago) for ago in reversed(range(many))]


def _sheet(text: str, name: str) -> Response:
    return Response(text, media_type="text/csv", headers={"content-disposition": f'attachment; filename="{name}"'})


def _days(found: Sequence[tuple[str, Mapping[str, int]]]) -> str:
    """A line for each day: counts, and every figure there is; what would be of nothing is empty."""
    sheet = io.StringIO()
    lines = csv.writer(sheet)
    lines.writerow(("day", *_COUNTS, *NAMES))
    for day, sums in found:
        values = {one.name: round(one.value, 4) for one in figures(sums)}
        lines.writerow((day, *(sums.get(name, 0) for name in _COUNTS), *(values.get(name, "") for name in NAMES)))
    return sheet.getvalue()


def _orders(found: Sequence[Fate], now_ms: int, ahead: int, costs: Costs) -> str:
    """A line for each order; `ahead` is unix ms less the books' time."""
    sheet = io.StringIO()
    lines = csv.writer(sheet)
    lines.writerow(_HEAD)
    for fate in found:
        order, took = fate.order, kpis.seconds_in(fate.order, now_ms)
        states = [line.state for line in fate.ordered()]
        late_ms = fate.late_ms
        cents = fate.cents(costs)
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
                "" if fate.worked_ms is None else round(fate.worked_ms / 1000, 1),
                "" if fate.worked_ms is None else fate.walked_dm / 10,
                "" if cents is None else cents / 100,
            )
        )
    return sheet.getvalue()


def _when(at: int) -> str:
    return datetime.fromtimestamp(at / 1000).astimezone().isoformat(timespec="seconds")


def _plain(text: str) -> str:
    """A spreadsheet takes what begins so for a formula."""
    return "'" + text if text.startswith(("=", "+", "-", "@")) else text
