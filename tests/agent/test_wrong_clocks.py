"""Agents whose clock is wrong, over real TLS: they have their line, and say what is wrong."""

import datetime as dt
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from hq_bridge.authority import Authority
from simulators.programs import Program
from tests.agent.programs import program_of, store_toml
from tests.faketime import FAKETIME, MISSING, set_clock, told_by
from tests.hq_bridge.processes import hq_process, write_config
from tests.secured import Secured, secured_mosquitto
from tests.waiting import until
from wire.tls import Credentials

NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)
AT_1970, TWO_DAYS_BEHIND, RIGHT = "@1970-01-01 00:00:10", "-2d", "+0"


@dataclass
class Shop:
    """An agent behind TLS, with a clock that is what the test says."""

    secured: Secured
    agent: Program
    clock: Path
    tls: Path

    async def look(self) -> dict[str, Any]:
        async with httpx.AsyncClient(base_url=self.agent.web, trust_env=False, timeout=30) as store:
            found: dict[str, Any] = (await store.get("/v1/health")).json()
            return found

    async def cases(self) -> set[str]:
        return {case["case"] for case in (await self.look())["cases"]}

    async def has_its_line(self) -> bool:
        return bool((await self.look())["line"]["state"] == "here")

    async def renewed(self, issued_at: dt.datetime, days: int) -> None:
        """The store's certificate, copied over the one it has."""
        issued = Authority(self.secured.authority.folder, issued_at).store("SH-1", days)
        for path in issued.iterdir():
            shutil.copy(path, self.tls)


@asynccontextmanager
async def shop(folder: Path, clock: str = RIGHT) -> AsyncIterator[Shop]:
    """Not started yet; its certificate and the broker's were issued just now."""
    if not FAKETIME.exists():
        pytest.skip(f"SO NO CLOCK WAS WRONG, AND NOTHING OF THIS WAS TESTED: {MISSING}")
    async with secured_mosquitto(folder) as secured:
        tls = shutil.copytree(secured.store("SH-1").folder, folder / "tls")
        toml = store_toml(secured.address, books="ballast_mib = 0", hq=f'tls = "{tls}"')
        set_clock(folder / "clock", clock)
        agent = program_of(folder, toml, **told_by(folder / "clock"))
        try:
            yield Shop(secured, agent, folder / "clock", tls)
        finally:
            await agent.kill()


@pytest.mark.parametrize("clock", [AT_1970, TWO_DAYS_BEHIND], ids=["1970", "two days behind"])
async def test_a_store_whose_clock_is_behind_has_its_line_and_says_so_until_it_is_right(
    tmp_path: Path, clock: str
) -> None:
    async with shop(tmp_path, clock) as one:
        await one.agent.start()
        await until(one.has_its_line)

        async def clock_is_said_wrong() -> bool:
            return "clock_wrong" in await one.cases()

        async def all_is_well() -> bool:
            return not await one.cases()

        await until(clock_is_said_wrong)
        assert await one.cases() == {"clock_wrong"}
        set_clock(one.clock, RIGHT)
        await until(all_is_well)
        await one.secured.broker.restart()
        await until(one.has_its_line)
        said = one.agent.log.read_text()
        assert said.count('"clock_wrong"') == said.count('"clock_right"') == 1


@pytest.mark.parametrize(
    ("clock", "own", "says"),
    [(RIGHT, -30, "certificate has expired"), (AT_1970, 0, "the broker's certificate ended on")],
    ids=["right", "1970"],
)
async def test_a_broker_whose_certificate_has_ended_gets_no_line(
    tmp_path: Path, clock: str, own: int, says: str
) -> None:
    """By the clock if it is right; if not, by the store's own certificate, when that began later."""
    async with shop(tmp_path, clock) as one:
        Authority(one.secured.authority.folder, NOW - 20 * DAY).broker(["127.0.0.1"], 10)
        one.secured.install()
        await one.secured.broker.restart()
        await one.renewed(NOW + own * DAY, 90)
        await one.agent.start()

        async def refuses() -> bool:
            return says in (await one.look())["line"]["why"]

        await until(refuses)
        assert "broker_reached" not in one.agent.log.read_text()


async def test_a_certificate_that_is_about_to_end_is_a_case_until_a_new_one_is_copied_there(tmp_path: Path) -> None:
    async with shop(tmp_path) as one:
        await one.renewed(NOW - 61 * DAY, 90)
        await one.agent.start()

        async def is_said() -> bool:
            return "certificate_ends" in await one.cases()

        async def is_over() -> bool:
            return not await one.cases()

        await until(one.has_its_line)
        await until(is_said)
        (case,) = (await one.look())["cases"]
        assert f"{NOW + 29 * DAY:%Y-%m-%d}" in case["text"]
        await one.renewed(NOW, 90)
        await until(is_over)
        assert await one.has_its_line()
        assert one.agent.log.read_text().count("broker_reached") == 1


async def test_hq_says_of_every_certificate_of_the_line_when_it_ends(tmp_path: Path) -> None:
    async with shop(tmp_path) as one:
        config = write_config(tmp_path, one.secured.address, tls=one.secured.hq().folder)
        await one.renewed(NOW - 61 * DAY, 90)
        ends = Credentials(one.tls).span().ends
        async with hq_process(config) as hq:
            await one.agent.start()
            store = await hq.store_where("SH-1", certificate_ends=ends, cases_open=1)
            assert [each["kind"] for each in store["troubles"]] == ["certificate"]
            assert f"{NOW + 29 * DAY:%Y-%m-%d}" in store["trouble"]
            line = (await hq.get("/v1/stores"))["line"]
        # They were made between this file's import and now.
        low, high = (int((at + 30 * DAY).timestamp() * 1000) for at in (NOW, dt.datetime.now(dt.UTC)))
        assert [(each["whose"], each["soon"]) for each in line["certificates"]] == [("hq", False), ("broker", False)]
        assert all(low - 1_000 <= each["ends"] <= high + 1_000 for each in line["certificates"])
