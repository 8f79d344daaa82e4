"""What a till and a goods-in desk send to the agent: the same paper again and again until it is answered."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

_ANSWER_WITHIN_S = 10.0
_AGAIN_FIRST_S = 0.05
_AGAIN_MOST_S = 1.0


class Refused(Exception):
    """Raised when the agent answered no; `status` and `body` are its answer."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = body


class Till:
    """Posts receipts and deliveries to one agent. Each has a number of its own, given before it is first sent."""

    def __init__(self, name: str, web: str) -> None:
        self.name = name
        self.sent_again = 0
        self._papers = 0
        self._line = httpx.AsyncClient(base_url=web, timeout=_ANSWER_WITHIN_S, trust_env=False)

    async def close(self) -> None:
        await self._line.aclose()

    def next_paper(self) -> str:
        """A number no other receipt or delivery of this till has."""
        self._papers += 1
        return f"{self.name}-{self._papers:06}"

    async def sell(self, receipt: str, at: int, lines: Sequence[Mapping[str, object]]) -> dict[str, Any]:
        """Returns the agent's answer, however long it is away. Raises `Refused`."""
        return await self._post("/v1/sales", {"receipt": receipt, "at": at, "lines": lines})

    async def announce(self, delivery: str, lines: Sequence[Mapping[str, object]]) -> dict[str, Any]:
        """Say which tags will come. Returns the agent's answer, however long it is away. Raises `Refused`."""
        return await self._post("/v1/deliveries", {"delivery": delivery, "lines": lines})

    async def ask(self, path: str, paper: Mapping[str, object]) -> dict[str, Any]:
        """Post what has a name of its own. Returns the agent's answer, however long it is away. Raises `Refused`."""
        return await self._post(path, paper)

    async def look(self, path: str) -> dict[str, Any]:
        """A page's data, as JSON, however long the agent is away. Raises `Refused`."""
        return await self._until_answered("GET", path, None)

    async def _post(self, path: str, paper: Mapping[str, object]) -> dict[str, Any]:
        return await self._until_answered("POST", path, paper)

    async def _until_answered(self, method: str, path: str, paper: Mapping[str, object] | None) -> dict[str, Any]:
        pause_s = _AGAIN_FIRST_S
        while True:
            try:
                answer = await self._line.request(method, path, json=paper)
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code == httpx.codes.OK:
                found: dict[str, Any] = answer.json()
                return found
            # 5xx and 429: it heard us and can't now. Any other answer will stay the same.
            if answer is not None and answer.status_code < 500 and answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
                raise Refused(answer.status_code, answer.text)
            self.sent_again += 1
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _AGAIN_MOST_S)
