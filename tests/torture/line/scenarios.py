"""Every scenario of the line: what there is, what happens to it, and what must hold afterwards."""

import shutil
import time
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

from tests.faketime import FAKETIME, MISSING
from tests.torture.line import disturbances, hostile
from tests.torture.line.bounds import watched
from tests.torture.line.chain import ROWS_PER_S, Line, line
from tests.torture.line.clocks import clocks
from tests.torture.line.figures import Figures, Length, Outcome
from tests.torture.line.judge import caught_up, complaints, converge
from tests.torture.line.namespaces import apart
from tests.torture.line.outage import outage
from tests.torture.line.roads import Kind
from wire.mqtt import MqttVersion

Disturbance = Callable[[Line, Length, Figures], Awaitable[None]]

CONTROL = "control"
#: What is lost by killing the careless HQ so often is found out.
_CARELESS_KILLS = 3
#: In a scenario longer than this the pace must have been kept, but for what is late at its end.
_LONG_S, _KEPT_PACE = 60.0, 0.9


class Scenario(NamedTuple):
    """What happens, and to whom: stores on which MQTT, behind TLS and rules, with a broker that keeps messages."""

    happens: Disturbance
    version: MqttVersion = "5"
    secure: bool = False
    keeps: bool = False
    by: Kind = "proxy"


SCENARIOS: dict[str, Scenario] = {
    "cut": Scenario(disturbances.line_cut, by="cable"),
    "packets": Scenario(disturbances.unkind, by="tunnel"),
    "proxy": Scenario(disturbances.unkind),
    "broker": Scenario(disturbances.broker_killed),
    "hq": Scenario(disturbances.hq_killed),
    "unheard": Scenario(disturbances.hq_unheard),
    "agent": Scenario(disturbances.agent_killed),
    "hq-restored": Scenario(disturbances.hq_restored, keeps=True),
    "store-restored": Scenario(disturbances.store_restored, keeps=True),
    "broker-wiped": Scenario(disturbances.broker_wiped, keeps=True),
    "acl": Scenario(disturbances.acl_denied, version="3.1.1", secure=True),
    "hostile": Scenario(hostile.flood, secure=True),
    "clocks": Scenario(clocks, secure=True),
    "outage": Scenario(outage, by="cable"),
}
NAMES = (*SCENARIOS, CONTROL)
#: Measures what others would disturb, so it is run when they are done.
ALONE = "outage"


def lacks(name: str) -> str:
    """What this machine has not and the scenario needs; empty when it can be run."""
    if shutil.which("mosquitto") is None:
        return "NO MOSQUITTO HERE, so nothing of this was tested: apt-get install mosquitto"
    if name == "clocks" and not FAKETIME.exists():
        return MISSING
    if name in SCENARIOS and SCENARIOS[name].by != "proxy" and not apart():
        return "NO NETWORK NAMESPACES HERE, so no cable was cut and no packet lost: run it as root"
    return ""


async def run(names: tuple[str, ...], folder: Path, length: Length, seed: int) -> Outcome:
    """Let scenarios of one setting happen, one after the other."""
    seen, outcome = Figures(), Outcome(", ".join(names), seed)
    began = time.monotonic()
    _, version, secure, keeps, by = SCENARIOS[names[0]]
    try:
        async with line(folder, seed, version=version, secure=secure, keeps=keeps, by=by) as there:
            async with watched(there) as held:
                for name in names:
                    assert SCENARIOS[name][1:] == SCENARIOS[names[0]][1:]
                    await SCENARIOS[name].happens(there, length, seen)
                outcome.converged_s = await converge(there)
            outcome.held = held.most
            outcome.wrong += [*held.too_much(), *await complaints(there)]
            outcome.lost = sum("is lost" in problem for problem in outcome.wrong)
            outcome.twice = sum("times at HQ" in problem for problem in outcome.wrong)
            if not all(store.sold for store in there.stores):
                outcome.wrong.append("nothing was sold, so nothing is known")
            outcome.reckon(there, seen)
            if there.paced_s > _LONG_S and outcome.rows_per_s < _KEPT_PACE * ROWS_PER_S:
                outcome.wrong.append(f"only {outcome.rows_per_s:.0f} rows/s were sold")
    except Exception:
        outcome.wrong.append(traceback.format_exc())
        outcome.notes = seen.notes
    outcome.spent_s = time.monotonic() - began
    return outcome


async def control(folder: Path, seed: int) -> Outcome:
    """An HQ that moves its cursor before its rows are there must be found out."""
    outcome, began = Outcome(CONTROL, seed), time.monotonic()
    async with line(folder, seed) as there:
        honest = there.hq.module
        there.hq.module = "tests.torture.line.careless_hq"
        for _ in range(_CARELESS_KILLS):
            await there.hq.kill()
            await there.hq.start()
            await there.work_for(0.0)
            await caught_up(there)
            await there.work_for(there.rng.uniform(0.5, 1.0))
        await there.hq.kill()
        there.hq.module = honest
        await there.hq.start()
        outcome.converged_s = await converge(there)
        lost = [problem for problem in await complaints(there) if "is lost" in problem]
        outcome.reckon(there, Figures())
    if not lost:
        outcome.wrong = ["an HQ that loses rows was not found out"]
    outcome.notes = [f"a careless HQ must lose: {len(lost)} rows found lost, {lost[:1]}"]
    outcome.spent_s = time.monotonic() - began
    return outcome
