"""Every scenario of the line: what there is, what happens to it, and what must hold afterwards."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

from tests.torture.line import disturbances, hostile
from tests.torture.line.chain import Line, line
from tests.torture.line.clocks import clocks
from tests.torture.line.figures import Figures, Length
from tests.torture.line.judge import complaints, converge
from tests.torture.line.outage import outage
from wire.mqtt import MqttVersion

Disturbance = Callable[[Line, Length, Figures], Awaitable[None]]

CONTROL = "control"
#: What is lost by killing the careless HQ so often is found out.
_CARELESS_KILLS = 3


class Scenario(NamedTuple):
    """What happens, and to whom: stores on which MQTT, behind TLS and rules, with a broker that keeps messages."""

    happens: Disturbance
    version: MqttVersion = "5"
    secure: bool = False
    keeps: bool = False
    stores: int = 3


SCENARIOS: dict[str, Scenario] = {
    "broker": Scenario(disturbances.broker_killed),
    "hq": Scenario(disturbances.hq_killed),
    "unheard": Scenario(disturbances.hq_unheard),
    "agent": Scenario(disturbances.agent_killed),
    "cut": Scenario(disturbances.line_cut),
    "middleman": Scenario(disturbances.middleman),
    "hq-restored": Scenario(disturbances.hq_restored),
    "store-restored": Scenario(disturbances.store_restored),
    "broker-wiped": Scenario(disturbances.broker_wiped, keeps=True),
    "acl": Scenario(disturbances.acl_denied, version="3.1.1", secure=True),
    "hostile": Scenario(hostile.flood, secure=True),
    "clocks": Scenario(clocks),
    "clocks-tls": Scenario(clocks, secure=True),
    "outage": Scenario(outage, stores=1),
}


async def run(names: tuple[str, ...], folder: Path, length: Length, seed: int) -> str:
    """Let scenarios of one setting happen, one after the other; returns what was seen.

    Raises AssertionError with everything that did not hold.
    """
    _, version, secure, keeps, stores = SCENARIOS[names[0]]
    async with line(folder, seed, version=version, secure=secure, keeps=keeps, stores=stores) as there:
        seen = Figures()
        for name in names:
            assert SCENARIOS[name][1:] == SCENARIOS[names[0]][1:]
            await SCENARIOS[name].happens(there, length, seen)
        converged_s = await converge(there)
        told = await complaints(there)
        what = f"{', '.join(names)}: seed {seed}"
        assert not told, "\n".join([what, *told[:40]])
        assert all(store.sold for store in there.stores), "nothing was sold, so nothing is known"
        return f"{what}, {seen.line(there, converged_s)}"


async def control(folder: Path, seed: int) -> str:
    """An HQ that moves its cursor before its rows are there must be found out. Raises AssertionError when it is not."""
    async with line(folder, seed) as there:
        honest = there.hq.module
        there.hq.module = "tests.torture.line.careless_hq"
        for _ in range(_CARELESS_KILLS):
            await there.hq.kill()
            await there.hq.start()
            await there.work_for(there.rng.uniform(0.5, 1.0))
        await there.hq.kill()
        there.hq.module = honest
        await there.hq.start()
        await converge(there)
        told = await complaints(there)
    lost = [problem for problem in told if "is lost" in problem]
    assert lost, f"an HQ that loses rows was not found out; seed {seed}"
    return f"control, a careless HQ, must lose: seed {seed}, {len(lost)} rows found lost, first {lost[0]}"
