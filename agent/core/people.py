"""Who works in the store: workers, what each role may, and what an id, a name, a badge and a PIN must be."""

import re
from typing import Final, Literal, get_args

from msgspec import Struct

Role = Literal["picker", "lead", "manager"]
Lang = Literal["zh", "en"]

#: Each role may what those before it may.
ROLES: Final[tuple[Role, ...]] = get_args(Role)
LANGS: Final[tuple[Lang, ...]] = get_args(Lang)

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_PIN = re.compile(r"[0-9]{4,12}")
LONGEST_NAME: Final = 40
_BADGE: Final = (4, 64)
_RISING: Final = "01234567890"


class Worker(Struct, frozen=True):
    """One who works here. `id` is what the ledger's `by` says for ever: it is never given to somebody else.

    `turn` counts up whenever badge or PIN become others: sessions of an earlier one are over.
    """

    id: str
    name: str
    role: Role
    lang: Lang
    turn: int = 1


class Shift(Struct, frozen=True):
    """How long a session lasts without a request, and at most; seconds of the books' time."""

    idle_s: int = 3600
    longest_s: int = 12 * 3600


def may(worker: Worker, role: Role) -> bool:
    """May this worker do what needs `role`?"""
    return ROLES.index(worker.role) >= ROLES.index(role)


def may_change(by: Worker, role: Role) -> bool:
    """May `by` add or change somebody of this role? A manager anybody, a lead pickers."""
    return by.role == "manager" or (by.role == "lead" and role == "picker")


def id_problem(worker: str) -> str:
    """What is wrong with an id; empty when nothing is."""
    return "" if _ID.fullmatch(worker) else "must be 1 to 32 of a-z 0-9 -, such as w07"


def name_problem(name: str) -> str:
    """What is wrong with the name that is shown."""
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable() or name != name.strip():
        return f"must be 1 to {LONGEST_NAME} printable characters"
    return ""


def badge_of(scanned: str) -> str:
    """A badge as the scanner typed it, without what a wedge puts around it."""
    return scanned.strip(" \t\r\n")


def badge_problem(badge: str) -> str:
    """What is wrong with a badge's text."""
    least, most = _BADGE
    if not least <= len(badge) <= most or not (badge.isascii() and badge.isprintable()):
        return f"must be {least} to {most} plain characters, as the scanner reads them"
    return ""


def pin_problem(pin: str) -> str:
    """What is wrong with a PIN: those that are tried first are refused."""
    if _PIN.fullmatch(pin) is None:
        return "must be 4 to 12 digits"
    if len(set(pin)) == 1 or pin in _RISING or pin in _RISING[::-1]:
        return "must not be one digit again and again, nor digits in a row"
    return ""
