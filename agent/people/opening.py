"""How the door is opened at the start. What is wrong with it keeps people out, and is told; it never stops the shop."""

import secrets
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

from agent.core.people import Shift
from agent.people import pepper
from agent.people.door import Door
from agent.people.file import PeopleError
from agent.people.pepper import Pepper, PepperUnusable

log = structlog.get_logger()

_LOG_FILES: Final = ("-wal", "-shm")


def open_door(file: Path, key: Path, now_ms: Callable[[], int], shift: Shift) -> Door:
    """The door, with the people of `file` and the key of this machine.

    Without a usable key nobody gets in; a damaged file is put aside and a new one begun. Raises PeopleError when the
    file is a newer program's, or there cannot be one at all.
    """
    trouble = ""
    try:
        known = pepper.read_or_make(key)
    except PepperUnusable as error:
        trouble, known = str(error), Pepper(secrets.token_bytes(32))
        log.error("people_key_unusable", why=trouble)
    try:
        return Door(file, known, now_ms, shift, trouble)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):  # the disk's fault, not the file's
            raise PeopleError(f"{file} cannot be used: {error}") from error
        aside = _put_aside(file)
        log.error("people_damaged", aside=aside.name, why=str(error))
        return Door(file, known, now_ms, shift, f"the file of people was damaged and is {aside.name} now: {error}")


def _put_aside(file: Path) -> Path:
    aside = next(name for nth in range(1, 1000) if not (name := file.with_name(f"{file.name}.damaged-{nth}")).exists())
    for suffix in _LOG_FILES:
        file.with_name(file.name + suffix).unlink(missing_ok=True)
    return file.replace(aside)
