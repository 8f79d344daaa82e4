"""Customers at HQ: they order, say later what they have to say, and hear how their order stands."""

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

    async def place(self, errand: Errand, pay_within_s: int, due: int) -> str:
        """Order; returns what became of it: done, refused or stale."""
        lines = [
            {"line": nth, "sku": want.sku, "qty": want.qty, "unavailable": errand.wish}
            for nth, want in enumerate(errand.lines, 1)
        ]
        order = {"store": self._store, "channel": "web", "lines": lines, "due": due, "promise_min": errand.promise_min}
        if errand.pickup:
            order |= {"fulfil": "pickup", "code": hashed(errand.code, errand.order)}
        if errand.pays_s != 0:
            order |= {"pay_within_s": pay_within_s}
        placed: str = (await self._ask("/v1/orders", errand.order, order))["placing"]
        return placed

    async def say(self, order: str, what: str, more: Mapping[str, Any] | None = None, nth: int = 1) -> bool:
        """`paid`, `amend`, `cancel`, `courier` or, for the `nth` time, `decision`; was it done?"""
        said = await self._ask(f"/v1/orders/{order}/{what}", f"{order}/{what}-{nth}", more or {})
        return bool(said["state"] == "done")

    async def amend(self, order: str, want: Want) -> bool:
        """The first line is wanted to be this."""
        return await self.say(order, "amend", {"lines": [{"line": 1, "sku": want.sku, "qty": want.qty}]})

    async def answer(self, order: str, nth: int, take: str, sku: str) -> bool:
        """The customer answers the order's `nth` question; was it in time?"""
        return await self.say(order, "decision", {"take": take} | ({"sku": sku} if take == "substitute" else {}), nth)

    async def stands(self, order: str) -> Mapping[str, Any] | None:
        """What HQ says of an order: the row it was told last; None when it was told nothing."""
        answer = await self._line.get(f"/v1/orders/{order}")
        row: dict[str, Any] | None = answer.json()["row"] if answer.status_code == httpx.codes.OK else None
        return row

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

    async def _ask(self, path: str, key: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Ask once, by its key, until HQ has the store's answer and the rows of all that it did."""
        while True:
            try:
                answer = await self._line.post(path, json=body, headers={"idempotency-key": key})
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.is_client_error:
                raise AssertionError(f"HQ does not take {key}: {answer.text}")
            if answer is not None and answer.status_code == httpx.codes.OK:
                said: dict[str, Any] = answer.json()
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
