"""A chain on one machine: broker, HQ, stores with their people; and a verdict at the end."""

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from rich.console import Console

from simulators import verdict
from simulators.branch import Branch
from simulators.counters import count_what_is_in_doubt
from simulators.demo_broker import demo_broker
from simulators.live import show_live
from simulators.people import Pace, People
from simulators.programs import Program
from simulators.rush import STAFF, Rush
from simulators.shop import FLOOR

_CHAIN = "demo"
_FOLDER_PREFIX = "nearshelf-demo-"

_ON_LINE_WITHIN_S = 15.0
_LOOK_EVERY_S = 0.05

#: How long the three may take to agree after the last thing happened: tags settle within two seconds, rows land
#: within one.
_AGREE_WITHIN_S = 30.0

#: When nothing has changed for so long, it will not.
_QUIET_S = 6.0

_HQ_TOML = """\
[hq]
chain = "{chain}"
database = "sqlite+aiosqlite:///hq.db"
broker = "{broker}"
mqtt_version = "{mqtt_version}"
commands = "{commands}"

[web]
host = "127.0.0.1"
port = 0
token = "{token}"
"""
#: Who orders at HQ must know it; this one is known to everybody who can read, and opens nothing but the demo.
_TOKEN = "the-demo-s-token"  # noqa: S105

#: A shop with something on its shelves, to which goods keep coming: shoppers and the lunch rush take them away.
PACE = Pace(receive_s=0.4, shelve_s=0.4, opening_shelf=5, enough=16, scarce=2, opening_pieces=2)

INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run.

    `seconds` None: until Ctrl-C, without a verdict. `broker` None: one of our own. `thief`: one unit vanishes unseen.
    In the first store, `careless`: pickers report what they do not do; `lost`: an order never reaches HQ.
    """

    stores: int = 3
    seed: int = 7
    seconds: float | None = None
    mqtt_version: str = "5"
    broker: str | None = None
    headless: bool = False
    thief: bool = False
    careless: bool = False
    lost: bool = False
    folder: Path | None = None


async def run(plan: Plan, console: Console) -> int:
    """Run the plan; the exit status: 0 when all agreed, or when nobody asked for a verdict."""
    enough = asyncio.Event()
    with _workplace(plan.folder) as folder, _signals_set(enough):
        async with chain(plan, folder) as (hq, branches):
            console.print(f"HQ        {hq.web}/")
            for branch in branches:
                console.print(f"{branch.store}   {branch.agent.web}/")
            if plan.seconds is None and console.is_terminal:
                console.print("Ctrl-C stops everything.")
            rushes = _rushes(plan, hq, branches)
            in_time = await _traffic(plan, console, hq, branches, rushes, enough)
            if not in_time:
                return 0 if plan.seconds is None else INTERRUPTED
            for branch in branches:
                await count_what_is_in_doubt(branch)
            if plan.thief:
                _steal(branches[0])
            verdicts = await verdict.judge(branches, hq.web, _AGREE_WITHIN_S, _QUIET_S, rushes)
            verdict.show(console, verdicts, await verdict.latency(branches, hq.web))
            return 0 if all(found.good for found in verdicts) else 1


def _rushes(plan: Plan, hq: Program, branches: list[Branch]) -> list[Rush]:
    """A lunch rush at each store; what is to go wrong goes wrong in the first one."""
    lunch_s = 60.0 if plan.seconds is None else max(5.0, 0.8 * plan.seconds)  # the rest of it the shelves are filled
    return [
        Rush(
            branch,
            plan.seed,
            hq.web,
            _TOKEN,
            lunch_s,
            careless=plan.careless and nth == 0,
            loses_one=plan.lost and nth == 0,
        )
        for nth, branch in enumerate(branches)
    ]


@asynccontextmanager
async def chain(plan: Plan, folder: Path) -> AsyncIterator[tuple[Program, list[Branch]]]:
    """Everything running: HQ and the stores. Stopped in order, whatever happens."""
    async with AsyncExitStack() as running:
        broker = plan.broker
        if broker is None:
            broker = await running.enter_async_context(demo_broker(plan.mqtt_version, folder))
        hq = Program("HQ", "hq_bridge", folder / "hq.toml", folder / "hq.log")
        secret, public = _keys(folder)
        about = {"broker": broker, "mqtt_version": plan.mqtt_version, "commands": secret, "token": _TOKEN}
        hq.settings.write_text(_HQ_TOML.format(chain=_CHAIN, **about))
        running.push_async_callback(hq.stop)
        await hq.start()
        branches = [
            Branch(number, folder, _CHAIN, broker, plan.mqtt_version, plan.seed, commands=public, staff=STAFF)
            for number in range(1, plan.stores + 1)
        ]
        for branch in branches:
            running.push_async_callback(branch.stop)
        async with asyncio.TaskGroup() as group:
            for branch in branches:
                group.create_task(branch.start(), name=f"start {branch.store}")
        await _all_on_the_line(hq, branches)
        yield hq, branches


def _keys(folder: Path) -> tuple[Path, Path]:
    """The key HQ signs its commands with, and the one its stores know them by."""
    key, secret, public = Ed25519PrivateKey.generate(), folder / "commands.key", folder / "commands.pub"
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return secret, public


async def _all_on_the_line(hq: Program, branches: list[Branch]) -> None:
    """Return when HQ has heard every store: a shop opens when its computer is up. Raises TimeoutError."""
    waited_for = {branch.store for branch in branches}
    async with httpx.AsyncClient(base_url=hq.web, trust_env=False) as line, asyncio.timeout(_ON_LINE_WITHIN_S):
        while True:
            stores = (await line.get("/v1/stores")).raise_for_status().json()["stores"]
            if waited_for <= {store["store"] for store in stores if store["state"] == "here"}:
                return
            await asyncio.sleep(_LOOK_EVERY_S)


async def _traffic(
    plan: Plan,
    console: Console,
    hq: Program,
    branches: list[Branch],
    rushes: list[Rush],
    enough: asyncio.Event,
) -> bool:
    """Let people work until the time is up; False if they were interrupted first."""
    staffs = [People(branch, plan.seed, PACE) for branch in branches]
    async with asyncio.TaskGroup() as group:
        watches = [group.create_task(_must_live(program)) for program in (hq, *(branch.agent for branch in branches))]
        if not plan.headless and console.is_terminal:
            watches.append(group.create_task(show_live(console, hq, branches), name="live table"))
        days = [group.create_task(staff.work()) for staff in staffs]
        days += [group.create_task(rush.work(staff.opened)) for rush, staff in zip(rushes, staffs, strict=True)]
        try:
            async with asyncio.timeout(plan.seconds):
                await enough.wait()
        except TimeoutError:
            pass
        for staff, rush in zip(staffs, rushes, strict=True):
            staff.close()
            rush.close()
        if enough.is_set():
            for day in days:
                day.cancel()
        await asyncio.wait(days)
        for watch in watches:
            watch.cancel()
    return not enough.is_set()


async def _must_live(program: Program) -> None:
    await program.wait()
    program.must_live()


def _steal(branch: Branch) -> None:
    """Carry one unit out of the shop, past everything that could notice."""
    product = max(branch.shop.untagged, key=lambda product: branch.shop.count(product, FLOOR))
    branch.shop.move(product, FLOOR, "SHRINK")


@contextmanager
def _workplace(wanted: Path | None) -> Iterator[Path]:
    """The wanted folder, which stays; or a temporary one, which goes, as do those of demos that were killed."""
    if wanted is not None:
        wanted.mkdir(parents=True)
        yield wanted
        return
    for left in Path(tempfile.gettempdir()).glob(f"{_FOLDER_PREFIX}*-*"):
        owner = left.name.removeprefix(_FOLDER_PREFIX).partition("-")[0]
        if owner.isdecimal() and not Path("/proc", owner).exists():
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{_FOLDER_PREFIX}{os.getpid()}-") as folder:
        yield Path(folder)


@contextmanager
def _signals_set(event: asyncio.Event) -> Iterator[None]:
    """Ctrl-C and its like ask for an orderly end, once and for all."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, event.set)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.remove_signal_handler(number)
