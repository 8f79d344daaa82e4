"""`nearshelf-agent doctor` and `nearshelf-agent devices`: what is wrong with devices, and which there are."""

import asyncio
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv4Network
from pathlib import Path
from typing import Annotated, Final

import msgspec
import structlog
import typer

from agent import discovery, doctor
from agent.clock import SystemClock
from agent.config import Config
from agent.doctor_words import Language, Words
from agent.web.words import device_words

_File = Annotated[Path, typer.Argument(metavar="FILE", help="The store's TOML file.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

#: Exit codes: a device needs somebody; the configuration does.
_WRONG: Final = 1
_MISTAKE: Final = 2
_MARKS: Final = {"well": "  ok   ", "look": "  look ", "wrong": "  !!   "}


def add_doctor(app: typer.Typer, load: Callable[[Path], Config]) -> None:
    """Give the command line its `doctor`; `load` reads a configuration, its devices' settings unchecked."""

    @app.command("doctor")
    def examine(
        file: _File,
        seconds: Annotated[float, typer.Option(min=0, max=600, help="How long to listen to each device.")] = 5.0,
        lang: Annotated[
            Language | None, typer.Option(help="The language; left out: that of the locale.", show_default=False)
        ] = None,
        json: _Json = False,
    ) -> None:
        """Say what is wrong with each device, and what to do. Books nothing.

        Asks the agent if it runs; if not, connects to each device as the agent would, and listens. The exit status is 0
        when all is well, 1 when a device needs somebody, 2 when the configuration does.
        """
        config = load(file)
        _log_aside()
        words = device_words(lang or of_locale(os.environ))
        found = asyncio.run(doctor.examine(config, seconds, SystemClock(), words))
        if json:
            typer.echo(msgspec.json.format(msgspec.json.encode(doctor.as_json(found))).decode())
        else:
            _tell(found, words)
        troubles = {one.trouble for each in found for one in each.findings if one.level == "wrong"}
        sys.exit(_MISTAKE if "settings" in troubles else _WRONG if troubles else 0)


def commands(load: Callable[[Path], Config]) -> typer.Typer:
    """The commands under `nearshelf-agent devices`."""
    app = typer.Typer(no_args_is_help=True, help="The devices that are here.")

    @app.callback()
    def about() -> None: ...

    @app.command()
    def scan(
        file: Annotated[
            Path | None, typer.Argument(metavar="[FILE]", help="The store's TOML file: what it has is left alone.")
        ] = None,
        seconds: Annotated[float, typer.Option(min=0.1, max=60, help="How long to wait for answers.")] = 3.0,
        network: Annotated[
            list[str] | None, typer.Option(help="Ask every host of this network, such as 192.168.1.0/24.")
        ] = None,
        json: _Json = False,
    ) -> None:
        """Look for readers on the network, serial ports and scanners, and print the TOML that would configure them.

        Takes no reader from whoever uses it, writes to no serial port, changes nothing. Without --network, the networks
        this machine is in are asked, if they have at most 1024 addresses.
        """
        try:
            named = [IPv4Network(one, strict=False) for one in network or ()]
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error
        devices = load(file).devices if file else ()
        where = discovery.where_to_look(seconds, named, devices, discovery.own_interfaces())
        asked = ", ".join(map(str, where.networks)) or "no network"
        typer.echo(f"# Looking for {seconds:g} s and more: {asked}, serial ports …", err=True)
        _log_aside()
        scanned = asyncio.run(discovery.scan(where))
        for why in scanned.failed:
            typer.echo(f"# could not look: {why}", err=True)
        if json:
            typer.echo(msgspec.json.format(msgspec.json.encode(scanned.found)).decode())
        else:
            typer.echo(discovery.proposal(scanned.found, devices) or "# Nothing was found.")

    return app


def of_locale(environment: Mapping[str, str]) -> Language:
    """The language that programs are told to speak here (POSIX: the first that is set counts)."""
    told = (environment.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return "zh" if next(filter(None, told), "").startswith("zh") else "en"


def _tell(found: Sequence[doctor.Diagnosis], words: Words) -> None:
    for device in found:
        typer.echo(f"{device.name} ({device.kind})")
        for one in device.findings:
            typer.echo(f"{_MARKS[one.level]}{one.what}{f'  [{one.trouble}]' if one.trouble else ''}")
            if one.do and one.level != "well":
                typer.echo(f"       → {one.do}")
    wrong = sum(device.level == "wrong" for device in found)
    look = sum(device.level == "look" for device in found)
    well = len(found) - wrong - look
    typer.echo(words.say("tally", devices=len(found), well=well, look=look, wrong=wrong))


def _log_aside() -> None:
    """What drivers note goes to stderr, beside the answer."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
