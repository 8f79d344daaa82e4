"""Cases: what a person must look at. Every case has an owner and a due time; none is silent."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, NamedTuple

from agent.core import life
from agent.core.life import CaseState

#: Who has a case that its owner did not resolve in its time.
ESCALATED_TO: Final = "manager"


@dataclass(frozen=True, slots=True)
class Kind:
    """What one kind of case asks for: `owner` is a role, `due_s` the seconds until it is late, `hint` what to do.

    `by_hand`: a person says when it is done; others close themselves when what they say is over.
    """

    owner: str
    due_s: int
    hint: str
    by_hand: bool = False


KINDS: Final = MappingProxyType(
    {
        "unknown_barcode": Kind(
            "store_lead",
            4 * 3600,
            "Add the GTIN to the catalogue, reload the agent, then scan the goods again.",
            by_hand=True,
        ),
        "refused_sale": Kind(
            "store_lead",
            4 * 3600,
            "Correct what is named (most often: add the GTIN to the catalogue), then send the same receipt again; "
            "nothing of it is posted yet.",
            by_hand=True,
        ),
        "alien_tag": Kind(
            "store_lead",
            24 * 3600,
            "The tag was in no delivery. Find the goods; announce the delivery or remove them.",
            by_hand=True,
        ),
        "unencoded_tag": Kind(
            "store_lead",
            24 * 3600,
            "The tag names no item (blank or foreign). Encode it or take it off the goods.",
            by_hand=True,
        ),
        "sold_tag_seen": Kind(
            "store_lead",
            3600,
            "A tag that was sold is still read or was sold again: a return, or a unit left behind.",
            by_hand=True,
        ),
        "missing_tag": Kind(
            "store_lead",
            24 * 3600,
            "A tagged unit that nobody bought is no longer heard, and was written off. Look for it; heard again, it is "
            "back in the books.",
        ),
        "zone_silent": Kind(
            "store_lead",
            4 * 3600,
            "Many tags of a place fell silent at once: an antenna is dead or covered, or goods left. Nothing was "
            "written off. Look at the reader, then at the goods.",
        ),
        "unpaid_at_exit": Kind(
            "store_lead", 600, "A tagged unit that no till has sold was heard at the exit. Look who carries it."
        ),
        "breach": Kind(
            "store_lead", 600, "More is promised than is there. Route the named orders elsewhere or offer a substitute."
        ),
        "late_order": Kind(
            "store_lead", 600, "An order waits longer than its step may take. See whose turn it is, and help."
        ),
        "recount": Kind(
            "store_lead",
            4 * 3600,
            "What was counted cannot be booked like that. Another person makes the named count, or a manager decides.",
        ),
        "forged_command": Kind(
            "store_lead",
            4 * 3600,
            "Somebody sends commands that HQ did not sign. They change nothing; tell whoever runs the broker.",
            by_hand=True,
        ),
        "pin_guessing": Kind(
            "store_lead",
            3600,
            "Somebody enters wrong PINs again and again. Find out who; if a badge is lost, give its worker another.",
            by_hand=True,
        ),
        "people_shut_out": Kind(
            "store_lead",
            3600,
            "People cannot sign in: their badges and PINs were made with a key that is not on this machine. Bring that "
            "key back, or set their badge and PIN anew (nearshelf-agent people change).",
        ),
        "clock_wrong": Kind(
            "store_lead",
            4 * 3600,
            "This machine's clock is behind. Set it, or let it find its time server. Until then what is entered bears "
            "a wrong time; nothing is lost or ends early.",
        ),
        "certificate_ends": Kind(
            "store_lead",
            7 * 24 * 3600,
            "The store's certificate, for the line to HQ or for its pages, is about to end, or has. Have HQ issue a "
            "new one and copy it to this machine; nothing needs a restart.",
        ),
        "waste_or_markdown": Kind(
            "store_lead",
            24 * 3600,
            "Damaged or expired goods lie in quarantine. Waste them or mark them down.",
            by_hand=True,
        ),
        "price_rule": Kind(
            "store_lead",
            3600,
            "The customer gets a substitute. Decide by the price rule what is charged before it is handed over.",
            by_hand=True,
        ),
        "price_difference": Kind(
            "store_lead",
            3600,
            "The goods weigh other than ordered. Charge what was weighed; if nothing was taken, weigh again.",
            by_hand=True,
        ),
        "wrong_price": Kind(
            "store_lead",
            3600,
            "The label at the shelf says another price than the till. Correct the label or the price.",
            by_hand=True,
        ),
        "put_back": Kind(
            "store_lead",
            1800,
            "Goods that were pulled are not wanted any more. Bring the named units back to their place and scan them.",
        ),
        "books_restored": Kind(
            "store_lead",
            4 * 3600,
            "The books were damaged and a copy went on in their place. Count what was sold or received since the copy; "
            "have the disk looked at.",
            by_hand=True,
        ),
        "disk_full": Kind(
            "store_lead", 3600, "The disk has no room: soon nothing can be sold or received. Remove what is not needed."
        ),
        "backup_failed": Kind(
            "store_lead", 24 * 3600, "Today's copy of the books was not made. Have the disk and the log looked at."
        ),
        "paused": Kind(
            "store_lead", 3600, "Nothing is promised from this store. Let it go on as soon as the reason is over."
        ),
        "books_wrong": Kind(
            "store_lead",
            4 * 3600,
            "Something in the books is not what was entered. Have the disk and the log looked at, then start the agent "
            "anew: damage the start sees is mended from the newest copy.",
        ),
        "negative_stock": Kind(
            "store_lead", 3600, "More was sold than the books had there. Count the item; a missed delivery is likely."
        ),
    }
)

#: More open cases of one kind than this are one case about OTHERS: a flood must not bury the rest.
MOST_OPEN_OF_A_KIND = 200
OTHERS = "and others"
#: What a case keeps of its subject and its cause, in characters.
LONGEST_ABOUT = 128
LONGEST_DETAIL = 4096


@dataclass(frozen=True, slots=True)
class Case:
    """A case file. `id` is the number of the announcement that opened it; times are unix milliseconds.

    `late`: its time was up before it was resolved, and it was handed on.
    """

    id: int
    kind: str
    about: str
    opened_at: int
    due_at: int
    last_at: int
    times: int
    detail: str
    late: bool = False

    @property
    def owner(self) -> str:
        return ESCALATED_TO if self.late else KINDS[self.kind].owner


class CaseChange(NamedTuple):
    """A case was opened, came up again, was handed on, or was resolved. Only `seq` not None is announced."""

    seq: int | None
    case: Case
    state: CaseState
    resolution: str


class CasesNow:
    """Cases as of a turn. `changes` are what it makes of them; what is announced of those gets the number given."""

    def __init__(self, before: Mapping[tuple[str, str], Case], at: int) -> None:
        self.changes: list[CaseChange] = []
        self._before = before
        self._at = at
        self._now: dict[tuple[str, str], Case | None] = {}

    def find(self, kind: str, about: str) -> Case | None:
        """The open case of this kind about this, if there is one."""
        key = (kind, about)
        return self._now[key] if key in self._now else self._before.get(key)

    def numbered(self, number: int) -> Case | None:
        """The open case with this number, if there is one."""
        now = {**self._before, **self._now}
        return next((case for case in now.values() if case is not None and case.id == number), None)

    def open(self, seq: int, kind: str, about: str, detail: str, *, tell: bool) -> bool:
        """Open a case as number `seq`, or note that an open one came up again; is it announced?"""
        about, detail = about[:LONGEST_ABOUT], detail[:LONGEST_DETAIL]
        found = self.find(kind, about)
        if found is None and self._count_open(kind) >= MOST_OPEN_OF_A_KIND:
            about = OTHERS
            found = self.find(kind, about)
        if found is not None:
            again = replace(found, last_at=self._at, times=found.times + 1, detail=detail)
            self._keep(seq if tell else None, again, life.advance(life.CASE, "open", "again"))
            return tell
        due_at = self._at + KINDS[kind].due_s * 1000
        self._keep(seq, Case(seq, kind, about, self._at, due_at, self._at, 1, detail), life.CASE.begins[0])
        return True

    def resolve(self, seq: int, kind: str, about: str, resolution: str) -> bool:
        """Close a case if it is open; `resolution` says in a word how."""
        found = self.find(kind, about)
        if found is not None:
            state = life.advance(life.CASE, "open", "resolve")
            self._keep(seq, replace(found, last_at=self._at), state, resolution)
        return found is not None

    def escalate(self, seq: int, kind: str, about: str) -> bool:
        """Hand on a case whose time is up; once."""
        found = self.find(kind, about)
        if found is None or found.late or found.due_at > self._at:
            return False
        self._keep(seq, replace(found, late=True), life.advance(life.CASE, "open", "escalate"))
        return True

    def _keep(self, seq: int | None, case: Case, state: CaseState, resolution: str = "") -> None:
        self._now[case.kind, case.about] = case if state == "open" else None
        self.changes.append(CaseChange(seq, case, state, resolution))

    def _count_open(self, kind: str) -> int:
        before = sum(1 for key in self._before if key[0] == kind and key not in self._now)
        return before + sum(1 for key, case in self._now.items() if key[0] == kind and case is not None)
