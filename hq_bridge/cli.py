"""`nearshelf-hq`: run HQ, or check its configuration."""

import asyncio
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from hq_bridge import certs_cli
from hq_bridge.config import Config, ConfigMistakes, load
from hq_bridge.refusals import DatabaseLost, DatabaseRefused

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="HQ's end of the line: what every store has, and how old that is."
)
app.add_typer(certs_cli.app, name="certs")

File = Annotated[Path, typer.Argument(help="HQ's TOML file.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"nearshelf-hq {version('nearshelf')}")
        raise typer.Exit


@app.callback()
def hq(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Say which version this is.")
    ] = False,
) -> None:
    """HQ's end of the line."""


@app.command()
def check(file: File) -> None:
    """Say whether FILE can be used; every mistake at once. Connects to nothing."""
    config = _load(file)
    typer.echo(f"{file}: chain {config.chain}, broker {config.broker}, database {config.database.render_as_string()}")


@app.command()
def run(file: File) -> None:
    """Run HQ until SIGTERM or Ctrl-C."""
    from hq_bridge.__main__ import main  # `check` needs none of it

    config = _load(file)
    try:
        asyncio.run(main(config))
    except (DatabaseRefused, OSError) as error:
        typer.echo(f"nearshelf-hq cannot start: {error}", err=True)
        raise typer.Exit(1) from error
    except ExceptionGroup as group:
        lost, others = group.split(DatabaseLost)
        if lost is None or others is not None:
            raise
        typer.echo(f"nearshelf-hq ends, and must be started anew: {lost.exceptions[0]}", err=True)
        raise typer.Exit(1) from group


def _load(file: Path) -> Config:
    try:
        return load(file)
    except ConfigMistakes as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
