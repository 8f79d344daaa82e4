"""The scenarios: who is killed, when, how often. A seed decides what people and killer do; the machine, how fast."""

import asyncio
from pathlib import Path
from random import Random

from simulators.serial_scanner import SerialScanner
from tests.chaos.arena import Arena, Figures, arena
from tests.chaos.books_checks import complaints
from tests.waiting import until

#: People work this long at most between two kills, so that kills meet every part of the work, and a start.
BETWEEN_KILLS_S = 0.7
_OPENING_S = 0.3


async def kill_the_agent(folder: Path, cycles: int, seed: int) -> str:
    """Kill -9 at random moments, one in five while it is still starting."""
    async with arena(folder, seed) as there:
        return await agent_kills(there, cycles, seed)


async def agent_kills(there: Arena, cycles: int, seed: int) -> str:
    """The killing of `kill_the_agent`, of whatever agent is `there`. Raises AssertionError with all complaints."""
    figures, rng = Figures("agent killed", seed), Random(seed)
    await there.work_for(_OPENING_S)
    while figures.kills < cycles:
        await there.work_for(rng.uniform(0.0, BETWEEN_KILLS_S))
        await there.branch.kill_agent()
        figures.kills += 1
        if rng.random() < 0.2:
            await there.branch.agent.spawn()
            await there.work_for(rng.uniform(0.0, BETWEEN_KILLS_S))
            await there.branch.kill_agent()
            figures.kills += 1
            figures.kills_while_starting += 1
        figures.restart_s.append(await there.branch.restart_agent())
    return await _judged(there, figures)


async def kill_the_broker(folder: Path, cycles: int, seed: int) -> str:
    """Kill -9, and leave it away for a while: shop and HQ must not care."""
    figures, rng = Figures("broker killed", seed), Random(seed)
    async with arena(folder, seed) as there:
        await there.work_for(_OPENING_S)
        while figures.kills < cycles:
            await there.work_for(rng.uniform(0.0, BETWEEN_KILLS_S))
            there.broker.kill()
            figures.kills += 1
            await there.work_for(rng.uniform(0.0, 0.3))
            began = asyncio.get_running_loop().time()
            await there.broker.start()
            figures.restart_s.append(asyncio.get_running_loop().time() - began)
        return await _judged(there, figures)


async def kill_hq_before_it_answers(folder: Path, cycles: int, seed: int) -> str:
    """HQ dies between its commit and `heard`, at a random one of its answers each time."""
    figures, rng = Figures("HQ killed between commit and heard", seed), Random(seed)
    async with arena(folder, seed) as there:
        calm = there.hq
        await calm.stop()
        falling = type(calm)("falling HQ", "tests.chaos.falling_hq", calm.settings, calm.log, {}, calm.web)
        there.hq = falling
        try:
            while figures.kills < cycles:
                falling.environment = {"NEARSHELF_FALLS_AT": str(rng.randint(1, 30))}
                await falling.spawn()
                status = await _its_end(there)
                assert status == -9, f"HQ ended with status {status} instead of being killed; see {falling.log}"
                figures.kills += 1
        finally:
            await falling.kill()
        there.hq = calm
        await calm.start()
        return await _judged(there, figures)


async def kill_or_stop_anyone(folder: Path, cycles: int, seed: int) -> str:
    """Agent, broker and HQ in any order, with kill -9 or with SIGTERM, after which all must end well."""
    figures, rng = Figures("anyone killed or stopped", seed), Random(seed)
    async with arena(folder, seed) as there:
        ends = (
            there.branch.kill_agent,
            there.branch.stop_agent,
            there.hq.kill,
            there.hq.stop,
            there.broker.restart,
        )
        await there.work_for(_OPENING_S)
        while figures.kills < cycles:
            await there.work_for(rng.uniform(0.0, BETWEEN_KILLS_S))
            # Now and then two at once.
            for end in rng.sample(ends, rng.choice((1, 1, 2))):
                await end()
                figures.kills += 1
            if there.branch.agent.pid is None:
                figures.restart_s.append(await there.branch.restart_agent())
            if there.hq.pid is None:
                await there.hq.start()
        return await _judged(there, figures)


async def pull_cables(folder: Path, cycles: int, seed: int) -> str:
    """Unplug scanners and cut the reader off. At most nine times: the agent tries again ever more slowly."""
    figures, rng = Figures("cables pulled", seed), Random(seed)
    async with arena(folder, seed) as there:
        await there.work_for(_OPENING_S)
        while figures.kills < min(cycles, 9):
            await there.work_for(rng.uniform(0.0, BETWEEN_KILLS_S))
            scanner = rng.choice((there.branch.dock, there.branch.shelf, None))
            if scanner is None:
                await there.branch.reader.drop()
            else:
                await _pull(there, scanner)
            figures.kills += 1
        return await _judged(there, figures)


async def _pull(there: Arena, scanner: SerialScanner) -> None:
    """Out, and in again once the store's page shows it."""

    async def is_seen() -> bool | None:
        health = await there.branch.till.look("/v1/health")
        return all(found["state"] != "up" for found in health["devices"] if found["name"] == scanner.path.name)

    scanner.unplug()
    seen: bool = await until(is_seen)
    assert seen
    scanner.plug()
    scanner.give_up()


async def _its_end(there: Arena) -> int:
    """HQ's exit status; people go on working until then."""
    end = asyncio.create_task(there.hq.wait())
    await asyncio.wait({end, there.day}, timeout=60, return_when=asyncio.FIRST_COMPLETED)
    if there.day.done():
        there.day.result()
    assert end.done(), "HQ lives on, and had nothing to answer for a minute"
    return await end


async def _judged(there: Arena, figures: Figures) -> str:
    told = await complaints(there)
    line = figures.line(there)
    assert not told, "\n".join([line, *told[:40]])
    return line


SCENARIOS = {
    "agent": kill_the_agent,
    "broker": kill_the_broker,
    "hq": kill_hq_before_it_answers,
    "anyone": kill_or_stop_anyone,
    "cables": pull_cables,
}
