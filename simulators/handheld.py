"""A handheld's line to the store: signs in by badge and PIN, and says everything again until it is answered."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

_ANSWER_WITHIN_S = 10.0
_AGAIN_S = 0.1


@dataclass(frozen=True, slots=True)
class Badge:
    """Who holds a handheld; invented for the simulated shop, like everything there."""

    id: str
    role: str
    badge: str
    pin: str

    @property
    def row(self) -> str:
        """As a line of the file that `nearshelf-agent people import` reads."""
        return f"{self.id},{self.id},{self.badge},{self.pin},{self.role},en"


PEOPLE_COLUMNS = "id,name,badge,pin,role,lang"


@dataclass(frozen=True, slots=True)
class Said:
    """The store's answer: an HTTP status and what it holds."""

    status: int
    body: Mapping[str, Any]

    @property
    def ok(self) -> bool:
        return self.status == httpx.codes.OK


class Handheld:
    """One handheld in one pair of hands."""

    def __init__(self, web: str, badge: Badge) -> None:
        self._badge = badge
        self._csrf = ""
        self._reports = 0
        self._line = httpx.AsyncClient(base_url=web, timeout=_ANSWER_WITHIN_S, trust_env=False)

    async def close(self) -> None:
        await self._line.aclose()

    async def sign_in(self) -> None:
        """Raises AssertionError when the store does not know the badge."""
        said = await self.post("/v1/session", {"badge": self._badge.badge, "pin": self._badge.pin})
        if not said.ok:
            raise AssertionError(f"{self._badge.id} cannot sign in: {said.body}")
        self._csrf = said.body["csrf"]

    async def get(self, path: str) -> Said:
        return await self._until_answered("GET", path, None)

    async def post(self, path: str, body: Mapping[str, Any]) -> Said:
        return await self._until_answered("POST", path, body)

    async def report(self, task: Mapping[str, Any], reports: Sequence[Mapping[str, Any]]) -> Said:
        """Each of the reports under an id of its own."""
        named = []
        for one in reports:
            self._reports += 1
            named.append({"id": f"{self._badge.id}-{self._reports:06}", "at_ms": self._reports, **one})
        body = {"token": task["token"], "reports": named}
        return await self.post(f"/v1/pick/tasks/{task['id']}/reports", body)

    async def _until_answered(self, method: str, path: str, body: Mapping[str, Any] | None) -> Said:
        while True:
            try:
                answer = await self._line.request(method, path, json=body, headers={"x-csrf": self._csrf})
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code < 500 and answer.status_code != 429:
                return Said(answer.status_code, answer.json())
            await asyncio.sleep(_AGAIN_S)
