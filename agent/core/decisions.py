"""One function for each ask: look at the books, then enter in the turn what follows. Checked whole before anything is
entered, so an ask is done or refused, never half done."""

from agent.core import amending, barcodes, closing, counts, fulfilment, instore, obeying, promises, stopping, tag_moves
from agent.core import epc as epc_of
from agent.core.asks import (
    Answer,
    Ask,
    CaseResolved,
    CommitHold,
    ConsumeHold,
    Delivery,
    DeliveryLine,
    Expected,
    ExpectedLine,
    GiveWay,
    Grant,
    HqSilence,
    Mistake,
    MoveOrder,
    Noted,
    Notice,
    Pause,
    PlaceOrder,
    Refused,
    ReleaseHold,
    Reserve,
    ResolveCase,
    Sale,
    SaleLine,
    Scan,
    Scanned,
    Sold,
    SoldLine,
    TagsEntered,
    TagsHeard,
    TagsSilent,
    Tick,
    Ticked,
    Unreadable,
    Work,
)
from agent.core.cases import KINDS
from agent.core.catalogue import Catalogue, Sku
from agent.core.commands import FromHq, Obeyed
from agent.core.count_asks import CancelCount, Count, EnterFound, LookAtCount, RequestCount, ReviewCount, StartCount
from agent.core.days import CloseDay
from agent.core.ledger import Posting, Turn
from agent.core.order_asks import AmendOrder, AnswerQuestion, CourierCame, PayOrder
from agent.core.places import BACKROOM, EXIT, FLOOR, SUPPLIER
from agent.core.tags import TagChange
from agent.core.tasks import claiming, deciding
from agent.core.tasks.asks import AskCustomer, ClaimTask, HandOver, LeaveTask, Pack, Reports


def decide_any(turn: Turn, ask: Ask | FromHq) -> Answer | Obeyed:
    """The same, also for what HQ commands."""
    return obeying.obey(turn, ask, decide) if isinstance(ask, FromHq) else decide(turn, ask)


def decide(turn: Turn, ask: Ask) -> Answer:
    """Enter the ask in the turn; what to answer once the turn is on disk."""
    match ask:
        case Sale():
            return _sell(turn, ask)
        case Scan():
            return _scan(turn, ask)
        case TagsHeard():
            return _hear(turn, ask)
        case TagsSilent():
            return _miss(turn, ask)
        case Delivery():
            return _expect(turn, ask)
        case Reserve():
            return _yours(turn, ask) or promises.reserve(turn, ask)
        case CommitHold():
            return _yours(turn, ask) or promises.commit(turn, ask)
        case ConsumeHold():
            return _yours(turn, ask) or promises.consume(turn, ask)
        case ReleaseHold():
            return _yours(turn, ask) or promises.release(turn, ask)
        case GiveWay():
            return fulfilment.give_way(turn, ask)
        case Grant():
            return promises.grant(turn, ask)
        case PlaceOrder():
            return fulfilment.place(turn, ask)
        case PayOrder() | AmendOrder() | CourierCame() | AnswerQuestion():
            return amending.decide(turn, ask)
        case MoveOrder():
            return fulfilment.move(turn, ask)
        case Count() | RequestCount() | StartCount() | EnterFound() | ReviewCount() | CancelCount() | LookAtCount():
            return counts.decide(turn, ask)
        case Work():
            return fulfilment.report(turn, ask)
        case ClaimTask() | LeaveTask() | Reports() | Pack() | AskCustomer() | HandOver():
            return deciding.decide(turn, ask)
        case Tick():
            return let_time_pass(turn)
        case Pause():
            return stopping.pause(turn, ask)
        case HqSilence():
            return stopping.note_silence(turn, ask)
        case CloseDay():
            return closing.close(turn, ask)
        case Notice(over=True):
            turn.resolve_case(ask.kind, ask.about, "over")
            return Noted()
        case Notice():
            turn.open_case(ask.kind, ask.about, ask.detail)
            return Noted()
        case ResolveCase():
            return _resolve(turn, ask)
        case Unreadable():
            turn.open_case("refused_sale", ask.receipt, "; ".join(f"{one.path}: {one.problem}" for one in ask.mistakes))
            return Refused(ask.mistakes)


def let_time_pass(turn: Turn) -> Ticked:
    """What the clock does by itself, before anything else in a turn."""
    ticked = promises.expire_due(turn)
    fulfilment.look_after(turn)
    claiming.look_after(turn)
    turn.escalate_cases()
    return ticked


def _yours(turn: Turn, ask: Reserve | CommitHold | ConsumeHold | ReleaseHold) -> Refused | None:
    """A hold that an open order made for itself is disposed of by moving the order, never past it."""
    order = fulfilment.owner_of(turn, ask.hold)
    if order is None:
        return None
    return Refused((Mistake("hold", f"{ask.hold!r} belongs to order {order.id!r}: move that"),), conflict=True)


def _sell(turn: Turn, sale: Sale) -> Sold | Refused:
    found: list[tuple[SaleLine, Sku, str, Posting | None]] = []
    mistakes: list[Mistake] = []
    conflicts: list[Mistake] = []
    for place, line in enumerate(sale.lines):
        sku, source = _item_of(turn.books.catalogue, line), sale.source(line)
        earlier = turn.posting_of(source)
        if sku is None and earlier is not None:
            conflicts.append(Mistake(f"lines[{place}]", "was posted, and its item has left the catalogue since"))
            continue
        wrong = _sale_problem(sku, line)
        if sku is None or wrong is not None:
            key, what = wrong or (line.item_is, "is not known")
            mistakes.append(Mistake(f"lines[{place}].{key}", what))
            continue
        found.append((line, sku, source, earlier))
        if earlier is not None and (earlier.sku, earlier.qty, earlier.epc) != (sku.sku, line.qty, line.epc):
            conflicts.append(Mistake(f"lines[{place}]", f"was posted as {earlier.qty} of {earlier.sku}"))
    if mistakes:
        detail = "; ".join(f"{mistake.path}: {mistake.problem}" for mistake in mistakes)
        turn.open_case("refused_sale", sale.receipt, detail)
        return Refused(tuple(mistakes))
    if conflicts:
        return Refused(tuple(conflicts), conflict=True)
    turn.resolve_case("refused_sale", sale.receipt, "posted")
    return Sold(sale.receipt, tuple([_sell_line(turn, *one) for one in found]))


def _sale_problem(sku: Sku | None, line: SaleLine) -> tuple[str, str] | None:
    """Which key of a line cannot be right, and why."""
    if sku is None:
        return line.item_is, f"{line.item!r} is not in the catalogue"
    if line.epc is None:
        return None
    if line.qty != 1:
        return "qty", f"a line with an epc is one unit, not {line.qty}"
    item = epc_of.decode(line.epc)
    if isinstance(item, epc_of.NotStock):
        return "epc", f"the tag names {item.name}, no unit of {sku.sku}"
    if isinstance(item, epc_of.Item) and item.gtin not in sku.gtins:
        return line.item_is, f"the tag belongs to GTIN {item.gtin}, not to {sku.sku}"
    return None


def _sell_line(turn: Turn, line: SaleLine, sku: Sku, source: str, earlier: Posting | None) -> SoldLine:
    if earlier is not None or source in turn.bygone:
        return SoldLine(line.line, "already_posted", sku.sku, earlier.seq if earlier is not None else None)
    if line.epc is None:
        posting = tag_moves.sell_unread(turn, sku.sku, line.qty, source)
    else:
        posting = fulfilment.sell(turn, line.epc, sku.sku, source)
    return SoldLine(line.line, "posted", sku.sku, posting.seq)


def _hear(turn: Turn, heard: TagsHeard) -> TagsEntered:
    moves = 0
    for epc, place in heard.settled:
        moves += tag_moves.leave(turn, epc) if place == EXIT else tag_moves.settle(turn, epc, place, "reader")
    for stranger in heard.strangers:
        moves += tag_moves.meet(turn, stranger)
    return TagsEntered(moves)


def _miss(turn: Turn, silent: TagsSilent) -> TagsEntered:
    for epc in silent.suspects:
        tag_moves.miss(turn, epc)
    turn.left += silent.left
    return TagsEntered(sum(tag_moves.give_up(turn, epc) for epc in silent.given_up))


def _scan(turn: Turn, scan: Scan) -> Scanned:
    earlier = turn.posting_of(scan.sources()[0]) if scan.name else None
    if earlier is not None:
        return Scanned(accepted=True, message=earlier.sku)
    product = barcodes.read(scan.text, scan.aim, turn.books.instore)
    sku = product.why if isinstance(product, barcodes.NoProduct) else _sku_of(turn.books.catalogue, product)
    if isinstance(product, barcodes.NoProduct) or isinstance(sku, str):
        turn.open_case("unknown_barcode", barcodes.shown(scan.text), f"at {scan.device}: {sku}")
        return _refuse_scan(turn, scan, str(sku))
    if sku.tagged:
        return _refuse_scan(turn, scan, f"every unit of {sku.sku} has a tag: its tags are read, not its barcode")
    qty = product.grams if sku.traits.unit == "gram" else product.pieces or 1
    if qty is None:
        why = f"{sku.sku} is counted in grams and the code says no weight: weigh it, and count what is there"
        return _refuse_scan(turn, scan, f"{why} ({product.doubt})" if product.doubt else why)
    source = scan.sources()[0] if scan.name else f"scan:{scan.device}:{turn.next_scan(scan.device)}"
    if scan.purpose == "receive":
        turn.post(sku.sku, SUPPLIER, BACKROOM, qty, "receive", source, scan.device)
    else:
        turn.post(sku.sku, BACKROOM, FLOOR, qty, "move", source, scan.device)
    turn.note_scan(scan.device, scan.text, f"{scan.purpose} {sku.sku}" + (f" {qty}" if qty != 1 else ""))
    return Scanned(accepted=True, message=f"{sku.sku} ({product.doubt})" if product.doubt else sku.sku)


def _refuse_scan(turn: Turn, scan: Scan, why: str) -> Scanned:
    turn.note_scan(scan.device, scan.text, why)
    return Scanned(accepted=False, message=why)


def _sku_of(catalogue: Catalogue, product: barcodes.Product) -> Sku | str:
    """The SKU that a code names; in words why there is none."""
    found = catalogue.by_gtin(product.gtin)
    other = catalogue.by_gtin(product.or_gtin) if product.or_gtin else None
    if found is not None and other is not None and found is not other:
        return f"may be {found.sku} (EAN-8) or {other.sku} (UPC-E): have the scanner send AIM identifiers"
    if found is not None or other is not None:
        return found or other or ""
    why = f"GTIN {product.gtin} is not in the catalogue"
    measured = (product.grams, product.pieces, product.price) != (None, None, None)
    if instore.is_ours(product.gtin) and not measured:
        why += "; it is a store's own code, and [instore] does not say what it holds"
    return why


def _expect(turn: Turn, delivery: Delivery) -> Expected | Refused:
    found: list[Sku] = []
    mistakes: list[Mistake] = []
    for place, line in enumerate(delivery.lines):
        sku = _item_of(turn.books.catalogue, line)
        if sku is None:
            mistakes.append(Mistake(f"lines[{place}].{line.item_is}", f"{line.item!r} is not in the catalogue"))
            continue
        found.append(sku)
        if sku.traits.tags == "none":
            problem = f"units of {sku.sku} have no tags in the catalogue: correct it, or receive them by scanning"
            mistakes.append(Mistake(f"lines[{place}].epcs", problem))
            continue
        for nth, epc in enumerate(line.epcs):
            item = epc_of.decode(epc)
            if isinstance(item, epc_of.NotAnItem):
                mistakes.append(Mistake(f"lines[{place}].epcs[{nth}]", item.why))
            elif isinstance(item, epc_of.NotStock):
                mistakes.append(Mistake(f"lines[{place}].epcs[{nth}]", f"names {item.name}, no unit of {sku.sku}"))
            elif item.gtin not in sku.gtins:
                mistakes.append(Mistake(f"lines[{place}].epcs[{nth}]", f"belongs to GTIN {item.gtin}, not {sku.sku}"))
    if mistakes:
        return Refused(tuple(mistakes))
    others = [
        Mistake(f"lines[{place}].epcs", "this line was announced before with other tags")
        for place, (line, sku) in enumerate(zip(delivery.lines, found, strict=True))
        if _announces_others(turn, delivery, line, sku)
    ]
    if others:
        return Refused(tuple(others), conflict=True)
    lines = zip(delivery.lines, found, strict=True)
    return Expected(delivery.delivery, tuple(_expect_line(turn, delivery, line, sku) for line, sku in lines))


def _announces_others(turn: Turn, delivery: Delivery, line: DeliveryLine, sku: Sku) -> bool:
    """Was this line entered before, and does it name a tag now that nobody has announced for the item?"""
    if turn.delivered(delivery.source(line)) is None:
        return False
    tags = [turn.tag(epc) for epc in line.epcs]
    return any(tag is None or tag.sku != sku.sku for tag in tags)


def _expect_line(turn: Turn, delivery: Delivery, line: DeliveryLine, sku: Sku) -> ExpectedLine:
    source = delivery.source(line)
    earlier = turn.delivered(source)
    if earlier is not None:
        return ExpectedLine(line.line, "already_expected", earlier)
    fresh = [epc for epc in dict.fromkeys(line.epcs) if turn.tag(epc) is None]
    for epc in fresh:
        turn.tags[epc] = TagChange(sku.sku, "expected", None, 0)
        turn.resolve_case("alien_tag", epc.hex().upper(), "delivered")
    turn.deliveries[source] = len(fresh)
    return ExpectedLine(line.line, "expected", len(fresh))


def _resolve(turn: Turn, ask: ResolveCase) -> CaseResolved | Refused:
    found = turn.case_numbered(ask.case)
    if found is None:
        return Refused((Mistake("case", f"no open case has the number {ask.case}"),))
    if counts.is_of_tags(turn.books.catalogue, found):
        counts.believe_tags(turn, found, ask.by)
    elif not KINDS[found.kind].by_hand:
        return Refused((Mistake("case", f"{found.kind} closes itself when what it says is over"),), conflict=True)
    turn.resolve_case(found.kind, found.about, f"{ask.word}, by {ask.by}")
    return CaseResolved(ask.case)


def _item_of(catalogue: Catalogue, line: SaleLine | DeliveryLine) -> Sku | None:
    return catalogue.skus.get(line.item) if line.item_is == "sku" else catalogue.by_gtin(line.item)
