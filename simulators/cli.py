"""`nearshelf-sim`: a shop that isn't there."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

_HEADLESS_S = 30.0


@app.callback()
def about() -> None:
    """Simulated stores for trying out and testing Nearshelf."""


@app.command()
def demo(
    seconds: Annotated[
        float | None, typer.Option(help="Stop after this time, with a verdict; without: until Ctrl-C.", min=1)
    ] = None,
    headless: Annotated[bool, typer.Option("--headless", help="No table; 30 seconds unless told otherwise.")] = False,
    stores: Annotated[int, typer.Option(help="How many stores.", min=1, max=50)] = 3,
    seed: Annotated[int, typer.Option(help="The same seed makes the same shops.")] = 7,
    mqtt: Annotated[Literal["5", "3.1.1"], typer.Option(help="The MQTT version that stores and HQ speak.")] = "5",
    broker: Annotated[
        str | None, typer.Option(help="A running broker such as mqtt://127.0.0.1:1883; without: one of the demo's own.")
    ] = None,
    thief: Annotated[
        bool, typer.Option("--thief", help="Steal one unit at the end: the verdict must find it.")
    ] = False,
    careless: Annotated[
        bool, typer.Option("--careless", help="Pickers report what they do not do: the verdict must name the orders.")
    ] = False,
    lost: Annotated[bool, typer.Option("--lost", help="Lose an order on its way: the verdict must name it.")] = False,
    folder: Annotated[
        Path | None, typer.Option(help="A new folder for databases and logs, which stays; without: a temporary one.")
    ] = None,
) -> None:
    """A chain with its HQ on this machine: real agents, simulated devices, people and tills."""
    from simulators.demo import Plan, run  # slow to import, and not needed for --help
    from simulators.programs import ProgramFailed

    if folder is not None and folder.exists():
        raise typer.BadParameter(f"{folder} is there already", param_hint="--folder")
    if headless and seconds is None:
        seconds = _HEADLESS_S
    console, status = Console(soft_wrap=True), 1
    try:
        plan = Plan(stores, seed, seconds, mqtt, broker, headless, thief, careless, lost, folder)
        status = asyncio.run(run(plan, console))
    except* ProgramFailed as failed:
        for failure in _each(failed):
            console.print(str(failure), markup=False)
    raise typer.Exit(status)


@app.command()
def scanner(
    link: Annotated[Path, typer.Argument(help="Where the scanner's port shall appear, such as ./scanner.")],
) -> None:
    """A serial scanner in ACK/NAK mode: each line you type is one scan."""
    asyncio.run(_type_scans(link, Console()))


@app.command()
def reader(
    tags: Annotated[int, typer.Option(help="How many tags lie before each of two antennas.", min=0)] = 20,
    port: Annotated[int, typer.Option(help="The TCP port; 0 is any.", min=0, max=65535)] = 0,
) -> None:
    """An RFID reader that speaks LLRP."""
    asyncio.run(_read_tags(tags, port, Console()))


@app.command()
def module(
    kind: Annotated[str, typer.Argument(help="r200, uhfreader or thingmagic.")],
    link: Annotated[Path, typer.Argument(help="Where the module's port shall appear, such as ./module.")],
    tags: Annotated[int, typer.Option(help="How many tags lie before its antenna.", min=0)] = 20,
) -> None:
    """A serial RFID module that speaks what the driver of this kind does."""
    asyncio.run(_read_tags_serially(kind, link, tags, Console()))


def _each(group: BaseExceptionGroup[Exception]) -> Iterator[Exception]:
    for inner in group.exceptions:
        if isinstance(inner, BaseExceptionGroup):
            yield from _each(inner)
        else:
            yield inner


async def _type_scans(link: Path, console: Console) -> None:
    from simulators.serial_scanner import NoAnswer, SerialScanner

    lines: asyncio.Queue[str] = asyncio.Queue()
    asyncio.get_running_loop().add_reader(sys.stdin, lambda: lines.put_nowait(sys.stdin.readline()))
    device = SerialScanner(link)
    device.plug()
    console.print(f"the scanner's port is {link}; type barcodes, end with Ctrl-D")
    try:
        while line := await lines.get():
            try:
                console.print("ACK" if await device.scan(line.strip()) else "NAK")
            except NoAnswer as trouble:
                console.print(str(trouble))
    finally:
        device.unplug()


async def _read_tags(tags: int, port: int, console: Console) -> None:
    from simulators.goods import range_of_goods, sgtin_96
    from simulators.llrp_reader import SimulatedReader

    device = SimulatedReader()
    for product, antenna in zip(range_of_goods(), (1, 2), strict=False):
        for serial in range(1, tags + 1):
            device.place(sgtin_96(product.gtin, product.company_digits, serial), antenna)
    console.print(f"the reader's address is {await device.start(port=port)}; end with Ctrl-C")
    try:
        await asyncio.Event().wait()
    finally:
        await device.stop()


async def _read_tags_serially(kind: str, link: Path, tags: int, console: Console) -> None:
    from simulators.goods import range_of_goods, sgtin_96
    from simulators.r200_module import R200Module
    from simulators.thingmagic_module import ThingMagicModule
    from simulators.uhfreader import SimulatedUhfReader

    kinds = {"r200": R200Module, "uhfreader": SimulatedUhfReader, "thingmagic": ThingMagicModule}
    if kind not in kinds:
        raise typer.BadParameter(f"{kind!r} is none of {', '.join(kinds)}")
    device = kinds[kind](link)
    product = next(iter(range_of_goods()))
    for serial in range(1, tags + 1):
        device.place(sgtin_96(product.gtin, product.company_digits, serial))
    device.plug()
    console.print(f"the module's port is {link}; end with Ctrl-C")
    try:
        await asyncio.Event().wait()
    finally:
        await device.stop()
