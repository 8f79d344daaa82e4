"""Cases: what a person must look at. Every case has an owner and a due time; none is silent."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

from agent.core.life import CaseState


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
    """A case file. `id` is the number of the announcement that opened it; times are unix milliseconds."""

    id: int
    kind: str
    about: str
    opened_at: int
    due_at: int
    last_at: int
    times: int
    detail: str

    @property
    def owner(self) -> str:
        return KINDS[self.kind].owner


class CaseChange(NamedTuple):
    """A case was opened, came up again, or was resolved. Only `seq` not None is announced."""

    seq: int | None
    case: Case
    state: CaseState
    resolution: str
