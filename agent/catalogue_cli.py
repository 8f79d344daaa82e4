"""`nearshelf-agent catalogue …`: what the store sells, from a file into the books."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from agent import catalogue_import
from agent.catalogue_file import BadCatalogueError, Progress, listed
from agent.catalogue_import import Imported
from agent.clock import SystemClock
from agent.config import Config
from agent.store import books as rows
from agent.store.connection import Store
from agent.store.errors import BooksError, BooksLostError

_Config = Annotated[Path, typer.Argument(metavar="CONFIG", help="The store's TOML file.")]
_File = Annotated[Path, typer.Argument(metavar="FILE", help="The catalogue: .csv or .json, UTF-8.")]
_Whole = Annotated[bool, typer.Option("--whole", help="FILE is all there is: retire every SKU it does not name.")]
_SkipBad = Annotated[bool, typer.Option("--skip-bad", help="Leave bad lines out, and say which.")]


def commands(load: Callable[[Path], Config]) -> typer.Typer:
    """The commands; `load` reads a configuration or ends the program."""
    app = typer.Typer(no_args_is_help=True, help="What the store sells.")

    @app.callback()
    def about() -> None:
        """What the store sells."""

    @app.command("import")
    def import_file(config: _Config, file: _File, whole: _Whole = False, skip_bad: _SkipBad = False) -> None:
        """Bring a catalogue file into the books. The agent must not be running; nothing comes in if a line is bad."""
        settings = load(config)
        try:
            imported = _with_a_bar(
                lambda progress: asyncio.run(_import(settings, file, whole, skip_bad, progress)), file.name
            )
        except (BadCatalogueError, BooksError) as error:
            typer.echo(str(error), err=True)
            sys.exit(1 if isinstance(error, BooksLostError) else 2)
        if imported.skipped:
            typer.echo(f"skipped, their SKUs are as they were: {listed(file, list(imported.skipped))}", err=True)
        typer.echo(
            f"{file}: {imported.added} added, {imported.changed} changed, {imported.retired} retired,"
            f" {imported.deleted} deleted; {len(imported.catalogue.skus)} SKUs in the books of {settings.store}"
        )

    return app


async def _import(config: Config, file: Path, whole: bool, skip_bad: bool, progress: Progress) -> Imported:
    async with await Store.open(config.books) as store:
        await store.write(lambda tx: rows.found(tx, config.store, SystemClock().now_ms()))
        return await store.write(
            lambda tx: catalogue_import.bring_in(tx, file, whole=whole, skip_bad=skip_bad, progress=progress)
        )


def _with_a_bar(work: Callable[[Progress], Imported], what: str) -> Imported:
    """Do the work under a bar; nothing is drawn where nobody looks (no terminal)."""
    from rich.console import Console  # only here: the daemon needs neither rich nor its memory
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    with Bars(console=console, transient=True, disable=not console.is_terminal) as bars:
        bar = bars.add_task(f"reading {what}", total=None)
        return work(lambda done, of: bars.update(bar, completed=done, total=of))
