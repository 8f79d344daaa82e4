"""Decisions about claims: hold, commit, consume, release, expire, grant. Each is done whole or not at all."""

from typing import Final, Literal

from msgspec.structs import replace

from agent.core import atp, life
from agent.core.asks import (
    Claimed,
    CommitHold,
    ConsumeHold,
    GiveWay,
    Grant,
    Granted,
    Lacking,
    Mistake,
    Refused,
    ReleaseHold,
    Reserve,
    Short,
    Ticked,
)
from agent.core.cases import LONGEST_DETAIL
from agent.core.claims import Hold, HoldLine
from agent.core.ledger import Code, Turn
from agent.core.places import CONSUMED, FREE, GRANT

#: Holds rights of its own, out of which it reserves for any channel.
HQ = "hq"
NOT_ENOUGH: Final = "not enough is free"


def expire_due(turn: Turn) -> Ticked:
    """Let go of every pending hold whose time is up in this turn's time."""
    due = turn.due_holds()
    for hold in due:
        _let_go(turn, hold, "expire", f"expire:{hold.id}")
    return Ticked(len(due))


def reserve(turn: Turn, ask: Reserve) -> Claimed | Short | Refused:
    """Hold every line, or none: the wants of one SKU are added up before anything is compared."""
    unknown = [want for want in ask.wants if want.sku not in turn.books.catalogue.skus]
    if unknown:
        return Refused(
            tuple(Mistake(f"lines.{want.line}", f"{want.sku!r} is not in the catalogue") for want in unknown)
        )
    found = turn.hold(ask.hold)
    if found is not None:
        if found.same_as(ask.channel, ((want.line, want.sku, want.qty) for want in ask.wants)):
            return _as_it_stands(turn, found)
        return _conflict(ask.hold, "was asked before with other lines or for another channel")
    stale = turn.why_lease_refused(ask.lease)
    if stale:
        return Refused((Mistake("lease", stale),))
    if ask.grant not in ("", ask.channel) and (ask.grant != HQ or ask.lease is None):
        return Refused((Mistake("grant", f"{ask.grant!r} holds its rights for itself, not for {ask.channel!r}"),))
    short = lacking(turn, ask)
    if short:
        return Short(ask.hold, tuple(short))
    lines = tuple(HoldLine(want.line, want.sku, want.qty, want.qty) for want in ask.wants)
    ttl_s = turn.conditions.hold_s(ask.channel) if ask.ttl_s is None else ask.ttl_s
    expires_ms = turn.books_ms + ttl_s * 1000
    hold = Hold(ask.hold, ask.channel, "pending", expires_ms, lines, grant=ask.grant, due_ms=ask.due_ms)
    for part, line in enumerate(lines):
        source = f"hold:{ask.hold}"
        turn.post(line.sku, hold.source(line), hold.account(line), line.qty, "hold", source, ask.channel, part)
    turn.keep_hold(hold)
    return _as_it_stands(turn, hold)


def lacking(turn: Turn, ask: Reserve) -> list[Lacking]:
    """What there is too little of to hold all of this: the wants of a SKU are added up."""
    wanted: dict[str, int] = {}
    for want in ask.wants:
        wanted[want.sku] = wanted.get(want.sku, 0) + want.qty
    short = []
    for sku, qty in wanted.items():
        found = atp.terms(turn, turn.conditions, sku, ask.channel)
        available, why = found.atp, found.stopped
        if ask.grant and not found.stopped:
            # The right was given away before; what may be missing now is only the goods.
            available = max(0, min(turn.balance(sku, GRANT + ask.grant), found.sellable - found.promised))
        if qty > available:
            short.append(Lacking(sku, qty, available, why or NOT_ENOUGH))
    return short


def commit(turn: Turn, ask: CommitHold) -> Claimed | Refused:
    """Bind a pending hold to an order."""
    hold = turn.hold(ask.hold)
    if hold is None:
        return _unknown(ask.hold)
    if hold.order == ask.order and hold.state != "pending":
        return _as_it_stands(turn, hold)
    if hold.state != "pending":
        return _conflict(ask.hold, f"is {hold.state} already")
    stale = turn.why_lease_refused(ask.lease)
    if stale:
        return Refused((Mistake("lease", stale),))
    bound = replace(hold, state=life.advance(life.HOLD, hold.state, "commit"), order=ask.order)
    claimed = [line for line in hold.lines if line.open]  # a line may have been taken off the order before it was paid
    for part, line in enumerate(claimed):
        source = f"commit:{hold.id}"
        turn.post(line.sku, hold.account(line), bound.account(line), line.open, "commit", source, "hq", part)
    turn.keep_hold(bound)
    return _as_it_stands(turn, bound)


def consume(turn: Turn, ask: ConsumeHold) -> Claimed | Refused:
    """Use up to what is claimed of each line, and give the rest back where it came from; the claim is resolved."""
    hold = turn.hold(ask.hold)
    if hold is None:
        return _unknown(ask.hold)
    used = dict(ask.used)
    if hold.state == "consumed" and all(line.consumed == used.get(line.line, 0) for line in hold.lines):
        return _as_it_stands(turn, hold)
    if hold.state != "committed":
        return _conflict(ask.hold, f"is {hold.state}, not committed")
    if any(line.pulled or line.consumed for line in hold.lines):
        return _conflict(ask.hold, "was picked in part: hand over what was pulled, and cancel the rest")
    wrong = [nr for nr in used if nr not in {line.line for line in hold.lines}]
    over = [line for line in hold.lines if used.get(line.line, 0) > line.open]
    if wrong or over:
        mistakes = [Mistake(f"used.{nr}", "the hold has no such line") for nr in wrong]
        mistakes += [Mistake(f"used.{line.line}", f"only {line.open} are claimed") for line in over]
        return Refused(tuple(mistakes))
    part = 0
    lines = []
    for line in hold.lines:
        taken = used.get(line.line, 0)
        rest = line.open - taken
        steps: tuple[tuple[str, int, Code], ...] = ((CONSUMED, taken, "consume"), (hold.source(line), rest, "release"))
        for target, qty, code in steps:
            if qty:
                turn.post(line.sku, hold.account(line), target, qty, code, f"consume:{hold.id}", "store", part)
                part += 1
        lines.append(replace(line, open=0, consumed=taken))
    done = replace(hold, state=life.advance(life.HOLD, hold.state, "consume"), lines=tuple(lines))
    turn.keep_hold(done)
    return _as_it_stands(turn, done)


def release(turn: Turn, ask: ReleaseHold) -> Claimed | Refused:
    """Give all of an open claim back. A resolved one stays what it is."""
    hold = turn.hold(ask.hold)
    if hold is None:
        return _unknown(ask.hold)
    if hold.is_open:
        hold = _let_go(turn, hold, "release", f"release:{hold.id}")
    return _as_it_stands(turn, hold)


def give_way(turn: Turn, ask: GiveWay) -> Claimed | Refused:
    """End a claim that cannot be kept, so that those which stay can be."""
    hold = turn.hold(ask.hold)
    if hold is None:
        return _unknown(ask.hold)
    if hold.state == "breached":
        return _as_it_stands(turn, hold)
    if not hold.is_open:
        return _conflict(ask.hold, f"is {hold.state} already")
    skus = {line.sku for line in hold.lines if line.open}
    if not any(turn.promised(sku) > max(0, turn.sellable(sku)) for sku in skus):
        return _conflict(ask.hold, "can be kept: of nothing in it more is promised than is there")
    return _as_it_stands(turn, _let_go(turn, hold, "breach", f"breach:{hold.id}", ask.by))


def grant(turn: Turn, ask: Grant) -> Granted | Refused:
    """Give rights to a holder, only ones that are free; or take unused ones back."""
    account = GRANT + ask.holder
    earlier = turn.posting_of(f"grant:{ask.grant}")
    if earlier is not None:
        given = earlier.qty if earlier.target == account else -earlier.qty
        if (earlier.sku, given) != (ask.sku, ask.qty) or account not in (earlier.origin, earlier.target):
            return _conflict(ask.grant, "was given before with other content")
        return Granted(ask.holder, ask.sku, turn.balance(ask.sku, account))
    if f"grant:{ask.grant}" in turn.bygone:  # archived: what it gave is in the holder's account
        return Granted(ask.holder, ask.sku, turn.balance(ask.sku, account))
    if ask.sku not in turn.books.catalogue.skus:
        return Refused((Mistake("sku", f"{ask.sku!r} is not in the catalogue"),))
    free = atp.terms(turn, turn.conditions, ask.sku, ask.holder).atp
    has = turn.balance(ask.sku, account)
    if ask.qty > free or -ask.qty > has:
        return Refused((Mistake("qty", f"{free} are free to give, {has} can be taken back"),))
    origin, target = (FREE, account) if ask.qty > 0 else (account, FREE)
    turn.post(ask.sku, origin, target, abs(ask.qty), "grant", f"grant:{ask.grant}", ask.holder)
    return Granted(ask.holder, ask.sku, turn.balance(ask.sku, account))


def _let_go(
    turn: Turn, hold: Hold, event: Literal["release", "expire", "breach"], source: str, by: str = "store"
) -> Hold:
    """Return what a hold claims to where it came from; it is resolved by it."""
    for part, (line, account, qty) in enumerate(hold.claims()):
        turn.post(line.sku, account, hold.source(line), qty, event, source, by, part)
    done = hold.resolved(event)
    turn.keep_hold(done)
    follow_cases(turn, done)
    return done


def follow_cases(turn: Turn, hold: Hold) -> None:
    """Keep the case of what is to be put back as the hold says; of one that is resolved, prices are decided."""
    if not hold.works:
        return
    back = [f"{qty} of {line.sku} from {place}" for line in hold.lines for place, qty in line.back]
    found, detail = turn.case("put_back", hold.id), "; ".join(back)
    if not back:
        turn.resolve_case("put_back", hold.id, "scanned")
    elif found is None or found.detail != detail[:LONGEST_DETAIL]:
        turn.open_case("put_back", hold.id, detail)
    if not hold.is_open:
        for line in hold.lines:
            for kind in ("price_rule", "price_difference"):
                turn.resolve_case(kind, f"{hold.id}/{line.line}", hold.state)


def _as_it_stands(turn: Turn, hold: Hold) -> Claimed:
    left_s = -(-(hold.expires_ms - turn.books_ms) // 1000) if hold.state == "pending" else None
    return Claimed(hold.id, hold.state, left_s, hold.lines)


def _unknown(name: str) -> Refused:
    return Refused((Mistake("hold", f"there is no hold {name!r}"),))


def _conflict(name: str, why: str) -> Refused:
    return Refused((Mistake("hold", f"{name!r} {why}"),), conflict=True)
