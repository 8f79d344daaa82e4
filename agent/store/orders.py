"""Rows of orders."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, Final

from agent.core.ledger import Books
from agent.core.orders import MissingUnits, Order, OrderLine, OrderStep, Question, hold_of

#: The table's columns.
NAMES: Final = (
    "id", "channel", "state", "lines", "steps", "due_at", "due_ms", "deadline_ms", "late", "fallback", "missing",
    "fulfil", "pay_within_s", "promise_min", "code", "group_buy", "courier_at_ms", "short", "why", "question", "amends",
    "came_ms", "told_from_ms", "ended_ms",
)  # fmt: skip
_COLUMNS: Final = ", ".join(NAMES)
#: What is never another: the rest is written anew with each change.
_FOR_GOOD: Final = (
    "id",
    "channel",
    "due_at",
    "due_ms",
    "fulfil",
    "pay_within_s",
    "promise_min",
    "group_buy",
    "short",
    "came_ms",
)
_PUT: Final = (
    f"INSERT INTO customer_order ({_COLUMNS}) VALUES ({', '.join('?' * len(NAMES))}) ON CONFLICT DO UPDATE SET "  # noqa: S608 - our own words
    + ", ".join(f"{name} = excluded.{name}" for name in NAMES if name not in _FOR_GOOD)
)


def load(tx: sqlite3.Connection, books: Books) -> None:
    """Take the open orders into the books."""
    over = "state IN ('closed', 'rejected', 'cancelled')"
    for row in tx.execute(f"SELECT {_COLUMNS} FROM customer_order WHERE NOT {over}"):  # noqa: S608 - no input in it
        books.keep_order(order_of(row))


def named(tx: sqlite3.Connection, orders: Sequence[str]) -> dict[str, Order]:
    """These orders, those that are over too, as the disk has them."""
    if not orders:
        return {}
    found = tx.execute(
        f"SELECT {_COLUMNS} FROM customer_order WHERE id IN (SELECT value FROM json_each(?))",  # noqa: S608
        (json.dumps(orders),),
    )
    return {order.id: order for order in map(order_of, found)}


def holds_of(order: str) -> tuple[str, str]:
    """The holds that an order of this name may have."""
    return hold_of(order), hold_of(order, again=True)


def enter(tx: sqlite3.Connection, orders: Iterable[Order]) -> None:
    """Write what a turn makes of orders."""
    tx.executemany(_PUT, [_row(order) for order in orders])


def order_of(row: Sequence[Any]) -> Order:
    """The order a row of the table says, its columns as in `NAMES`."""
    of = dict(zip(NAMES, row, strict=True))
    return Order(
        of["id"],
        of["channel"],
        tuple(_line(*line) for line in json.loads(of["lines"])),
        tuple(OrderStep(*step) for step in json.loads(of["steps"])),
        of["due_at"],
        of["due_ms"],
        of["deadline_ms"],
        bool(of["late"]),
        of["fallback"],
        tuple(MissingUnits(*one) for one in json.loads(of["missing"])),
        of["fulfil"],
        of["pay_within_s"],
        of["promise_min"],
        of["code"],
        of["group_buy"],
        of["courier_at_ms"],
        of["short"] or of["id"][-4:],
        of["why"],
        _question(of["question"]),
        tuple((name, said) for name, said in json.loads(of["amends"])),
        of["told_from_ms"],
    )


def _line(line: int, sku: str, qty: int, *about: Any) -> OrderLine:
    if not about:  # of an order that is older
        return OrderLine(line, sku, qty)
    unavailable, substitutes, tolerance_pct, member, *answer = about
    return OrderLine(line, sku, qty, unavailable, tuple(substitutes), tolerance_pct, member, *answer)


def _question(text: str | None) -> Question | None:
    if text is None:
        return None
    line, candidates = json.loads(text)
    return Question(line, tuple(candidates))


def _row(order: Order) -> tuple[Any, ...]:
    asked = order.question
    return (
        order.id,
        order.channel,
        order.state,
        json.dumps([_of_line(one) for one in order.lines]),
        json.dumps([_of_step(one) for one in order.steps]),
        order.due_at,
        order.due_ms,
        order.deadline_ms,
        order.late,
        order.default,
        json.dumps([(one.sku, one.wanted, one.available, one.why) for one in order.missing]),
        order.fulfil,
        order.pay_within_s,
        order.promise_min,
        order.code,
        order.group,
        order.courier_at_ms,
        order.short,
        order.why,
        None if asked is None else json.dumps([asked.line, asked.candidates]),
        json.dumps(order.amends),
        order.steps[0].since_ms,
        order.told_from_ms,
        order.ended_ms,
    )


def _of_step(one: OrderStep) -> tuple[Any, ...]:
    said = (one.state, one.since_ms, one.event, one.source)
    return (*said, one.by) if one.by else said


def _of_line(one: OrderLine) -> tuple[Any, ...]:
    return one.line, one.sku, one.qty, one.unavailable, one.substitutes, one.tolerance_pct, one.member, one.answer
