"""Outcomes of an order's work, entered as the table says: the units' moves, what becomes of the claim, and the case.

A report is entered whole or refused, and named within its hold: a repetition changes nothing. Claims change before
units move, so that nothing looks broken in between.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, get_args

from msgspec.structs import replace

from agent.core import life, tag_moves
from agent.core.asks import Mistake, Refused, Work, Worked, WorkName
from agent.core.claims import Hold, HoldLine, changed, so_many, units_in
from agent.core.ledger import Code, Posting, Turn
from agent.core.outcomes import OUTCOMES, Outcome
from agent.core.places import CONSUMED, CUSTOMER, FLOOR, FREE, QUARANTINE, SELLABLE, STAGED, TOTE, WASTE
from agent.core.promises import follow_cases

#: Reports of one hold; more are no order's work.
MOST_WORKS: Final = 2000
LONGEST_NAME: Final = 64

#: Reports that may be about every line at once.
_OF_ALL: Final = ("cancelled_after_pull", "staged", "handed_over", "not_collected", "put_back")
#: Reports about goods that are where they are sold.
_FROM_A_PLACE: Final = ("picked", "short", "damaged", "substituted", "weighed")
#: Reports that can name the tags of their units.
_OF_TAGS: Final = ("picked", "damaged", "substituted", "staged", "handed_over", "put_back")


def work(turn: Turn, ask: Work) -> Worked | Refused:
    """Enter a report. Refused with what is possible instead when it cannot happen now."""
    hold = turn.hold(ask.hold)
    if hold is None:
        return Refused((Mistake("hold", f"there is no hold {ask.hold!r}"),))
    said = dict(hold.works).get(ask.work)
    if said is not None:
        if said == ask.said():
            return Worked(ask.work, hold.id, hold.state, hold.lines)
        return Refused((Mistake("work", f"{ask.work!r} was reported before with other content"),), conflict=True)
    lines = [line for line in hold.lines if line.line == ask.line]
    if not ask.line and ask.outcome in _OF_ALL:
        lines = [line for line in hold.lines if _units(line, ask)]
    mistakes = _malformed(hold, ask)
    if not mistakes and not lines:
        everything = dict.fromkeys(name for line in hold.lines for name in possible(turn, hold, line))
        problem = f"the hold has no line {ask.line}" if ask.line else _not_now(ask, hold, tuple(everything))
        mistakes = [Mistake("line", problem)]
    for line in lines if not mistakes else ():
        if ask.outcome not in (now := possible(turn, hold, line)):
            mistakes.append(Mistake("outcome", _not_now(ask, hold, now)))
        else:
            mistakes += _impossible(turn, line, ask)
    if mistakes:
        return Refused(tuple(mistakes), conflict=all(mistake.path == "outcome" for mistake in mistakes))
    entry = _Entry(turn, ask, hold)
    for line in lines:
        entry.enter(line)
    done = entry.done()
    return Worked(ask.work, done.id, done.state, done.lines)


def hand_over(turn: Turn, hold: Hold) -> None:
    """The order is handed over: the customer has what stands in slots, and nothing more is claimed."""
    slots = sorted({place.removeprefix(STAGED) for line in hold.lines for place, _ in line.pulled})
    asks = [Work("", hold.id, "cancelled_before_pull", by="counter")]
    asks += [Work("", hold.id, "handed_over", slot=slot, by="counter") for slot in slots]
    for ask in asks:
        entry = _Entry(turn, replace(ask, work=f"order {len(hold.works)}"), hold)  # no report has a space in its name
        for line in hold.lines:
            if _units(line, ask) or line.lost:
                entry.enter(line)
        hold = entry.done()


def let_go(turn: Turn, hold: Hold, number: int) -> None:
    """The customer does not want any more what is left to pick of a line."""
    entry = _Entry(
        turn, Work(f"order {len(hold.works)}", hold.id, "cancelled_before_pull", number, by="customer"), hold
    )
    for line in hold.lines:
        if line.line == number and (line.open or line.lost):
            entry.enter(line)
    entry.done()


def sold(turn: Turn, epc: bytes, sale: Posting) -> Hold | None:
    """A till sold a unit out of its tote or slot: the claim it was pulled for is used, or it need not be put back.

    The hold it was bound to.
    """
    (name,) = _hex((epc,))
    for hold in ({**turn.known_holds} | turn.books.holds | turn.holds).values():
        line = next((line for line in hold.lines if name in line.tags), None)
        if line is None:
            continue
        bare = replace(line, tags=_without(line, (epc,)))
        if dict(line.pulled).get(sale.origin):
            turn.post(line.sku, hold.pulled_account(line), CONSUMED, 1, "consume", sale.source, "till", 1)
            done = replace(bare, pulled=changed(line.pulled, sale.origin, -1), consumed=line.consumed + 1)
        else:
            done = replace(bare, back=changed(line.back, sale.origin, -1))
        hold = replace(hold, lines=tuple(done if one is line else one for one in hold.lines))
        return keep(turn, hold)
    return None


def other_place(turn: Turn, line: HoldLine, than: str) -> str:
    """Where else the books have some of it, and nobody has looked yet; "" nowhere."""
    if line.state != "todo":
        return ""
    return next((place for place in SELLABLE if place != than and turn.balance(line.sku, place) > 0), "")


def possible(turn: Turn, hold: Hold, line: HoldLine) -> tuple[WorkName, ...]:
    """What can be reported of a line now."""
    places = {place.partition(":")[0] + ":" for place, _ in line.pulled}
    sku = turn.books.catalogue.skus.get(line.sku)
    can: dict[WorkName, bool] = dict.fromkeys(get_args(WorkName), False)
    if hold.state == "committed":
        for name in can:
            row = OUTCOMES[name] if name != "put_back" else None
            if row is not None and row.event is not None:
                can[name] = bool(line.open) and _ready(line.state, row.event) is not None
        can["weighed"] = can["weighed"] and sku is not None and sku.traits.unit == "gram"
        if line.lost:
            can["short"] = can["substituted"] = True
        can["cancelled_before_pull"] = bool(line.open)
        can["cancelled_after_pull"] = bool(line.pulled)
        can["staged"] = TOTE in places
        can["handed_over"] = can["not_collected"] = STAGED in places
    can["put_back"] = bool(line.back)
    return tuple(name for name, yes in can.items() if yes)


def _ready(state: life.PickLineState, event: life.PickLineEvent) -> life.PickLineState | None:
    """The state from which the event can happen: this one, or that of a fresh try."""
    if event in life.PICK_LINE.possible(state):
        return state
    if "again" not in life.PICK_LINE.possible(state):
        return None
    return _ready(life.advance(life.PICK_LINE, state, "again"), event)


def _not_now(ask: Work, hold: Hold, now: tuple[WorkName, ...]) -> str:
    what = ", ".join(now) or ("commit it first" if hold.state == "pending" else "nothing is left to do")
    about = f"line {ask.line}" if ask.line else "any line"
    return f"{ask.outcome} is not possible for {about} of a {hold.state} hold now; possible: {what}"


def _malformed(hold: Hold, ask: Work) -> list[Mistake]:
    """What is wrong with the report whatever the hold is."""
    found = []
    if not 1 <= len(ask.work) <= LONGEST_NAME or "/" in ask.work or " " in ask.work:
        found.append(Mistake("work", f"must be 1 to {LONGEST_NAME} characters without / or space"))
    if len(hold.works) >= MOST_WORKS:
        found.append(Mistake("work", f"the hold has {MOST_WORKS} reports already"))
    if ask.qty < 0 or (ask.qty and (not ask.line or ask.outcome in ("short", "cancelled_before_pull"))):
        found.append(Mistake("qty", f"must be left out: {ask.outcome} is about all there are"))
    tote, slot = _asks_for(ask)
    for key, wanted, given in (("tote", tote, ask.tote), ("slot", slot, ask.slot)):
        if len(given) > LONGEST_NAME or (wanted and not given):
            found.append(Mistake(key, f"must be named in 1 to {LONGEST_NAME} characters"))
    if ask.outcome == "weighed" and not ask.qty:
        found.append(Mistake("qty", "must be the grams on the scale"))
    if ask.outcome == "put_back" and bool(ask.tote) == bool(ask.slot):
        found.append(Mistake("tote", "must name either a tote or a slot"))
    if ask.place not in SELLABLE or (ask.place != FLOOR and ask.outcome not in (*_FROM_A_PLACE, "put_back")):
        found.append(Mistake("place", f"must be left out, or for what is picked or put back one of {SELLABLE}"))
    if ask.epcs and (ask.outcome not in _OF_TAGS or not ask.line or len(set(ask.epcs)) < len(ask.epcs)):
        found.append(Mistake("epcs", f"must be left out, or be of one line, each once, and for {', '.join(_OF_TAGS)}"))
    return found


def _asks_for(ask: Work) -> tuple[bool, bool]:
    """Must a tote be named, must a slot?"""
    if ask.outcome == "put_back":
        return False, False
    row = OUTCOMES[ask.outcome]
    ends = {end for move in (row.now, row.of_substitute) if move for end in move}
    return TOTE in ends, STAGED in ends or ask.outcome == "not_collected"


def _units(line: HoldLine, ask: Work) -> int:
    """How many units of the line the report can be about, at the place it names."""
    match ask.outcome:
        case "picked" | "damaged" | "short" | "weighed" | "cancelled_before_pull":
            return line.open
        case "substituted":
            return line.lost or line.open
        case "cancelled_after_pull":
            return units_in(line.pulled)
        case "staged":
            return dict(line.pulled).get(TOTE + ask.tote, 0)
        case "handed_over" | "not_collected":
            return dict(line.pulled).get(STAGED + ask.slot, 0)
        case "put_back":
            return dict(line.back).get(_place(ask), 0)


def _place(ask: Work) -> str:
    return TOTE + ask.tote if ask.tote else STAGED + ask.slot


def _impossible(turn: Turn, line: HoldLine, ask: Work) -> list[Mistake]:
    """What of the report cannot be, though its outcome can."""
    units = _units(line, ask)
    if not units and not (ask.outcome == "short" and line.lost):
        return [Mistake("tote" if ask.tote else "slot", f"line {line.line} has no units there")]
    if ask.qty > units and ask.outcome != "weighed":
        return [Mistake("qty", f"line {line.line} has {units}, not {ask.qty}")]
    if ask.epcs or line.tags:
        wrong = _wrong_tags(turn, line, ask, ask.qty or units)
        if wrong:
            return [Mistake("epcs", wrong)]
    if ask.outcome != "substituted":
        return []
    skus = turn.books.catalogue.skus
    other, this = skus.get(ask.substitute), skus.get(line.sku)
    if other is None or other is this:
        return [Mistake("substitute", f"{ask.substitute!r} is not another SKU of the catalogue")]
    if this is not None and other.traits.unit != this.traits.unit:
        return [Mistake("substitute", f"{other.sku} is counted by {other.traits.unit}, {this.sku} is not")]
    free = _claimable(turn, other.sku, FREE)
    if (ask.qty or units) > free:
        return [Mistake("substitute", f"{max(0, free)} of {other.sku} are not claimed by others")]
    return []


def _wrong_tags(turn: Turn, line: HoldLine, ask: Work, qty: int) -> str:
    """Why these cannot be the tags of what is reported; empty when they can."""
    if len(ask.epcs) > qty:
        return f"are more than the {qty} units"
    if ask.outcome in _FROM_A_PLACE:
        sku = ask.substitute if ask.outcome == "substituted" else line.sku
        problems = (tag_moves.pick_problem(turn, epc, sku, "") for epc in ask.epcs)
        return next((f"cannot be: {why}" for why in problems if why), "")
    if ask.outcome not in _OF_TAGS:
        return ""
    origin = _origin(ask)
    if qty > (left := turn.balance(line.sku, origin)):
        return f"only {left} of {qty} units are there still"
    bound, there = _bound(turn, line, origin), line.units_at(origin)
    if not set(ask.epcs) <= set(bound):
        return f"are not all bound to line {line.line} at {origin}"
    if qty < there and qty - len(ask.epcs) > there - len(bound):
        return f"must say which: {len(bound)} of {there} units there have a tag that is bound to line {line.line}"
    return ""


def _bound(turn: Turn, line: HoldLine, place: str) -> list[bytes]:
    """The tags that are bound to a line and lie at a place."""
    epcs = [bytes.fromhex(tag) for tag in line.tags]
    return [epc for epc in epcs if (tag := turn.tag(epc)) is not None and tag.place == place]


def _origin(ask: Work) -> str:
    """The tote or slot that the units of a report leave."""
    if ask.outcome == "put_back":
        return _place(ask)
    return TOTE + ask.tote if ask.outcome == "staged" else STAGED + ask.slot


def _claimable(turn: Turn, sku: str, source: str) -> int:
    """Sellable units that nobody was promised: as many as the grant still has, or nobody has a right to."""
    unpromised = sum(turn.balance(sku, place) for place in SELLABLE) - turn.promised(sku)
    return unpromised - turn.granted(sku) if source == FREE else min(turn.balance(sku, source), unpromised)


@dataclass(slots=True)
class _Entry:
    """A report that is being entered."""

    turn: Turn
    ask: Work
    hold: Hold
    part: int = 0

    def enter(self, line: HoldLine) -> None:
        """Enter what the report makes of one line."""
        if self.ask.outcome == "put_back":
            self._put_back(line)
            return
        row = OUTCOMES[self.ask.outcome]
        apply: dict[str, Callable[[HoldLine, Outcome], None]] = {
            "bind": self._bind,
            "part": self._weigh,
            "void": self._void_pulled if row.pulled else self._void,
            "hold_another": self._hold_another,
            "replace": self._replace,
            "consume": self._carry,
            "none": self._carry,
        }
        apply[row.claim](line, row)

    def done(self) -> Hold:
        """Note the report in the hold; a hold that claims nothing and waits for nothing is resolved."""
        works = (*self.hold.works, (self.ask.work, self.ask.said()))
        return keep(self.turn, replace(self.hold, works=works))

    def _bind(self, line: HoldLine, row: Outcome) -> None:
        """Units go into a tote, and their claim with them."""
        self._pull(line, row, self.ask.qty or line.open, line.open - (self.ask.qty or line.open))

    def _weigh(self, line: HoldLine, row: Outcome) -> None:
        """What was weighed goes into a tote, the rest returns; more than is claimed is not taken."""
        grams, about = self.ask.qty, f"{self.hold.id}/{line.line}"
        more = grams - line.open
        if more > 0 and self._may_be_more(line, more):
            self._claim(line.sku, self.hold.source(line), self.hold.account(line), more, "hold")
            line = replace(line, open=grams)
            self._keep(line)
            self._open(row, about, f"weighed {more} more than was ordered of {line.sku}")
        elif more > 0:
            ready = _ready(line.state, "weigh") or line.state
            self._keep(replace(line, state=life.advance(life.PICK_LINE, ready, "weigh")))
            self._open(row, about, f"weighed {grams} of {line.open} {line.sku}: nothing was taken")
            return
        elif more == 0:
            self.turn.resolve_case("price_difference", about, "weighed")
        else:
            self._open(row, about, f"weighed {grams} of {line.open} {line.sku}")
        self._pull(line, row, grams, 0)

    def _may_be_more(self, line: HoldLine, more: int) -> bool:
        """May so much more than is claimed be taken: within the tolerance, and promised to nobody?"""
        free = _claimable(self.turn, line.sku, self.hold.source(line))
        return 100 * more <= line.open * self.ask.tolerance_pct and more <= free

    def _pull(self, line: HoldLine, row: Outcome, qty: int, left: int) -> None:
        """`qty` go into the tote, `left` stay claimed, the rest returns."""
        hold, tote, tags = self.hold, TOTE + self.ask.tote, _hex(self.ask.epcs)
        self._claim(line.sku, hold.account(line), hold.pulled_account(line), qty, "pull")
        self._give_up(line, hold.account(line), line.open - qty - left)
        pulled = replace(line, open=left, pulled=changed(line.pulled, tote, qty), tags=(*line.tags, *tags))
        if row.event == "weigh":
            self._keep(replace(pulled, state=_after(pulled, "weigh", "accept")))
        else:
            self._keep(replace(pulled, state=_after(pulled, "pick")))
        self._take(line.sku, self.ask.place, tote, qty, row.code, self.ask.epcs)

    def _void(self, line: HoldLine, row: Outcome) -> None:
        """Nothing more is claimed of what was not pulled. When it was looked for, none is left there to be found."""
        if row.now and line.open and self.ask.elsewhere and other_place(self.turn, line, self.ask.place):
            self._keep(replace(line, state=life.advance(life.PICK_LINE, line.state, "misplaced")))
            self._miss(line, row, self.ask.place)
            return
        self._give_up(line, self.hold.account(line), line.open)
        state = life.advance(life.PICK_LINE, line.state, row.event) if row.event else line.state
        self._keep(replace(line, open=0, lost=0, state=state))
        if row.now and line.open:
            self._miss(line, row, self.ask.place)

    def _miss(self, line: HoldLine, row: Outcome, origin: str) -> None:
        """Where it was looked for none is left to be found."""
        _, target = row.now or ("", "")
        self._move(line.sku, origin, target, max(0, self.turn.balance(line.sku, origin)), row.code)
        self._open(row, f"{line.sku} at {origin}", f"not found for {self.hold.id}")  # who counts is told no more

    def _void_pulled(self, line: HoldLine, row: Outcome) -> None:
        """Pulled units are claimed by nobody; they count again when they are scanned back."""
        there = line.pulled
        if row.then and row.then[0] == STAGED:  # of a slot, not of every place
            there = ((STAGED + self.ask.slot, _units(line, self.ask)),)
        if self.ask.qty:
            there = so_many(there, self.ask.qty)
        self._give_up(line, self.hold.pulled_account(line), units_in(there))
        for place, qty in there:
            line = replace(line, pulled=changed(line.pulled, place, -qty), back=changed(line.back, place, qty))
        self._keep(line)

    def _hold_another(self, line: HoldLine, row: Outcome) -> None:
        """Units are set aside, and as many others held, as far as there are any to hold."""
        qty, account = self.ask.qty or line.open, self.hold.account(line)
        self._give_up(line, account, qty)
        self._keep(replace(line, open=line.open - qty))
        self._take(line.sku, self.ask.place, QUARANTINE, qty, row.code, self.ask.epcs)
        self._open(row, f"{line.sku} at {QUARANTINE}", f"{qty} found for {self.hold.id}")
        source = self.hold.source(line)
        others = min(qty, max(0, _claimable(self.turn, line.sku, source)))
        self._claim(line.sku, source, account, others, "hold")
        left = replace(line, open=line.open - qty + others, lost=line.lost + qty - others)
        self._keep(replace(left, state=_after(left, "find_damaged")))

    def _replace(self, line: HoldLine, row: Outcome) -> None:
        """The claim goes over to the substitute, which is pulled at once as a line of its own."""
        qty, tote = self.ask.qty or _units(line, self.ask), TOTE + self.ask.tote
        lost = min(line.lost, qty)
        self._give_up(line, self.hold.account(line), qty - lost)
        left = replace(line, open=line.open - (qty - lost), lost=line.lost - lost)
        self._keep(replace(left, state=_after(left, "substitute")))
        number = max(one.line for one in self.hold.lines) + 1
        (todo,) = life.PICK_LINE.begins
        state = life.advance(life.PICK_LINE, todo, "pick")
        other = HoldLine(number, self.ask.substitute, qty, 0, pulled=((tote, qty),), state=state, instead_of=line.line)
        other = replace(other, tags=_hex(self.ask.epcs))
        self._claim(other.sku, FREE, self.hold.account(other), qty, "commit")
        self._claim(other.sku, self.hold.account(other), self.hold.pulled_account(other), qty, "pull")
        self._keep(other)
        self._take(other.sku, self.ask.place, tote, qty, row.code, self.ask.epcs)
        self._open(row, f"{self.hold.id}/{number}", f"{qty} {other.sku} for {qty} {line.sku}")
        if not lost and not left.open and self.turn.balance(line.sku, FLOOR) > 0:
            self._miss(line, OUTCOMES["short"], FLOOR)

    def _carry(self, line: HoldLine, row: Outcome) -> None:
        """Pulled units go on: to a slot, or to the customer, which uses their claim."""
        qty = self.ask.qty or _units(line, self.ask)
        (origin, target) = row.now or ("", "")
        origin += self.ask.tote if origin == TOTE else self.ask.slot
        pulled, tags = changed(line.pulled, origin, -qty), self._tags(line, origin, qty)
        if row.claim == "consume":
            self._claim(line.sku, self.hold.pulled_account(line), CONSUMED, qty, "consume")
            line = replace(line, consumed=line.consumed + qty, tags=_without(line, tags))
        else:
            target += self.ask.slot
            pulled = changed(pulled, target, qty)
        self._keep(replace(line, pulled=pulled))
        self._take(line.sku, origin, target, qty, row.code, tags)

    def _put_back(self, line: HoldLine) -> None:
        """Units nobody claims any more were scanned back into their place, or thrown away."""
        origin, qty = _place(self.ask), self.ask.qty or _units(line, self.ask)
        row = OUTCOMES["cancelled_after_pull" if self.ask.tote else "not_collected"]
        _, target = (row.spoiled if self.ask.spoiled else row.then) or ("", "")
        target = self.ask.place if target == FLOOR else target
        tags = self._tags(line, origin, qty)
        self._keep(replace(line, back=changed(line.back, origin, -qty), tags=_without(line, tags)))
        self._take(line.sku, origin, target, qty, "waste" if self.ask.spoiled else "put_back", tags)

    def _tags(self, line: HoldLine, origin: str, qty: int) -> Sequence[bytes]:
        """Which of the line's tags go: those the report names, and as many more as must be among the units."""
        bound = _bound(self.turn, line, origin)
        must = qty - (line.units_at(origin) - len(bound))
        return [*dict.fromkeys((*self.ask.epcs, *bound))][: max(must, len(self.ask.epcs))]

    def _keep(self, line: HoldLine) -> None:
        """The line is this now; one with a new number is added."""
        lines = {one.line: one for one in self.hold.lines} | {line.line: line}
        self.hold = replace(self.hold, lines=tuple(lines.values()))
        self.turn.keep_hold(self.hold)

    def _give_up(self, line: HoldLine, account: str, qty: int) -> None:
        """So much is not claimed any more, and returns to where it came from."""
        self._claim(line.sku, account, self.hold.source(line), qty, "release")

    def _claim(self, sku: str, origin: str, target: str, qty: int, code: Code) -> None:
        self._move(sku, origin, target, qty, code)

    def _take(self, sku: str, origin: str, target: str, qty: int, code: Code, epcs: Sequence[bytes]) -> None:
        """Units are carried from place to place: the tagged ones one by one, of the others only how many is known."""
        for epc in epcs:
            tag_moves.take(self.turn, epc, origin, target, self.ask.by)
            self._move(sku, origin, target, 1, code, epc)
        if target in (CUSTOMER, WASTE):
            target = tag_moves.out_unread(self.turn, sku, target)
        self._move(sku, origin, target, qty - len(epcs), code)

    def _move(self, sku: str, origin: str, target: str, qty: int, code: Code, epc: bytes | None = None) -> None:
        if qty:
            self.turn.post(sku, origin, target, qty, code, self.ask.source(), self.ask.by, self.part, epc)
            self.part += 1

    def _open(self, row: Outcome, about: str, detail: str) -> None:
        if row.cases:
            self.turn.open_case(row.cases[0], about, detail)


def keep(turn: Turn, hold: Hold) -> Hold:
    """Keep a hold after work; one that claims nothing and waits for nothing is resolved."""
    if hold.is_open and not any(line.open or line.pulled or line.lost for line in hold.lines):
        used = any(line.consumed for line in hold.lines)
        hold = hold.resolved("consume" if used else "release")
    turn.keep_hold(hold)
    follow_cases(turn, hold)
    return hold


def _after(line: HoldLine, *events: life.PickLineEvent) -> life.PickLineState:
    """The state of a line after the events, of which `open` units are left to pick and `lost` wait for a decision."""
    ready = state = _ready(line.state, events[0]) or line.state
    for event in events:
        state = life.advance(life.PICK_LINE, state, event)
    if line.open:  # only a part of it was done
        return life.advance(life.PICK_LINE, state, "again") if state == "damaged" else ready
    if line.lost and state != "damaged":
        return life.advance(life.PICK_LINE, "todo", "find_damaged")
    return state


def _hex(epcs: Sequence[bytes]) -> tuple[str, ...]:
    return tuple(epc.hex().upper() for epc in epcs)


def _without(line: HoldLine, epcs: Sequence[bytes]) -> tuple[str, ...]:
    """The tags of a line that are bound to it still."""
    gone = _hex(epcs)
    return tuple(tag for tag in line.tags if tag not in gone)
