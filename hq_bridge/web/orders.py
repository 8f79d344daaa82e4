"""What HQ can say of orders, and how it asks stores for them: the API of whoever sells."""

import re
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import msgspec

from hq_bridge.bell import Bell
from hq_bridge.books import Mark, StoreBooks
from hq_bridge.commands import CannotAsk, Commands, order_command
from hq_bridge.events import told_of
from hq_bridge.store import CommandRow, Database, KeptOrder
from hq_bridge.web import shapes
from hq_bridge.web.board import UnknownName
from wire.messages import AmendAsk, CancelAsk, CourierAsk, DecisionAsk, HqAsk, OrderAsk, OrderRow, PaidAsk, Wanted
from wire.topics import is_name

#: States of an order that is not over.
OPEN: Final = (
    "received", "accepted", "picking", "awaiting_decision", "picked", "packed", "staged", "handed_over",
    "cancel_requested", "return_pending", "restocked", "wasted",
)  # fmt: skip
OVER: Final = ("closed", "rejected", "cancelled")
#: What can be said of an order that was placed, with the ask it is.
FOLLOW_UPS: Final[Mapping[str, type[HqAsk]]] = {
    "paid": PaidAsk,
    "amend": AmendAsk,
    "cancel": CancelAsk,
    "courier": CourierAsk,
    "decision": DecisionAsk,
}
#: Of these an order may have several: each needs a key of its own.
KEYED: Final = ("amend", "decision")
NAME: Final = r"^[A-Za-z0-9._:-]{1,64}$"
_SIGN_OF_LIFE_S: Final = 10.0
_row = msgspec.json.Decoder(OrderRow)


class Orders:
    """Reads what stores told of orders, and what became of HQ's own commands about them."""

    def __init__(self, database: Database, stores: Mapping[str, StoreBooks], commands: Commands, bell: Bell) -> None:
        self._database = database
        self._stores = stores
        self._commands = commands
        self._bell = bell

    async def one(self, name: str) -> shapes.PlacedOrder:
        """An order by its name. Raises UnknownName."""
        placed, found = await self._commands.find(order_command(name)), await self._database.order(name)
        if placed is not None:
            found = [each for each in found if each.store == placed.store]
        if placed is None and not found:
            raise UnknownName(f"there is no order {name!r}", "Ask by the name it was placed under.")
        return self._shape(name, found[0] if found else None, placed)

    async def several(self, store: str | None, state: str, after: str, limit: int) -> shapes.PlacedOrders:
        """Orders that stores have told of, by name: those of a state, or all that are `open`."""
        states = OPEN if state == "open" else (state,)
        found = await self._database.orders(store, states, after, limit + 1)
        page = [self._shape(each.id, each, await self._commands.find(order_command(each.id))) for each in found[:limit]]
        return shapes.PlacedOrders(page, page[-1].order if len(found) > limit else None)

    async def place(self, wanted: dict[str, Any], key: str) -> tuple[shapes.PlacedOrder, bool]:
        """Ask a store for an order; the same again is the same. And: was it answered? Raises CannotAsk."""
        store, name = wanted.pop("store", None), wanted.pop("order", key)
        if not isinstance(store, str) or not is_name(store):
            raise CannotAsk("store must name the store that shall have the order")
        if not isinstance(name, str) or re.fullmatch(NAME, name) is None:
            raise CannotAsk("order, or the header Idempotency-Key, must name it in 1 to 64 of A-Z a-z 0-9 . _ : -")
        _only(OrderAsk, wanted)
        row = await self._commands.ask(store, wanted | {"id": order_command(name), "kind": "order", "order": name})
        if row.state == "asked":  # without a look into the database: in a rush these are many
            return self._shape(name, None, row), False
        return await self.one(name), True

    async def follow(self, name: str, what: str, wanted: dict[str, Any], key: str) -> CommandRow:
        """Say something more of an order to the store that has it. Raises CannotAsk, UnknownName."""
        _only(FOLLOW_UPS[what], wanted)
        if what in KEYED and re.fullmatch(r"[!-~]{1,48}", key) is None:
            raise CannotAsk("the header Idempotency-Key must name it, in 1 to 48 printable characters")
        store = await self._store_of(name)
        made = f"{what}:{name}:{key}" if what in KEYED else f"{what}:{name}"
        return await self._commands.ask(store, wanted | {"id": made, "kind": what, "order": name})

    async def _store_of(self, name: str) -> str:
        """Whose order it is. Raises UnknownName, and CannotAsk when several stores entered one under this name."""
        stores = {each.store for each in await self._database.order(name)}
        if len(stores) > 1 and await self._commands.find(order_command(name)) is None:
            raise CannotAsk(f"{', '.join(sorted(stores)[:5])} have an order {name!r} of their own", conflict=True)
        return (await self.one(name)).store

    async def events(self, name: str, after: Mark) -> AsyncIterator[bytes]:
        """An order's rows as CloudEvents, from its first or from beyond `after`; ends when it is over.

        An order of which no row has landed is waited for. Raises UnknownName.
        """
        store = (await self.one(name)).store
        return self._follow(store, name, after)

    async def _follow(self, store: str, name: str, after: Mark) -> AsyncIterator[bytes]:
        with self._bell.listening(store) as ear:
            yield b"retry: 1000\n\n"
            while True:
                found = await self._database.order_steps(store, name, after)
                for after, landed_at, body in found:
                    told = told_of(store, after.epoch, landed_at, body)
                    yield b"id: %d/%d\ndata: %b\n\n" % (after.epoch, after.seq, told.payload)
                if found and _row.decode(found[-1][2]).state in OVER and await self._is_over(store, name):
                    return
                if not await ear.moved(_SIGN_OF_LIFE_S):
                    yield b": still here\n\n"

    async def _is_over(self, store: str, name: str) -> bool:
        """Does its latest row say so? A rejected one may come back when it is paid: who follows asks again."""
        found = [each for each in await self._database.order(name) if each.store == store]
        return all(each.state in OVER for each in found)

    def _shape(self, name: str, kept: KeptOrder | None, placed: CommandRow | None) -> shapes.PlacedOrder:
        store = kept.store if kept is not None else placed.store if placed is not None else ""
        books = self._stores.get(store)
        row = None if kept is None else _row.decode(kept.row)
        return shapes.PlacedOrder(
            order=name,
            store=store,
            state=_state(row, placed),
            why=row.why if row is not None and row.why else placed.why if placed is not None else "",
            placing=None if placed is None else placed.state,  # type: ignore[arg-type]  # one of them
            asked_at=None if placed is None else placed.asked_at,
            answered_at=None if placed is None else placed.answered_at,
            landed_at=None if kept is None else kept.landed_at,
            epoch=None if kept is None else kept.epoch,
            seq=None if kept is None else kept.seq,
            present=kept is not None and books is not None and books.position.epoch == kept.epoch,
            store_is="unknown" if books is None else books.presence,
            row=row,
        )


def _state(row: OrderRow | None, placed: CommandRow | None) -> str:
    """What the store told last, or what became of HQ's asking for it."""
    if row is not None:
        return row.state
    if placed is None or placed.state == "asked":
        return "asked"
    return {"done": "accepted", "refused": "rejected"}.get(placed.state, placed.state)


def _only(kind: type[HqAsk], wanted: dict[str, Any]) -> None:
    """A misspelt field must not be passed over in silence. Raises CannotAsk."""
    known = [name for name in kind.__struct_fields__ if name not in ("id", "counter", "lease", "order")]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise CannotAsk(f"{unknown[0][:64]} is not known here; known: {', '.join(known) or 'nothing'}")
    lines = wanted.get("lines")
    for line in lines if isinstance(lines, list) else ():
        for name in line if isinstance(line, dict) else ():
            if name not in Wanted.__struct_fields__:
                raise CannotAsk(f"lines: {name[:64]} is not known here")
