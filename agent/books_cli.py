"""`nearshelf-agent books …`: look into the books, verify, copy and restore them; only for `restore` the agent stops."""

import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from agent import books_explain
from agent.clock import SystemClock
from agent.config import Config
from agent.core.places import is_claim, is_inside
from agent.store import archives, backups, opening, snapshots
from agent.store.errors import BooksError
from agent.store.verify import Tick, verify

_Config = Annotated[Path, typer.Argument(metavar="CONFIG", help="The store's TOML file.")]
_Sku = Annotated[str, typer.Argument(metavar="SKU")]
_Copy = Annotated[Path, typer.Argument(metavar="FILE", help="The copy.")]
_Recent = Annotated[bool, typer.Option("--recent", help="Only what followed the newest snapshot.")]
_Last = Annotated[int, typer.Option("--last", min=1, help="How many postings.")]

#: Exit codes as everywhere: 1 when the books are wrong, 2 when a person asked for what cannot be.
_WRONG = 1
_MISTAKE = 2


def commands(load: Callable[[Path], Config]) -> typer.Typer:
    """The commands; `load` reads a configuration or ends the program."""
    app = typer.Typer(no_args_is_help=True, help="The store's books.")
    books_explain.add_to(app, load)

    @app.callback()
    def about() -> None:
        """The store's books."""

    @app.command("verify")
    def verify_books(config: _Config, recent: _Recent = False) -> None:
        """Recompute everything and name what is wrong. Status 1 when something is."""
        _verify(_books(load(config)), recent=recent)

    @app.command()
    def stock(config: _Config, sku: _Sku) -> None:
        """What the books have of a SKU, by place."""
        _stock(_books(load(config)), sku)

    @app.command()
    def ledger(config: _Config, sku: _Sku, last: _Last = 50) -> None:
        """A SKU's last postings, the newest last."""
        _ledger(_books(load(config)), sku, last)

    @app.command()
    def backup(config: _Config, file: _Copy) -> None:
        """Copy the books to FILE and verify the copy. The agent may be running."""
        books = _books(load(config))
        try:
            with _bars() as tick:
                backups.make(books, file, tick)
        except backups.BackupFailedError as error:
            _give_up(f"no copy was made: {error}", _WRONG)
        typer.echo(f"{file}: {file.stat().st_size} bytes, verified")

    @app.command()
    def restore(config: _Config, file: _Copy) -> None:
        """Put the copy FILE in place of the books, in a new epoch; those are kept aside. The agent must be stopped."""
        settings = load(config)
        if not file.is_file():
            _give_up(f"{file} is not there", _MISTAKE)
        try:
            done = opening.restore(settings.books, file, SystemClock().now_ms())
        except BooksError as error:
            _give_up(str(error), _MISTAKE)
        typer.echo(
            f"{settings.books}: restored from {file} as epoch {done.epoch}, {done.rows} rows to tell HQ; "
            f"the books before are in {done.aside}. Start the agent: HQ takes the new epoch by itself."
        )

    return app


def _verify(books: Path, *, recent: bool) -> None:
    with _bars() as tick:
        report = verify(books, tick, recent=recent)
    for name in report.absent:
        typer.echo(f"{name}: not here, not looked at", err=True)
    for finding in report.findings:
        typer.echo(str(finding), err=True)
    what = f"store {report.store}, epoch {report.epoch}, head {report.head}: {report.postings} postings"
    if report.archived:
        what += f" and {report.archived} archived ones"
    if report.findings:
        _give_up(f"{books}: WRONG. {what}", _WRONG)
    typer.echo(f"{books}: right. {what}")


def _stock(books: Path, sku: str) -> None:
    with _reading(books) as db:
        rows = db.execute("SELECT place, qty FROM balance WHERE sku = ? AND qty <> 0 ORDER BY place", (sku,)).fetchall()
    on_hand = sum(qty for place, qty in rows if is_inside(place))
    typer.echo(f"{sku}: {on_hand} on hand")
    for title, wanted in (("places", False), ("claims", True)):
        family = [(place, qty) for place, qty in rows if is_claim(place) is wanted]
        if family:
            typer.echo(f"  {title}")
        for place, qty in family:
            typer.echo(f"    {place:<24} {qty:>8}")


def _ledger(books: Path, sku: str, last: int) -> None:
    with _reading(books) as db:
        rows = db.execute(
            "SELECT seq, at, code, origin, target, qty, on_hand, source FROM posting WHERE sku = ?"
            " ORDER BY seq DESC LIMIT ?",
            (sku, last),
        ).fetchall()
        kept = archives.kept(db)
    for seq, at, code, origin, target, qty, on_hand, source in reversed(rows):
        when = datetime.fromtimestamp(at / 1000).astimezone().isoformat(" ", "seconds")
        typer.echo(f"{seq:>9}  {when}  {code:<8} {qty:>6}  {origin} -> {target}  on hand {on_hand}  {source}")
    if kept:
        typer.echo(f"older postings are in {', '.join(archive.file for archive in kept)}", err=True)


def _books(config: Config) -> Path:
    if not config.books.exists():
        _give_up(f"{config.books} is not there: no agent has run yet", _MISTAKE)
    return config.books


@contextmanager
def _reading(books: Path) -> Iterator[sqlite3.Connection]:
    db = snapshots.reader(books)
    try:
        yield db
    except sqlite3.DatabaseError as error:
        _give_up(f"{books} cannot be read: {error}", _WRONG)
    finally:
        db.close()


@contextmanager
def _bars() -> Iterator[Tick]:
    """A bar for each thing that is looked at; nothing is drawn where nobody looks (no terminal)."""
    from rich.console import Console  # only here: the daemon needs neither rich nor its memory
    from rich.progress import Progress, TaskID

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        bars: dict[str, TaskID] = {}

        def tick(what: str, done: int, of: int) -> None:
            if what not in bars:
                bars[what] = progress.add_task(what, total=of)
            progress.update(bars[what], completed=done, total=of)

        yield tick


def _give_up(why: str, code: int) -> NoReturn:
    typer.echo(why, err=True)
    sys.exit(code)
