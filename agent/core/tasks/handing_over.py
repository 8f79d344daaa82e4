"""Packing and handing over: bags with their temperature, the pickup code, the age check, and the proof that is kept."""

import hashlib
import hmac
from dataclasses import replace
from typing import Final

from agent.core import fulfilment
from agent.core.asks import Mistake, MoveOrder, Refused
from agent.core.ledger import Turn
from agent.core.orders import Order
from agent.core.tasks import claiming, effort
from agent.core.tasks.asks import AskCustomer, HandedOver, HandOver, Lost, Pack, Tasked
from agent.core.tasks.task import MOST_TRIES, How, Parcel

#: The code's hash (RFC 7914): what it costs is what an attacker with the books pays for each of a million codes.
_COST: Final = {"n": 2**12, "r": 8, "p": 1, "dklen": 16}
_SCHEME: Final = "s1"


def digest(code: str, kept: str) -> str:
    """The pickup code hashed with the salt of `kept` (`s1$salt$hash`, both hex); "" when that is none of ours.

    Takes 10 ms and 4 MB: never in the books' own thread.
    """
    scheme, _, rest = kept.partition("$")
    salt = rest.partition("$")[0]
    try:
        made = hashlib.scrypt(code.encode(), salt=bytes.fromhex(salt), **_COST) if scheme == _SCHEME else b""
    except ValueError:
        return ""
    return f"{_SCHEME}${salt}${made.hex()}" if made else ""


def pack(turn: Turn, ask: Pack) -> Tasked | Lost | Refused:
    """Note an order's bags; it is packed then."""
    order, answer = turn.order(ask.order), _theirs(turn, ask)
    if order is None or not isinstance(answer, Tasked):
        return answer if not isinstance(answer, Tasked) else _refused("order", f"{ask.order!r} is not known")
    if order.state not in ("picked", "packed", "staged"):
        return _refused("order", f"{ask.order!r} is {order.state}: only what is picked can be packed", conflict=True)
    if [bag.k for bag in ask.bags] != list(range(1, len(ask.bags) + 1)) or any(
        bag.n != len(ask.bags) for bag in ask.bags
    ):
        return _refused("bags", "must be numbered k = 1 to n, and each say the same n")
    if order.state == "picked":
        moved = fulfilment.move(turn, MoveOrder(order.id, f"pack:{len(order.steps)}", "pack"))
        if isinstance(moved, Refused):
            return moved
    turn.tasks.parcels[order.id] = replace(turn.tasks.parcel(order.id), bags=ask.bags)
    return answer


def ask_customer(turn: Turn, ask: AskCustomer) -> Tasked | Lost | Refused:
    """Put a question to the customer; the order waits for the answer or for its time."""
    order, answer = turn.order(ask.order), _theirs(turn, ask)
    if order is None or not isinstance(answer, Tasked):
        return answer if not isinstance(answer, Tasked) else _refused("order", f"{ask.order!r} is not known")
    if all(line.line != ask.line for line in order.lines):
        return _refused("line", f"order {ask.order!r} has no line {ask.line}")
    strange = [sku for sku in ask.candidates if sku not in turn.books.catalogue.skus]
    if strange:
        return _refused("candidates", f"{', '.join(strange)} are not in the catalogue")
    if order.state == "accepted":
        fulfilment.move(turn, MoveOrder(order.id, f"ask:{len(order.steps)}:start", "start"))
    name = f"ask:{len(order.steps)}"
    asked = MoveOrder(order.id, name, "ask", ask.within_s, ask.default, ask.line, ask.candidates)
    moved = fulfilment.move(turn, asked)
    return moved if isinstance(moved, Refused) else answer


def hand_over(turn: Turn, ask: HandOver) -> HandedOver | Refused:
    """Give an order to whoever comes for it, or say why not; a wrong code is counted."""
    order = turn.order(ask.order)
    if order is None:
        return _refused("order", f"{ask.order!r} is not known")
    parcel = turn.tasks.parcel(order.id)
    if order.state in ("handed_over", "closed"):
        return HandedOver(order.id, done=True, tries_left=MOST_TRIES - parcel.tries)
    if order.state != "staged":
        return _refused("order", f"{ask.order!r} is {order.state}: only what is staged can be handed over", True)
    if parcel.bags and ask.bags != len(parcel.bags):
        return _refused("bags", f"{ask.order!r} has {len(parcel.bags)} bags, not {ask.bags}", True)
    if _needs_age_check(turn, order) and ask.age_checked is not True:
        return _refused("age_checked", "the buyer's age must be checked; when it is too low, cancel the order", True)
    how = _entitled(turn, order, parcel, ask)
    if isinstance(how, HandedOver | Refused):
        return how
    done = fulfilment.move(turn, MoveOrder(order.id, "hand-over", "hand_over"))
    if isinstance(done, Refused):
        return done
    proof = replace(parcel, how=how, to=ask.courier, by=ask.worker, age_checked=ask.age_checked, at_ms=turn.books_ms)
    turn.tasks.parcels[order.id] = proof
    effort.handed_over(turn, order, ask.worker, ask.took_s * 1000)
    return HandedOver(order.id, done=True, tries_left=MOST_TRIES - parcel.tries)


def _entitled(turn: Turn, order: Order, parcel: Parcel, ask: HandOver) -> How | HandedOver | Refused:
    """By what right the order is taken: its code, a courier with a name, or a lead's word."""
    if order.fulfil != "pickup":
        return "courier" if ask.courier.strip() else _refused("courier", "say who takes it")
    if not order.code:
        return "counter"
    leads = ask.role in ("lead", "manager")
    left = MOST_TRIES - parcel.tries
    if left <= 0 and not leads:
        return HandedOver(order.id, done=False, tries_left=0, why="too many wrong codes: a lead must hand it over")
    if not ask.digest:
        return "lead" if leads else _refused("code", "the pickup code is needed")
    if hmac.compare_digest(ask.digest, order.code):
        return "code"
    turn.tasks.parcels[order.id] = replace(parcel, tries=parcel.tries + 1)
    return HandedOver(order.id, done=False, tries_left=max(0, left - 1), why="the pickup code is wrong")


def _needs_age_check(turn: Turn, order: Order) -> bool:
    """Is something in it that is sold from an age on?"""
    hold = turn.hold(order.hold)
    skus = turn.books.catalogue.skus
    found = (skus.get(line.sku) for line in (hold.lines if hold is not None else ()) if line.pulled or line.consumed)
    return any(sku is not None and sku.traits.min_age for sku in found)


def _theirs(turn: Turn, ask: Pack | AskCustomer) -> Tasked | Lost | Refused:
    """The task, if it is theirs who ask, and has the order."""
    task = turn.tasks.task(ask.task)
    if task is None or ask.order not in task.orders:
        return _refused("order", f"{ask.order!r} is not in task {ask.task!r}")
    if not claiming.is_theirs(task, ask.token):
        return Lost(task)
    done = effort.Done(ask.order, (effort.PACKING,) if isinstance(ask, Pack) else ())
    return Tasked(claiming.heard(turn, effort.after(turn, task, [done])))


def _refused(path: str, problem: str, conflict: bool = False) -> Refused:
    return Refused((Mistake(path, problem),), conflict)
