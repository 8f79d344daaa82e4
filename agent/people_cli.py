"""`nearshelf-agent people …`: who works in the store. The agent may be running: what changes holds at once."""

import csv
import secrets
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final, NoReturn

import msgspec
import typer

from agent.config import Config
from agent.core.people import (
    LANGS,
    ROLES,
    Lang,
    Role,
    Worker,
    badge_of,
    badge_problem,
    id_problem,
    name_problem,
    pin_problem,
)
from agent.people import pepper
from agent.people.door import new_secret
from agent.people.file import PeopleError, PeopleFile
from agent.people.pepper import Pepper, PepperUnusable

_Config = Annotated[Path, typer.Argument(metavar="CONFIG", help="The store's TOML file.")]
_Id = Annotated[str, typer.Argument(metavar="ID", help="What the books call them for ever, such as w07.")]
_Name = Annotated[str | None, typer.Option(help="The name that is shown.")]
_Role = Annotated[str | None, typer.Option(help=f"One of {', '.join(ROLES)}.")]
_Lang = Annotated[str | None, typer.Option(help="Their pages' language, zh or en.")]
_People = Annotated[Path, typer.Argument(metavar="FILE", help="CSV: id,name,badge,pin,role,lang; UTF-8.")]
_NewBadge = Annotated[bool, typer.Option("--badge", help="Ask for another badge.")]
_NewPin = Annotated[bool, typer.Option("--pin", help="Ask for another PIN.")]

_COLUMNS: Final = ("id", "name", "badge", "pin", "role", "lang")
_PIN_DIGITS: Final = 6


def commands(load: Callable[[Path], Config]) -> typer.Typer:
    """The commands; `load` reads a configuration or ends the program."""
    app = typer.Typer(no_args_is_help=True, help="Who works in the store.")

    @app.command()
    def add(config: _Config, worker: _Id, name: _Name = None, role: _Role = "picker", lang: _Lang = "zh") -> None:
        """Add somebody. Their badge and PIN are asked for; an empty PIN makes one up and shows it."""
        with _opened(load(config)) as (file, known):
            typer.echo(
                _add(file, known, [worker, name or worker, _asked_badge(), _asked_pin(), role or "", lang or ""])
            )

    @app.command("list")
    def list_people(config: _Config) -> None:
        """Everybody who works here; `!` before those who must be given badge and PIN anew."""
        with _opened(load(config)) as (file, known):
            for kept in file.workers():
                worker, mark = kept.worker, " " if kept.secret.pepper == known.id else "!"
                typer.echo(f"{mark} {worker.id:<12} {worker.role:<8} {worker.lang} {worker.name}")

    @app.command()
    def change(
        config: _Config,
        worker: _Id,
        name: _Name = None,
        role: _Role = None,
        lang: _Lang = None,
        badge: _NewBadge = False,
        pin: _NewPin = False,
    ) -> None:
        """Change somebody. Another badge or PIN ends their sessions."""
        with _opened(load(config)) as (file, known):
            scanned, told = _asked_badge() if badge else None, _asked_pin() if pin else None
            problem = (name is not None and name_problem(name)) or (scanned is not None and badge_problem(scanned))
            problem = problem or (told is not None and pin_problem(told))
            if problem:
                _give_up(problem)
            secret = None if told is None else new_secret(known, told)
            new_role, new_lang = None if role is None else _role(role), None if lang is None else _lang(lang)

            def changed(now: Worker) -> Worker:
                return msgspec.structs.replace(
                    now, name=name or now.name, role=new_role or now.role, lang=new_lang or now.lang
                )

            now = file.change(worker, changed, None if scanned is None else known.badge(scanned), secret)
            typer.echo(f"{now.id} is {now.name}, {now.role}, {now.lang}")

    @app.command()
    def remove(config: _Config, worker: _Id) -> None:
        """Remove somebody who left: they are out at once, and of them only the id stays."""
        with _opened(load(config)) as (file, _):
            file.remove(worker)
            typer.echo(f"{worker} is removed")

    @app.command("import")
    def import_file(config: _Config, people: _People) -> None:
        """Add everybody of a file, or nobody when a line is wrong. An empty PIN makes one up and shows it."""
        with _opened(load(config)) as (file, known):
            lines = list(_lines(people))
            wrong = [f"{people}:{nth}: {problem}" for nth, line in lines if (problem := _problem(*line))]
            if wrong:
                _give_up("\n".join(wrong))
            for nth, line in lines:
                try:
                    typer.echo(_add(file, known, line))
                except PeopleError as error:
                    _give_up(f"{people}:{nth}: {error}; nobody from this line on was added")

    return app


@contextmanager
def _opened(config: Config) -> Iterator[tuple[PeopleFile, Pepper]]:
    """The file and the key of this machine; whatever goes wrong ends the program with what it is."""
    try:
        known = pepper.read_or_make(config.people.key)
        file = PeopleFile.open(config.people.file)
        try:
            yield file, known
        finally:
            file.close()
    except (PepperUnusable, PeopleError) as error:
        _give_up(str(error))
    except (sqlite3.Error, OSError) as error:
        _give_up(f"{config.people.file} cannot be used: {error}")


def _add(file: PeopleFile, known: Pepper, line: list[str]) -> str:
    """Add who a line describes, and say so. Raises PeopleError."""
    problem = _problem(*line)
    if problem:
        raise PeopleError(problem)
    worker, name, badge, pin, role, lang = line
    made_up = "" if pin else _made_up_pin()
    somebody = Worker(worker, name, _role(role), _lang(lang))
    file.add(somebody, known.badge(badge_of(badge)), new_secret(known, pin or made_up))
    return f"{worker} is added: {name}, {role}{f', PIN {made_up}' if made_up else ''}"


def _problem(worker: str, name: str, badge: str, pin: str, role: str, lang: str) -> str:
    """What is wrong with somebody who is to be added; empty when nothing is."""
    problems = {
        "id": id_problem(worker),
        "name": name_problem(name),
        "badge": badge_problem(badge_of(badge)),
        "pin": pin_problem(pin) if pin else "",
        "role": "" if role in ROLES else f"must be one of {', '.join(ROLES)}",
        "lang": "" if lang in LANGS else f"must be one of {', '.join(LANGS)}",
    }
    return "; ".join(f"{key} {problem}" for key, problem in problems.items() if problem)


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            rows = csv.DictReader(text)
            if tuple(rows.fieldnames or ()) != _COLUMNS:
                _give_up(f"{path}: the first line must be {','.join(_COLUMNS)}")
            for row in rows:
                yield rows.line_num, [(row[column] or "").strip() for column in _COLUMNS]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        _give_up(f"{path} cannot be read: {error}")


def _made_up_pin() -> str:
    while True:
        pin = f"{secrets.randbelow(10**_PIN_DIGITS):0{_PIN_DIGITS}}"
        if not pin_problem(pin):
            return pin


def _asked_badge() -> str:
    return badge_of(typer.prompt("Scan the badge"))


def _asked_pin() -> str:
    """Hidden where it is typed, and never in the shell's history."""
    told: str = typer.prompt("PIN (empty: make one up)", default="", hide_input=True, show_default=False)
    return told


def _role(text: str) -> Role:
    found = next((role for role in ROLES if role == text), None)
    return found or _give_up(f"role must be one of {', '.join(ROLES)}")


def _lang(text: str) -> Lang:
    found = next((lang for lang in LANGS if lang == text), None)
    return found or _give_up(f"lang must be one of {', '.join(LANGS)}")


def _give_up(why: str) -> NoReturn:
    typer.echo(why, err=True)
    sys.exit(2)
