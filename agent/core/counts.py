"""Counts: who counts what, and what follows from what was found. What a reading proves is in count_proofs.py.

A line within tolerance posts itself; otherwise another person counts it, blind; when two differ, a manager decides.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Literal

from agent.core.asks import Mistake, Refused
from agent.core.cases import Case
from agent.core.catalogue import Catalogue, Sku
from agent.core.count_asks import (
    CancelCount,
    Count,
    CountAsk,
    Counted,
    CountedLine,
    CountLine,
    EnterFound,
    Item,
    LookAtCount,
    RequestCount,
    ReviewCount,
    StartCount,
    Verdict,
)
from agent.core.count_proofs import Again, Variance, proves
from agent.core.count_sessions import (
    MOST_LINES,
    MOST_OPEN,
    MOST_READINGS,
    USUAL_DUE_S,
    CountSession,
    Reading,
    SessionLine,
    Why,
)
from agent.core.ledger import Turn
from agent.core.life import COUNT, CountEvent, advance
from agent.core.places import FOUND, INSIDE, SHRINK, SUSPECT

#: Cases that only counting resolves.
_COUNTED_FOR: Final = ("recount", "negative_stock")


def decide(turn: Turn, ask: CountAsk) -> Counted | CountSession | Refused:
    """Enter an ask about counts: whole, or refused with every mistake."""
    match ask:
        case Count():
            return count(turn, ask)
        case RequestCount():
            return request(turn, ask)
    session = turn.count(ask.count)
    if session is None:
        return Refused((Mistake("count", f"{ask.count!r} is not known"),))
    match ask:
        case StartCount():
            return start(turn, ask, session)
        case EnterFound():
            return enter(turn, ask, session)
        case ReviewCount():
            return review(turn, ask, session)
        case CancelCount():
            return cancel(turn, ask, session)
        case LookAtCount():
            return session


def follow_cases(turn: Turn) -> None:
    """Have counted what a case of this turn needs counted, unless somebody is to count it already."""
    for change in turn.cases:
        sku, _, place = change.case.about.rpartition(" at ")
        known = turn.books.catalogue.skus.get(sku)
        if (
            change.state == "open"
            and change.case.kind in _COUNTED_FOR
            and known is not None
            and not known.tagged
            and place in INSIDE
            and turn.case(change.case.kind, change.case.about) is not None
            and not turn.is_to_be_counted(sku, place)
        ):
            _keep(turn, _for_case(turn, change.case, sku, place))


def is_of_tags(catalogue: Catalogue, case: Case) -> bool:
    """Is it about goods that nobody counts, because all of them have tags? A person says when somebody has looked."""
    sku = catalogue.skus.get(case.about.rpartition(" at ")[0])
    return case.kind == "recount" and sku is not None and sku.tagged


def believe_tags(turn: Turn, case: Case, by: str) -> None:
    """Somebody has looked for wholly tagged goods that were missed: they are where their tags are, in doubt no more.

    Tags that fall silent are given up by themselves (departures.py).
    """
    sku, _, place = case.about.rpartition(" at ")
    doubted = turn.balance(sku, SUSPECT)
    if doubted > 0:
        turn.post(sku, SUSPECT, place, doubted, "count", f"case:{turn.books.epoch}/{case.id}", by)


def found_after_all(turn: Turn, sku: str, place: str) -> None:
    """Who missed it has taken that back: if nobody else missed it, and nobody counts it yet, it need not be counted."""
    case = turn.case("recount", f"{sku} at {place}")
    if case is None or case.times > 1:
        return
    session = turn.count(_of_case(turn, case))
    if session is None or session.state == "requested":
        turn.resolve_case(case.kind, case.about, "undone")
        if session is not None:
            cancel(turn, CancelCount(session.id, "agent"), session)


def _of_case(turn: Turn, case: Case) -> str:
    return f"case-{turn.books.epoch}-{case.id}-{case.times}"


def _for_case(turn: Turn, case: Case, sku: str, place: str) -> CountSession:
    why: Why = "negative_stock" if case.kind == "negative_stock" else "case"
    # A case that comes up again may be late already; whoever is to count now has as long as for a new one.
    due_at = max(case.due_at, turn.at + case.due_at - case.opened_at)
    return CountSession(_of_case(turn, case), place, why, "agent", turn.at, due_at, "", False, (SessionLine(1, sku),))


def request(turn: Turn, ask: RequestCount) -> CountSession | Refused:
    """Have items at a place counted, or everything the books have there."""
    items, mistakes = _skus(turn, ask.items, "items")
    if ask.place not in INSIDE:
        mistakes.append(Mistake("place", f"{ask.place!r} is none of {', '.join(sorted(INSIDE))}"))
    found = turn.count(ask.count)
    if found is not None and not mistakes:
        same = (found.place, found.why, found.requested_by) == (ask.place, ask.why, ask.by)
        skus = None if found.whole else {line.sku for line in found.lines}
        if same and skus == ({sku.sku for sku in items} or None):
            return found
        return _conflict("count", f"{ask.count!r} was requested before, as something else")
    for nth, sku in enumerate(items):
        if turn.is_to_be_counted(sku.sku, ask.place):
            mistakes.append(Mistake(f"items[{nth}]", f"an open count is to count {sku.sku} there already"))
    wanted = [sku.sku for sku in items] if ask.items else _all_at(turn, ask.place)
    if not mistakes and not 1 <= len(wanted) <= MOST_LINES:
        problem = f"{len(wanted)} items to count there; must be 1 to {MOST_LINES}, so name them"
        mistakes.append(Mistake("items", problem))
    if len(turn.books.counts.sessions | turn.counts) >= MOST_OPEN:
        mistakes.append(Mistake("count", f"{MOST_OPEN} counts are open: have some made, or cancel them"))
    if mistakes:
        return Refused(tuple(mistakes))
    lines = tuple(SessionLine(nth, sku) for nth, sku in enumerate(wanted, 1))
    due_at = turn.at + ask.due_s * 1000
    session = CountSession(
        ask.count, ask.place, ask.why, ask.by, turn.at, due_at, ask.assigned_to, not ask.items, lines
    )
    return _keep(turn, session)


def _all_at(turn: Turn, place: str) -> list[str]:
    """Every SKU that the books have at a place, that a person can count, and that nobody is to count already."""
    catalogue = turn.books.catalogue.skus
    there = {sku for (sku, at), qty in (turn.books.balances | turn.balances).items() if at == place and qty}
    return sorted(
        sku for sku in there if sku in catalogue and not catalogue[sku].tagged and not turn.is_to_be_counted(sku, place)
    )


def start(turn: Turn, ask: StartCount, session: CountSession) -> CountSession | Refused:
    """Begin to count: what moves from now on is seen. Asked again by the same person it changes nothing."""
    lines = tuple(_take_up(turn, line, ask) for line in session.lines)
    if any(_counts(turn, line, ask.by) for line in lines):
        return _keep(turn, replace(session, lines=lines, assigned_to=ask.by)) if lines != session.lines else session
    others = sorted({line.counter for line in session.lines if line.counter})
    if others:
        return _conflict("by", f"is being counted by {', '.join(others)}; take it over if that is not so")
    if any("start" in COUNT.possible(line.state) for line in session.lines):
        return _conflict("by", f"{ask.by} counted it before: another person must count it now")
    return _conflict("count", f"is {session.state}: nothing of it is to be counted")


def _take_up(turn: Turn, line: SessionLine, ask: StartCount) -> SessionLine:
    is_free = ask.take_over or not line.counter or line.epoch != turn.books.epoch
    if _counts(turn, line, ask.by) or not is_free or "start" not in COUNT.possible(line.state):
        return line
    return _begin(line, ask.by, turn.books.epoch, turn.head) if line.may_be_counted_by(ask.by) else line


def _begin(line: SessionLine, by: str, epoch: int, from_seq: int) -> SessionLine:
    state = advance(COUNT, line.state, "start")
    return replace(line, state=state, counter=by, epoch=epoch, from_seq=from_seq)


def _counts(turn: Turn, line: SessionLine, name: str) -> bool:
    """Is this person counting the line now?"""
    return line.is_open and line.counter == name and line.epoch == turn.books.epoch


def enter(turn: Turn, ask: EnterFound, session: CountSession) -> CountSession | Refused:
    """What somebody found: each line posts itself, is counted by another person, or waits for a manager."""
    skus, mistakes = _skus(turn, [found.item for found in ask.lines])
    if mistakes:
        return Refused(tuple(mistakes))
    lines = {line.sku: line for line in session.lines}
    entered: list[tuple[SessionLine, int]] = []
    for nth, (found, sku) in enumerate(zip(ask.lines, skus, strict=True)):
        line = lines.get(sku.sku) or _found_besides(turn, session, ask.by, sku, len(lines) + 1)
        if line is None:
            mistakes.append(Mistake(f"lines[{nth}]", f"{sku.sku} is not in this count, or {ask.by} does not count it"))
        elif _counts(turn, line, ask.by) and len(line.readings) < MOST_READINGS:
            lines[sku.sku] = line
            entered.append((line, found.counted))
        elif not any((one.by, one.counted) == (ask.by, found.counted) for one in line.readings):
            mistakes.append(Mistake(f"lines[{nth}]", f"{ask.by} does not count {sku.sku} now"))
    if mistakes:
        return Refused(tuple(mistakes), conflict=True)
    for line, counted in entered:
        reading = Reading(ask.by, turn.at, line.epoch, line.from_seq, turn.head, counted)
        lines[line.sku] = _weigh(turn, session, line, reading)
    return _keep(turn, replace(session, lines=tuple(lines.values()))) if entered else session


def _found_besides(turn: Turn, session: CountSession, by: str, sku: Sku, number: int) -> SessionLine | None:
    """A line for an item the books do not have at a place that is counted as a whole."""
    began = [line.from_seq for line in session.lines if _counts(turn, line, by)]
    if not session.whole or not began or number > MOST_LINES:
        return None
    return _begin(SessionLine(number, sku.sku), by, turn.books.epoch, min(began))


def _weigh(turn: Turn, session: CountSession, line: SessionLine, reading: Reading) -> SessionLine:
    """What follows from a new reading, and from one that stood before."""
    tolerance = turn.books.count_rules.of(turn.books.catalogue.skus[line.sku].traits.unit)
    state = advance(COUNT, line.state, "finish") if line.state == "counting" else line.state
    line = replace(line, state=state, counter="", why="")
    found = proves(turn, session.place, line.sku, reading)
    if isinstance(found, Again):
        return _doubt(turn, session, _with(line, reading), found.why)
    reading = replace(reading, variance=found.units, stands=True)
    first = next(iter(line.standing()), None)
    before = first and proves(turn, session.place, line.sku, first)
    if not isinstance(before, Variance):  # nothing it could be compared with
        line = _with(_forget(line), reading)
        if tolerance.allows(found.units, found.balance):
            return _post(turn, session, line, "post", found, len(line.readings), reading.by)
        return _doubt(turn, session, line, "the difference is large")
    line = _with(line, reading)
    agree = abs(found.units - before.units) <= tolerance.repeat
    if agree and not 0 < tolerance.review_above < abs(found.units):
        return _post(turn, session, line, "post", found, len(line.readings), reading.by)
    return _differ(turn, session, line, "two agree on a very large difference" if agree else "two counts differ")


def _with(line: SessionLine, reading: Reading) -> SessionLine:
    return replace(line, readings=(*line.readings, reading))


def _forget(line: SessionLine) -> SessionLine:
    """None of its readings stands any more."""
    return replace(line, readings=tuple(replace(reading, stands=False) for reading in line.readings))


def _doubt(turn: Turn, session: CountSession, line: SessionLine, why: str) -> SessionLine:
    _open_case(turn, session, line, why)
    return replace(line, state=advance(COUNT, line.state, "doubt"), why=why)


def _differ(turn: Turn, session: CountSession, line: SessionLine, why: str) -> SessionLine:
    _open_case(turn, session, line, f"{why}; a manager decides")
    return replace(line, state=advance(COUNT, line.state, "differ"), why=why)


def _open_case(turn: Turn, session: CountSession, line: SessionLine, why: str) -> None:
    """Whoever reads the case may have to count: it says neither what was found nor what the books have."""
    turn.open_case("recount", f"{line.sku} at {session.place}", f"{session.id}: {why}")


def _post(
    turn: Turn, session: CountSession, line: SessionLine, event: CountEvent, found: Variance, approved: int, by: str
) -> SessionLine:
    """Make the books say what a reading proves; one that agrees is evidence all the same."""
    line = replace(line, state=advance(COUNT, line.state, event), approved=approved, decided_by=by, why="")
    about = f"{line.sku} at {session.place}"
    if found.doubted:
        source = f"doubt:{session.id}/{line.line}"
        turn.post(line.sku, SUSPECT, session.place, found.doubted, "count", source, by)
    if not found.units:
        turn.saw(line.sku)
        turn.resolve_case("recount", about, "agrees")
        return replace(line, outcome="agrees")
    turn.resolve_case("recount", about, "counted")
    origin, target = (FOUND, session.place) if found.units > 0 else (session.place, SHRINK)
    source = f"count:{session.id}/{line.line}"
    posting = turn.post(line.sku, origin, target, abs(found.units), "count", source, by)
    return replace(line, outcome="posted", variance=found.units, posting=posting.seq)


def review(turn: Turn, ask: ReviewCount, session: CountSession) -> CountSession | Refused:
    """A manager decides, for each named line, which reading is true; or that it is counted anew."""
    skus, mistakes = _skus(turn, [verdict.item for verdict in ask.lines])
    if mistakes:
        return Refused(tuple(mistakes))
    lines = list(session.lines)
    chosen: list[tuple[int, Verdict]] = []
    for nth, (verdict, sku) in enumerate(zip(ask.lines, skus, strict=True)):
        at = next((at for at, line in enumerate(lines) if line.sku == sku.sku), None)
        problem = "is not in this count" if at is None else _problem_of(turn, session, lines[at], verdict, ask.by)
        if problem:
            mistakes.append(Mistake(f"lines[{nth}]", f"{sku.sku} {problem}"))
        elif at is not None and not _was_decided(lines[at], verdict, ask.by):
            chosen.append((at, verdict))
    if mistakes:
        return Refused(tuple(mistakes), conflict=True)
    for at, verdict in chosen:
        lines[at] = _settle(turn, session, lines[at], verdict.approve, ask.by)
    return _keep(turn, replace(session, lines=tuple(lines))) if chosen else session


def _was_decided(line: SessionLine, verdict: Verdict, by: str) -> bool:
    """Did this person say the same of the line before?"""
    if verdict.approve:
        return line.state == "posted" and (line.approved, line.decided_by) == (verdict.approve, by)
    return line.state == "recount" and not line.counter and line.decided_by == by


def _problem_of(turn: Turn, session: CountSession, line: SessionLine, verdict: Verdict, by: str) -> str:
    """Why a manager's verdict cannot be entered."""
    if _was_decided(line, verdict, by):
        return ""
    if line.state != "review":
        return f"is {line.state}: there is nothing to decide"
    return _unfit(turn, session, line, verdict.approve, by) if verdict.approve else ""


def _unfit(turn: Turn, session: CountSession, line: SessionLine, approve: int, by: str) -> str:
    """Why this person cannot approve this reading (from 1)."""
    reading = line.readings[approve - 1] if approve <= len(line.readings) else None
    if reading is None or not reading.stands:
        return f"has no count {approve} that could be approved"
    if reading.by == by:
        return f"was counted by {by}: somebody else must approve that"
    found = proves(turn, session.place, line.sku, reading)
    return f"cannot be settled by that count, send it back: {found.why}" if isinstance(found, Again) else ""


def _settle(turn: Turn, session: CountSession, line: SessionLine, approve: int, by: str) -> SessionLine:
    """Post the approved reading, or have the line counted anew, as if nobody had."""
    if not approve:
        return replace(_forget(line), state=advance(COUNT, line.state, "send_back"), decided_by=by, why="sent back")
    found = proves(turn, session.place, line.sku, line.readings[approve - 1])
    assert isinstance(found, Variance)  # looked at before anything was entered
    return _post(turn, session, line, "approve", found, approve, by)


def cancel(turn: Turn, ask: CancelCount, session: CountSession) -> CountSession | Refused:
    """Stop: what is posted stays, a case stays open."""
    lines = tuple(
        replace(line, state=advance(COUNT, line.state, "cancel"), counter="", decided_by=ask.by)
        if line.is_open
        else line
        for line in session.lines
    )
    if lines != session.lines:
        return _keep(turn, replace(session, lines=lines))
    if any(line.state == "cancelled" for line in lines):
        return session
    return _conflict("count", "is posted: nothing of it can be cancelled")


def count(turn: Turn, ask: Count) -> Counted | Refused:
    """Enter a count that was made elsewhere: the whole session, with its numbers of the books, in one ask."""
    if ask.epoch != turn.books.epoch:
        return _conflict(
            "epoch", f"was counted in epoch {ask.epoch} of the books; it is {turn.books.epoch}: count again"
        )
    skus, mistakes = _skus(turn, [(line.item_is, line.item) for line in ask.lines])
    if ask.place not in INSIDE:
        mistakes.append(Mistake("place", f"{ask.place!r} is none of {', '.join(sorted(INSIDE))}"))
    if mistakes:
        return Refused(tuple(mistakes))
    known = turn.count(ask.count)
    for nth, (line, sku) in enumerate(zip(ask.lines, skus, strict=True)):
        wrong = _wrong_in(turn, ask, line, sku, known)
        if wrong is not None:
            mistakes.append(Mistake(f"lines[{nth}].{wrong[0]}" if wrong[0] else f"lines[{nth}]", wrong[1]))
    if mistakes:
        return Refused(tuple(mistakes))
    due_at = turn.at + USUAL_DUE_S * 1000
    session = known or CountSession(ask.count, ask.place, "sent", ask.by, turn.at, due_at, ask.by, False, ())
    lines = {line.line: line for line in session.lines}
    told: list[CountedLine] = []
    for sent, sku in zip(ask.lines, skus, strict=True):
        lines[sent.line], answer = _enter_sent(turn, ask, sent, sku.sku, session, lines.get(sent.line))
        told.append(answer)
    session = replace(session, lines=tuple(lines[number] for number in sorted(lines)))
    if session != known:
        _keep(turn, session)
    return Counted(ask.count, tuple(told))


def _wrong_in(turn: Turn, ask: Count, line: CountLine, sku: Sku, known: CountSession | None) -> tuple[str, str] | None:
    """Which key of a line that was sent cannot be right, and why."""
    if not line.from_seq <= line.to_seq <= turn.books.head:
        return "to_seq", f"must be from from_seq to {turn.books.head}, the newest number of the books"
    earlier = turn.posting_of(ask.source(line))
    if earlier is not None and (earlier.sku != sku.sku or ask.place not in (earlier.origin, earlier.target)):
        return "line", f"was posted before as a count of {earlier.sku}, elsewhere or of something else"
    same = next((one for one in known.lines if one.line == line.line), None) if known else None
    if known is not None and (known.place, known.why) != (ask.place, "sent"):
        return "", f"{known.id!r} is a count of something else"
    if same is not None and same.sku != sku.sku:
        return "line", f"was sent before as a count of {same.sku}"
    if known is not None and any(one.sku == sku.sku and one.line != line.line for one in known.lines):
        return "line", f"{sku.sku} was sent before as another line"
    if same is not None and same.is_open and not _was_sent(ask, line, same):
        if same.state != "recount" or same.counter or not same.may_be_counted_by(ask.by):
            return "", f"was sent before with other numbers, and {ask.by} is not to count it again"
        if len(same.readings) >= MOST_READINGS:
            return "", f"was counted {MOST_READINGS} times: cancel it"
    if earlier is None and (same is None or not _was_sent(ask, line, same)) and line.from_seq < turn.moved_after:
        return "from_seq", "is too long ago: count again"
    return None


def _enter_sent(
    turn: Turn, ask: Count, sent: CountLine, sku: str, session: CountSession, known: SessionLine | None
) -> tuple[SessionLine, CountedLine]:
    """Enter a line that was sent, or say how it stands; what another person approves is settled whatever it says."""
    earlier = turn.posting_of(ask.source(sent))
    was_posted = earlier is not None or (known is not None and not known.is_open)
    line = known or SessionLine(sent.line, sku)
    if known is None and earlier is not None:  # before sessions were kept, or in books that were restored
        change = earlier.qty if earlier.target == ask.place else -earlier.qty
        state = advance(COUNT, advance(COUNT, advance(COUNT, line.state, "start"), "finish"), "post")
        line = replace(line, state=state, outcome="posted", variance=change, posting=earlier.seq)
    elif line.is_open and not _was_sent(ask, sent, line):
        line = _begin(line, ask.by, ask.epoch, sent.from_seq)
        reading = Reading(ask.by, turn.at, ask.epoch, sent.from_seq, sent.to_seq, sent.counted)
        found = proves(turn, ask.place, sku, reading) if ask.approved_by else None
        if line.state == "counting" and isinstance(found, Variance):  # no case: it is settled below
            state = advance(COUNT, advance(COUNT, line.state, "finish"), "doubt")
            reading = replace(reading, variance=found.units, stands=True)
            line = _with(replace(line, state=state, counter=""), reading)
        else:
            line = _weigh(turn, session, line, reading)
    if ask.approved_by and line.state in ("recount", "review") and not line.counter:
        line = _approve_sent(turn, session, line, ask)
    return line, _told(sent.line, line, was_posted=was_posted)


def _was_sent(ask: Count, sent: CountLine, line: SessionLine) -> bool:
    """Is this reading in the line already?"""
    mine = (ask.by, ask.epoch, sent.from_seq, sent.to_seq, sent.counted)
    return any((one.by, one.epoch, one.from_seq, one.to_seq, one.counted) == mine for one in line.readings)


def _approve_sent(turn: Turn, session: CountSession, line: SessionLine, ask: Count) -> SessionLine:
    """Settle a line by the reading that is sent, if it stands."""
    nth = next((nth for nth, one in enumerate(line.readings, 1) if one.stands and one.by == ask.by), 0)
    if not nth or _unfit(turn, session, line, nth, ask.approved_by):
        return line
    if line.state == "recount":
        line = replace(line, state=advance(COUNT, line.state, "differ"))
    return _settle(turn, session, line, nth, ask.approved_by)


def _told(number: int, line: SessionLine, *, was_posted: bool) -> CountedLine:
    """A line as whoever sent it is told: nothing of what the books have, while somebody may still count it."""
    if line.outcome == "posted":
        outcome: Literal["posted", "already_posted"] = "already_posted" if was_posted else "posted"
        return CountedLine(number, outcome, line.sku, line.variance, line.posting)
    if line.outcome == "agrees":
        return CountedLine(number, "agrees", line.sku, 0)
    return CountedLine(number, "cancelled" if line.state == "cancelled" else "recount", line.sku, 0, why=line.why)


def _skus(turn: Turn, items: Sequence[Item], named: str = "lines") -> tuple[list[Sku], list[Mistake]]:
    """The SKUs of items that a person can count, and what is wrong with the others."""
    found: list[Sku] = []
    mistakes: list[Mistake] = []
    for nth, (item_is, item) in enumerate(items):
        sku, path = turn.books.catalogue.item(item_is, item), f"{named}[{nth}]"
        if sku is None:
            mistakes.append(Mistake(f"{path}.{item_is}", f"{item!r} is not in the catalogue"))
        elif sku.tagged:
            mistakes.append(Mistake(f"{path}.{item_is}", f"every unit of {sku.sku} has a tag: its tags are its count"))
        elif sku in found:
            mistakes.append(Mistake(path, "counts an item that an earlier line counts"))
        else:
            found.append(sku)
    return found, mistakes


def _keep(turn: Turn, session: CountSession) -> CountSession:
    turn.counts[session.id] = session
    return session


def _conflict(path: str, problem: str) -> Refused:
    return Refused((Mistake(path, problem),), conflict=True)
