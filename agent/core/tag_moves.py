"""What a tag's life does to the books: in a turn, by the table of `life.EPC`.

A unit of a SKU whose every unit has a tag is counted where its tag is (`Tag.place`). A sale without a tag read takes it
from FLOOR to UNATTRIBUTED_OUT, because it is not known yet which tag left: so at any time

    on hand = tags inside − UNATTRIBUTED_OUT

The tag that is then missing, or passes the exit, is taken to be the one: UNATTRIBUTED_OUT → CUSTOMER. Heard again, it
was another: CUSTOMER → UNATTRIBUTED_OUT. Only a tag that nobody bought is shrink. Where not every unit has a tag, tags
are a lower bound: their absence changes no quantity.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

from agent.core import life
from agent.core.ledger import Code, Posting, Turn
from agent.core.life import EpcEvent, EpcState
from agent.core.places import (
    CUSTOMER,
    FLOOR,
    FOUND,
    MAY_GO_NEGATIVE,
    SELLABLE,
    SHRINK,
    STAGED,
    SUPPLIER,
    TOTE,
    UNATTRIBUTED_OUT,
    WASTE,
    is_inside,
)
from agent.core.tags import ACCOUNTED_FOR, Stranger, Tag, TagChange

#: What hearing a tag settled somewhere is to it.
_HEARD: Final[Mapping[EpcState, EpcEvent]] = MappingProxyType(
    {"expected": "receive", "in_stock": "move", "suspect": "hear", "missing": "hear", "sold": "hear"}
)
#: States in which the unit is not in the store, or not for sale.
_ELSEWHERE: Final[frozenset[EpcState]] = frozenset(("in_transit", "returned_pending", "destroyed"))


def settle(turn: Turn, epc: bytes, place: str, actor: str) -> int:
    """The tag is at a place: bring its unit there in the books; how many postings that took.

    Nothing to do for a tag that is there, that nobody announced, that somebody has in hand, or that a till read.
    """
    tag = turn.tag(epc)
    if tag is None or tag.state in ACCOUNTED_FOR or _left_by_a_till(tag):
        return 0
    if tag.state == "in_stock" and tag.place == place:
        return 0
    state = life.advance(life.EPC, tag.state, _HEARD[tag.state])
    if tag.state == "missing":
        turn.resolve_case("missing_tag", _name(epc), "heard again")
    moved = _bring(turn, epc, tag, state, place, actor)
    if tag.state == "sold":
        moved += _match_missing(turn, tag.sku)  # the sale was another's: perhaps one that was written off since
    return moved


def meet(turn: Turn, stranger: Stranger) -> int:
    """A tag that must not change stock was heard: a case; how many postings.

    One that was only taken to be what was sold unread is here after all: that changes no quantity.
    """
    tag = turn.tag(stranger.epc)
    if tag is None:
        turn.open_case(stranger.kind, _name(stranger.epc), stranger.detail)
    elif _left_by_a_till(tag):
        turn.open_case("sold_tag_seen", _name(stranger.epc), f"heard at {stranger.place}")
    elif tag.state == "sold":
        return settle(turn, stranger.epc, stranger.place, "reader")
    return 0


def leave(turn: Turn, epc: bytes) -> int:
    """The tag is at the exit, and no till read it: it is one of those sold unread, or a case; how many postings."""
    tag = turn.tag(epc)
    if tag is None or tag.state not in ("in_stock", "suspect"):
        return 0
    if turn.balance(tag.sku, UNATTRIBUTED_OUT) > 0:
        return _attribute(turn, epc, tag, "exit")
    turn.open_case("unpaid_at_exit", _name(epc), f"{tag.sku}, last at {tag.place}")
    return 0


def miss(turn: Turn, epc: bytes) -> None:
    """The tag was silent for long enough to be doubted. No quantity changes."""
    tag = turn.tag(epc)
    if tag is not None and tag.state == "in_stock":
        turn.tags[epc] = TagChange(tag.sku, life.advance(life.EPC, tag.state, "miss"), tag.place, tag.moves)


def give_up(turn: Turn, epc: bytes) -> int:
    """The tag was silent for so long that its unit is not there: sold unread, or shrink; how many postings."""
    tag = turn.tag(epc)
    if tag is None or tag.state != "suspect" or tag.place is None:
        return 0
    if not _is_full(turn, tag.sku):
        turn.tags[epc] = TagChange(tag.sku, life.advance(life.EPC, tag.state, "give_up"), tag.place, tag.moves)
        return 0
    if turn.balance(tag.sku, UNATTRIBUTED_OUT) > 0:
        return _attribute(turn, epc, tag, "reader")
    if turn.balance(tag.sku, tag.place) < 1:
        return 0  # a unit left there by another way that did not say which: this one, most likely
    turn.open_case("missing_tag", _name(epc), f"{tag.sku}, last at {tag.place}")
    return _bring(turn, epc, tag, life.advance(life.EPC, tag.state, "give_up"), SHRINK, "reader")


def sell(turn: Turn, epc: bytes, sku: str, source: str) -> Posting:
    """A till read the tag: its unit goes from where it was to the customer. A sale that happened is never refused."""
    tag = turn.tag(epc)
    if tag is not None and (tag.state in _ELSEWHERE or _left_by_a_till(tag)):
        turn.open_case("sold_tag_seen", _name(epc), "sold again")
        return sell_unread(turn, sku, 1, source, epc)
    origin = FLOOR
    if tag is None:
        turn.open_case("alien_tag", _name(epc), "sold, but in no delivery")
        counted = None if _is_full(turn, sku) else FLOOR  # its tag is all that could have counted it
        turn.tags[epc] = TagChange(sku, life.advance(life.EPC, "alien", "deliver"), counted, 0)
    elif tag.state == "picked" and tag.place is not None and turn.balance(sku, tag.place) > 0:
        origin = tag.place
    settle(turn, epc, FLOOR, "till")
    for kind in ("missing_tag", "unpaid_at_exit"):
        turn.resolve_case(kind, _name(epc), "sold")
    _become(turn, epc, "sell", None)
    return turn.post(sku, origin, CUSTOMER, 1, "sale", source, "till", epc=epc)


def sell_unread(turn: Turn, sku: str, qty: int, source: str, epc: bytes | None = None) -> Posting:
    """A till sold units and read no tag, or one that had left before: of tagged goods it is open which ones left."""
    return turn.post(sku, FLOOR, out_unread(turn, sku), qty, "sale", source, "till", epc=epc)


def out_unread(turn: Turn, sku: str, to: str = CUSTOMER) -> str:
    """Where units go that leave the store, mostly with their buyer, and no tag of theirs was read."""
    return UNATTRIBUTED_OUT if _is_full(turn, sku) else to


def pick_problem(turn: Turn, epc: bytes, sku: str, tote: str) -> str:
    """Why the tagged unit cannot go into the tote; empty when it can. A tag is in one place, and bound to one claim."""
    tag = turn.tag(epc)
    if tag is None:
        return "the tag is in no delivery"
    if tag.sku != sku:
        return f"the tag belongs to {tag.sku}, not to {sku}"
    if tag.state == "picked":
        return "" if tag.place == tote else f"the tag is in {tag.place} already"
    return f"the tag is {tag.state}" if tag.state in _ELSEWHERE or _left_by_a_till(tag) else ""


def take(turn: Turn, epc: bytes, origin: str, target: str, actor: str) -> None:
    """A person carries the tag's unit from place to place: the tag follows. Posting it is the caller's."""
    if target == CUSTOMER:
        hand_over(turn, epc)
    elif target == WASTE:
        put_back(turn, epc, target)
        _become(turn, epc, "destroy", target)
    elif target.startswith((TOTE, STAGED)):
        if origin in SELLABLE:
            pick(turn, epc, target, actor, origin)
        else:
            carry(turn, epc, target)
    elif origin in SELLABLE:  # set aside
        settle(turn, epc, origin, actor)
        _become(turn, epc, "move", target)
    else:
        put_back(turn, epc, target)


def pick(turn: Turn, epc: bytes, tote: str, actor: str, origin: str = FLOOR) -> None:
    """The tag's unit is in a picker's hand: it is brought to `origin` and bound to `tote` (`TOTE:…`).

    Posting origin → tote is the caller's. Ask `pick_problem` before; a tag in that tote already stays as it is.
    """
    tag = turn.tag(epc)
    assert tag is not None
    if tag.state == "picked" and tag.place == tote:
        return
    settle(turn, epc, origin, actor)
    _become(turn, epc, "pick", tote)


def carry(turn: Turn, epc: bytes, place: str) -> None:
    """A picked unit goes on to another tote or slot. Posting it is the caller's."""
    tag = turn.tag(epc)
    if tag is not None and tag.state == "picked":
        turn.tags[epc] = TagChange(tag.sku, tag.state, place, tag.moves)


def put_back(turn: Turn, epc: bytes, place: str) -> None:
    """A picked unit is back where it is sold. Posting it is the caller's."""
    _become(turn, epc, "put_back", place)


def hand_over(turn: Turn, epc: bytes) -> None:
    """A picked unit was given to its buyer. Posting it is the caller's."""
    _become(turn, epc, "sell", None)


def after(posting: Posting) -> tuple[EpcState, str | None]:
    """What a posting that names a tag says of it: its state and its place."""
    origin, target = posting.origin, posting.target
    if target == CUSTOMER:
        return "sold", UNATTRIBUTED_OUT if origin == UNATTRIBUTED_OUT else None
    if target == UNATTRIBUTED_OUT:
        return ("in_stock", FLOOR) if origin == CUSTOMER else ("sold", None)
    if target == SHRINK:
        return "missing", SHRINK
    if target == WASTE:
        return "destroyed", WASTE
    return ("picked" if target.startswith((TOTE, STAGED)) else "in_stock"), target


def _become(
    turn: Turn, epc: bytes, event: Literal["pick", "put_back", "sell", "move", "destroy"], place: str | None
) -> None:
    tag = turn.tag(epc)
    assert tag is not None
    turn.tags[epc] = TagChange(tag.sku, life.advance(life.EPC, tag.state, event), place, tag.moves)


def _attribute(turn: Turn, epc: bytes, tag: Tag | TagChange, actor: str) -> int:
    """Take the tag to be one of those sold unread. The sale took its unit from FLOOR: if it was elsewhere, it moved."""
    state = life.advance(life.EPC, tag.state, "sell")
    steps: list[tuple[str, str, Code]] = [(UNATTRIBUTED_OUT, CUSTOMER, "attribute")]
    origin = _counted_at(turn, tag)
    if origin != FLOOR:
        steps.insert(0, (origin, FLOOR, "move" if is_inside(origin) else "found"))
    turn.resolve_case("unpaid_at_exit", _name(epc), "sold")
    return _walk(turn, epc, tag, state, UNATTRIBUTED_OUT, actor, steps)


def _match_missing(turn: Turn, sku: str) -> int:
    """Take a tag that was written off to be what was sold unread."""
    known = (epc for tags in (turn.tags, turn.books.tags) for epc, tag in tags.items() if tag.sku == sku)
    for epc in known:
        tag = turn.tag(epc)
        if tag is not None and tag.place == SHRINK and turn.balance(sku, UNATTRIBUTED_OUT) > 0:
            turn.resolve_case("missing_tag", _name(epc), "sold")
            return _attribute(turn, epc, tag, "reader")
    return 0


def _bring(turn: Turn, epc: bytes, tag: Tag | TagChange, state: EpcState, place: str, actor: str) -> int:
    """Move the tag's unit from where it is counted to `place`."""
    steps: list[tuple[str, str, Code]] = []
    origin = _counted_at(turn, tag)
    if origin == UNATTRIBUTED_OUT:
        steps.append((CUSTOMER, UNATTRIBUTED_OUT, "attribute"))
        origin = FLOOR
    if origin != place:
        code: Code = "receive" if origin == SUPPLIER else "found" if not is_inside(origin) else "move"
        steps.append((origin, place, "missing" if place == SHRINK else code))
    return _walk(turn, epc, tag, state, place, actor, steps)


def _walk(
    turn: Turn,
    epc: bytes,
    tag: Tag | TagChange,
    state: EpcState,
    place: str,
    actor: str,
    steps: list[tuple[str, str, Code]],
) -> int:
    """Post the steps under the tag's next move, and make the tag what it is now."""
    moves = tag.moves + bool(steps)
    turn.tags[epc] = TagChange(tag.sku, state, place, moves)
    for part, (origin, target, code) in enumerate(steps):
        turn.post(tag.sku, origin, target, 1, code, f"tag:{epc.hex()}:{moves}", actor, part, epc)
    return len(steps)


def _is_full(turn: Turn, sku: str) -> bool:
    """Is a SKU's quantity what its tags say?"""
    found = turn.books.catalogue.skus.get(sku)
    return found is not None and found.tagged


def _left_by_a_till(tag: Tag | TagChange) -> bool:
    """Was this very tag read when it was sold? Otherwise it is only taken to be one of those sold unread."""
    return tag.state == "sold" and tag.place is None


def _counted_at(turn: Turn, tag: Tag | TagChange) -> str:
    """Where the tag's unit comes from when it moves. A count or a person may have taken it from there unread."""
    origin = tag.place or SUPPLIER
    if is_inside(origin) and origin not in MAY_GO_NEGATIVE and turn.balance(tag.sku, origin) < 1:
        return FOUND
    return origin


def _name(epc: bytes) -> str:
    return epc.hex().upper()
