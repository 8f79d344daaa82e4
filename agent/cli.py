"""`nearshelf-agent`: the command line of the store's daemon."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from agent import books_cli, catalogue_cli, catalogue_import, devices_cli, map_file, people_cli
from agent.catalogue_file import BadCatalogueError
from agent.config import Config, ConfigMistakes, load
from agent.core.channels import Channel
from agent.devices import open_devices
from agent.map_file import BadMapError
from agent.people.file import PeopleError
from agent.store.errors import BooksError, BooksLostError

#: Exit codes: what a person must correct is 2; what a new start may cure is 1.
_MISTAKE = 2
_FAILED = 1

_File = Annotated[Path, typer.Argument(metavar="FILE", help="The store's TOML file.")]


def command_line(serve: Callable[[Config], Awaitable[None]]) -> typer.Typer:
    """The commands; `serve` is what `run` runs."""
    app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

    @app.callback(invoke_without_command=True)
    def about(show: Annotated[bool, typer.Option("--version", help="Show the version.")] = False) -> None:
        """Nearshelf's agent: a store's devices, books and line to HQ."""
        if show:
            typer.echo(version("nearshelf"))
            raise typer.Exit

    @app.command()
    def check(file: _File) -> None:
        """Say everything that is wrong with a configuration. Connects to nothing."""
        config = _load(file)
        try:
            skus = catalogue_import.check(config.catalogue).skus if config.catalogue else {}
            spots = map_file.read(config.map).spots if config.map else None
        except (BadCatalogueError, BadMapError) as error:
            _give_up(str(error), _MISTAKE)
        typer.echo(f"{file}: good: store {config.store}, {len(config.devices)} devices, {len(skus)} SKUs")
        if spots is not None:
            absent = sorted({code for sku in skus.values() for code in sku.spots} - spots.keys())
            more = f"; of the catalogue's not on it: {', '.join(absent[:20])}" if absent else ""
            typer.echo(f"  map: {len(spots)} spots{more}")
        for channel in config.channels.values():
            typer.echo(f"  {_told(channel)}")
            absent = sorted(channel.quota.keys() - skus.keys()) if config.catalogue else []
            if absent:
                typer.echo(f"  its quota names what is not in the catalogue: {', '.join(absent)}", err=True)

    @app.command()
    def run(file: _File) -> None:
        """Run the store until told to stop (SIGTERM, Ctrl-C)."""
        config = _load(file)
        try:
            asyncio.run(_serve(serve, config))
        except (BadCatalogueError, BadMapError, BooksError, PeopleError) as error:
            _give_up(str(error), _FAILED if isinstance(error, BooksLostError) else _MISTAKE)
        except OSError as error:
            where = error.filename or f"{config.web_host}:{config.web_port}"
            _give_up(f"{where} cannot be used: {error.strerror}", _MISTAKE)

    devices_cli.add_doctor(app, _load_unchecked)
    app.add_typer(devices_cli.commands(_load_unchecked), name="devices")
    app.add_typer(books_cli.commands(_load), name="books")
    app.add_typer(catalogue_cli.commands(_load), name="catalogue")
    app.add_typer(people_cli.commands(_load_unchecked), name="people")
    return app


async def _serve(serve: Callable[[Config], Awaitable[None]], config: Config) -> None:
    try:
        await serve(config)
    except* BooksError as group:
        raise _first(group) from group


def _first(group: BaseExceptionGroup[Any]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _load(file: Path) -> Config:
    """The configuration with its devices' settings checked, or the end of the program with every mistake."""
    mistakes: list[str] = []
    config: Config | None = None
    try:
        config = load(file)
    except ConfigMistakes as error:
        mistakes = error.mistakes
        config = error.config
    if config is not None:
        mistakes += open_devices(config.devices)[1]
    if mistakes or config is None:
        _give_up(str(ConfigMistakes(file, mistakes)), _MISTAKE)
    return config


def _load_unchecked(file: Path) -> Config:
    """The configuration; what is wrong with its devices' settings is left to the caller."""
    try:
        return load(file)
    except ConfigMistakes as error:
        _give_up(str(error), _MISTAKE)


def _told(channel: Channel) -> str:
    margin = channel.margin
    return (
        f"channel {channel.name}: holds live {channel.hold_s // 60} min, quota for {len(channel.quota)} SKUs,"
        f" leaves {margin.sure} sure, {margin.fair} fair, {margin.unsure} unsure"
        f"{', sold in the store itself' if channel.local else ''}"
    )


def _give_up(why: str, code: int) -> NoReturn:
    typer.echo(why, err=True)
    sys.exit(code)
