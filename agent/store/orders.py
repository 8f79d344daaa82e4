"""Rows of orders."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from agent.core.ledger import Books
from agent.core.orders import MissingUnits, Order, OrderLine, OrderStep

_COLUMNS = "id, channel, state, lines, steps, due_at, due_ms, deadline_ms, late, fallback, missing"


def load(tx: sqlite3.Connection, books: Books) -> None:
    """Take the open orders into the books."""
    over = "state IN ('closed', 'rejected', 'cancelled')"
    for row in tx.execute(f"SELECT {_COLUMNS} FROM customer_order WHERE NOT {over}"):  # noqa: S608 - no input in it
        books.keep_order(_order(row))


def named(tx: sqlite3.Connection, orders: Sequence[str]) -> dict[str, Order]:
    """These orders, those that are over too, as the disk has them."""
    if not orders:
        return {}
    found = tx.execute(
        f"SELECT {_COLUMNS} FROM customer_order WHERE id IN (SELECT value FROM json_each(?))",  # noqa: S608
        (json.dumps(orders),),
    )
    return {order.id: order for order in map(_order, found)}


def enter(tx: sqlite3.Connection, orders: Iterable[Order]) -> None:
    """Write what a turn makes of orders."""
    tx.executemany(
        "INSERT INTO customer_order VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
        " state = excluded.state, steps = excluded.steps, deadline_ms = excluded.deadline_ms, late = excluded.late,"
        " fallback = excluded.fallback, missing = excluded.missing",
        [_row(order) for order in orders],
    )


def _order(row: tuple[Any, ...]) -> Order:
    name, channel, _, lines, steps, due_at, due_ms, deadline_ms, late, default, missing = row
    return Order(
        name,
        channel,
        tuple(OrderLine(*line) for line in json.loads(lines)),
        tuple(OrderStep(*step) for step in json.loads(steps)),
        due_at,
        due_ms,
        deadline_ms,
        bool(late),
        default,
        tuple(MissingUnits(*one) for one in json.loads(missing)),
    )


def _row(order: Order) -> tuple[Any, ...]:
    lines = json.dumps([(one.line, one.sku, one.qty) for one in order.lines])
    steps = json.dumps([(one.state, one.since_ms, one.event, one.source) for one in order.steps])
    missing = json.dumps([(one.sku, one.wanted, one.available, one.why) for one in order.missing])
    until = (order.due_at, order.due_ms, order.deadline_ms)
    return (order.id, order.channel, order.state, lines, steps, *until, order.late, order.default, missing)
