"""Customers at HQ: orders and what becomes known of them later go in as commands, and the store's word comes back."""

import asyncio
import hashlib
from collections.abc import Mapping
from typing import Any

import httpx

from simulators.customers import Errand, Want

_ANSWER_WITHIN_S = 10.0
_AGAIN_S = 0.1
_LOOK_EVERY_S = 0.1
_LOG_PAGE = 1000


class HqDesk:
    """One store's orders at HQ. `orders` is the last row HQ has of each, `since` each state it was seen in."""

    def __init__(self, hq_web: str, store: str, token: str) -> None:
        self.orders: dict[str, dict[str, Any]] = {}
        self._store = store
        self._line = httpx.AsyncClient(
            base_url=hq_web,
            timeout=_ANSWER_WITHIN_S,
            trust_env=False,
            headers={"authorization": f"Bearer {token}"},
        )
        self._seq = 0
        self._reading = asyncio.Lock()

    async def close(self) -> None:
        await self._line.aclose()

    async def place(self, errand: Errand, pay_within_s: int, due: int) -> Mapping[str, Any]:
        """Order; returns what became of the command: `state` done, refused or stale, and `why`."""
        lines = [
            {"line": nth, "sku": want.sku, "qty": want.qty, "unavailable": errand.wish}
            for nth, want in enumerate(errand.lines, 1)
        ]
        order = {"channel": "web", "lines": lines, "due": due, "promise_min": errand.promise_min}
        if errand.pickup:
            order |= {"fulfil": "pickup", "code": hashed(errand.code, errand.order)}
        if errand.pays_s != 0:
            order |= {"pay_within_s": pay_within_s}
        return await self._ask("order", errand.order, errand.order, order)

    async def pay(self, order: str) -> Mapping[str, Any]:
        return await self._ask("paid", f"{order}/paid", order, {})

    async def cancel(self, order: str) -> Mapping[str, Any]:
        return await self._ask("cancel", f"{order}/cancel", order, {})

    async def amend(self, order: str, want: Want) -> Mapping[str, Any]:
        """The first line is wanted to be this."""
        lines = [{"line": 1, "sku": want.sku, "qty": want.qty}]
        return await self._ask("amend", f"{order}/amend", order, {"lines": lines})

    async def send_courier(self, order: str) -> Mapping[str, Any]:
        return await self._ask("courier", f"{order}/courier", order, {})

    async def answer(self, order: str, nth: int, take: str, sku: str) -> Mapping[str, Any]:
        """The customer answers the order's `nth` question."""
        more = {"sku": sku} if take == "substitute" else {}
        return await self._ask("decision", f"{order}/answer-{nth}", order, {"take": take, **more})

    async def listen(self) -> None:
        """Read the rows HQ lands of the store, for ever."""
        while True:
            await self.read()
            await asyncio.sleep(_LOOK_EVERY_S)

    async def read(self) -> None:
        """Every row that has landed since."""
        async with self._reading:
            while True:
                page = await self._look(f"/v1/stores/{self._store}/log?after={self._seq}&limit={_LOG_PAGE}")
                for row in page["rows"]:
                    self._seq = row["seq"]
                    if row["kind"] == "order":
                        self.orders[row["order"]] = row
                if not page["rows"]:
                    return

    async def _ask(self, kind: str, name: str, order: str, more: Mapping[str, Any]) -> Mapping[str, Any]:
        """Ask under this name until HQ has the store's answer, and the rows of all that it did."""
        command = {"id": name, "kind": kind, "order": order, **more}
        while True:
            try:
                answer = await self._line.post(f"/v1/stores/{self._store}/commands", json=command)
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code < 500:
                if answer.is_error:
                    raise AssertionError(f"HQ does not take {command}: {answer.text}")
                said: dict[str, Any] = answer.json()
                if said["state"] != "asked":
                    while self._seq < (said["seq"] or 0):
                        await self.read()
                    return said
            await asyncio.sleep(_AGAIN_S)

    async def _look(self, path: str) -> dict[str, Any]:
        while True:
            try:
                found: dict[str, Any] = (await self._line.get(path)).raise_for_status().json()
            except httpx.TransportError:
                await asyncio.sleep(_AGAIN_S)
            else:
                return found


def hashed(code: str, order: str) -> str:
    """What the store may know of a pickup code: salt and scrypt, as published for HQ's orders."""
    salt = hashlib.sha256(order.encode()).digest()[:8]
    return f"s1${salt.hex()}${hashlib.scrypt(code.encode(), salt=salt, n=4096, r=8, p=1, dklen=16).hex()}"
