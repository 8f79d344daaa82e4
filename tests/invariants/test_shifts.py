"""Random shifts: orders, claims, and reports that come late, twice, shuffled and with lost tokens; cancels, restarts.

Whatever happened, everything open is on the board with its owner and its time, what is not done in its time goes on to
somebody else, and each second of an order is in exactly one step; once everybody has done their duty nothing is open:
no order is lost, none is answered twice, no report is entered twice, and each order is in exactly one of the days that
HQ was told of.
"""

import json
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from agent.core import kpis
from agent.core.asks import MoveOrder, Ordered, PlaceOrder, Refused, Scan, Want
from agent.core.ledger import Turn
from agent.core.order_asks import AmendOrder, AnswerQuestion
from agent.core.orders import Order
from agent.core.places import STAGED, TOTE
from agent.core.tasks import board, claiming
from agent.core.tasks.asks import (
    AskCustomer,
    ClaimTask,
    HandedOver,
    HandOver,
    LeaveTask,
    Lost,
    NoWork,
    Pack,
    PickReport,
    Reported,
    Reports,
    Result,
    Tasked,
)
from agent.core.tasks.task import Bag, Task
from agent.day_ends import DayEnds
from agent.days import Days
from agent.store import orders
from tests.core.test_work import CODES
from tests.invariants.shop import Shop
from tests.invariants.test_invariants import HISTORIES, LONG
from tests.torture.power_cuts import a_folder
from wire.figures import added

SKUS = ("MILK", "EGGS", "HAM")
WORKERS = ("w1", "w2", "w3")
OUTCOMES = (
    *("picked",) * 4, "short", "substituted", "damaged", "wrong_price", "undo", "undo", "staged", "put_back",
)  # fmt: skip


class Shift(RuleBasedStateMachine):
    """A store at work. What handhelds have not sent yet lies in `unsent`, with the token they had."""

    @initialize(seed=st.integers(0, 2**32))
    def begin(self, seed: int) -> None:
        self.chance = Random(seed)
        self.folder = a_folder()
        self.shop = Shop(Path(self.folder.name) / "books.db")
        self.unsent: list[tuple[str, int, str, PickReport]] = []
        self.sent: list[tuple[str, int, str, PickReport]] = []
        self.entered: Counter[str] = Counter()
        self.placed: list[str] = []
        self.accepted: Counter[str] = Counter()
        self.named = 0
        self.look_at_the_calendar()
        for sku in SKUS:
            for _ in range(10):
                self.shop.ask(Scan("dock", "receive", CODES[sku], None), Scan("shelf", "shelve", CODES[sku], None))

    @rule(n=st.integers(1, 3))
    def order(self, n: int) -> None:
        """A customer orders, sometimes twice the same."""
        name = f"O{len(self.placed) + 1}"
        wants = tuple(Want(nth, self.chance.choice(SKUS[:2]), self.chance.randint(1, 2)) for nth in range(1, n + 1))
        ask = PlaceOrder(name, "web", wants)
        first, again = (self.shop.ask(ask)[0] for _ in range(2))
        assert first == again
        assert isinstance(first, Ordered)
        self.placed.append(name)
        self.accepted[name] += first.state == "accepted"

    @rule(who=st.sampled_from(WORKERS), kind=st.sampled_from(("pick", "pick", "put_back")))
    def claim(self, who: str, kind: Any) -> None:
        (got,) = self.shop.ask(ClaimTask(who, kind=kind))
        assert isinstance(got, Tasked | NoWork)

    @rule(who=st.sampled_from(WORKERS), nth=st.integers(0, 9))
    def take_over(self, who: str, nth: int) -> None:
        tasks = list(self.shop.books.tasks.tasks.values())
        if tasks:
            before = tasks[nth % len(tasks)]
            (got,) = self.shop.ask(ClaimTask(who, take_over=before.id))
            assert isinstance(got, Tasked)
            assert (got.task.worker, got.task.token) == (who, before.token + 1)
            (lost,) = self.shop.ask(LeaveTask(before.id, before.token, before.worker))
            assert isinstance(lost, Lost)

    @rule(nth=st.integers(0, 9))
    def leave(self, nth: int) -> None:
        tasks = list(self.shop.books.tasks.tasks.values())
        if tasks:
            task = tasks[nth % len(tasks)]
            self.shop.ask(LeaveTask(task.id, task.token, task.worker))

    @rule(nth=st.integers(0, 9), many=st.integers(1, 6))
    def work(self, nth: int, many: int) -> None:
        """Somebody does things with Wi-Fi gone: nothing is sent yet."""
        tasks = list(self.shop.books.tasks.tasks.values())
        for _ in range(many if tasks else 0):
            task = tasks[nth % len(tasks)]
            report = self._some_report(task)
            if report is not None:
                self.unsent.append((task.id, task.token, task.worker, report))

    def _some_report(self, task: Task) -> PickReport | None:
        turn = self.look()
        order = self.chance.choice(task.orders)
        hold = claiming.hold_of_order(turn, order)
        if hold is None:
            return None
        self.named += 1
        line = self.chance.choice(hold.lines)
        tote = self.chance.choice([tote.tote for tote in task.totes if tote.order == order] or ["1"])
        sku = line.sku if self.chance.random() < 0.8 else self.chance.choice(SKUS)
        outcome = "put_back" if task.kind == "put_back" else self.chance.choice(OUTCOMES)
        if outcome == "substituted":
            sku = "EGGS" if line.sku == "MILK" else "MILK"
        code = CODES.get(sku, "")
        return PickReport(f"h-{self.named}", outcome, order, line.line, 1, tote, "S1", text=code)  # type: ignore[arg-type]

    @rule(nth=st.integers(0, 9), default=st.sampled_from(("decide", "cancel")))
    def ask_the_customer(self, nth: int, default: Any) -> None:
        tasks = [task for task in self.shop.books.tasks.tasks.values() if task.kind == "pick"]
        if tasks:
            task = tasks[nth % len(tasks)]
            order = self.shop.books.orders[self.chance.choice(task.orders)]
            line = self.chance.choice(order.lines).line
            self.shop.ask(AskCustomer(task.id, task.token, task.worker, order.id, line, ("HAM",), 90, default))

    @rule(nth=st.integers(0, 9), take=st.sampled_from(("substitute", "remove", "remove", "cancel")))
    def the_customer_answers(self, nth: int, take: Any) -> None:
        asked = [order for order in self.shop.books.orders.values() if order.question is not None]
        if asked:
            order = asked[nth % len(asked)]
            (said,) = self.shop.ask(AnswerQuestion(order.id, f"a{len(order.steps)}", take, sku="HAM"))
            assert isinstance(said, Ordered)

    @rule(again=st.booleans())
    def send(self, again: bool) -> None:
        """Wi-Fi is back: what waits is sent, shuffled, some of it a second time."""
        self.chance.shuffle(self.unsent)
        batch = self.unsent + (self.chance.sample(self.sent, min(4, len(self.sent))) if again else [])
        self.sent += self.unsent
        self.unsent = []
        for task, token, worker, report in batch:
            self.answered(self.shop.ask(Reports(task, token, worker, (report, report)))[0], task, token)

    @rule(who=st.sampled_from(WORKERS), nth=st.integers(0, 9), many=st.integers(1, 6))
    def carry_on(self, who: str, nth: int, many: int) -> None:
        """What happens most: somebody has work, does some of it, and tells at once."""
        self.claim(who, "pick")
        self.work(nth, many)
        self.send(again=False)

    def answered(self, said: Any, task: str, token: int) -> None:
        assert isinstance(said, Reported)
        now = self.shop.books.tasks.tasks.get(task)
        assert said.lost == (said.task.token != token)
        assert now is None or said.lost == (now.token != token)
        first, second = said.results
        assert isinstance(first, Result)
        self.entered[first.id] += first.outcome == "entered"
        assert second.outcome == ("refused" if first.outcome == "refused" else "known")
        assert self.entered[first.id] <= 1

    @rule(nth=st.integers(0, 9))
    def cancel(self, nth: int) -> None:
        orders = list(self.shop.books.orders)
        if orders and self.chance.random() < 0.4:
            self.shop.ask(MoveOrder(orders[nth % len(orders)], "no", "cancel"))

    @rule(nth=st.integers(0, 9), line=st.integers(1, 4), qty=st.integers(0, 3))
    def amend(self, nth: int, line: int, qty: int) -> None:
        """The customer wants other quantities, or something more."""
        orders = list(self.shop.books.orders)
        if orders:
            self.named += 1
            want = Want(line, self.chance.choice(SKUS[:2]), qty)
            self.shop.ask(AmendOrder(orders[nth % len(orders)], f"a{self.named}", (want,)))

    @rule(seconds=st.sampled_from((1, 60, 700, 4000, 40_000)))
    def pass_time(self, seconds: int) -> None:
        self.shop.pass_time(seconds)

    @rule()
    def look_at_the_calendar(self) -> None:
        self.shop.run(DayEnds(self.shop.clerk, self.shop.clock, self._days()).close_what_is_over())

    def _days(self) -> Days:
        return Days(self.shop.clerk, self.shop.clock)

    @rule()
    def restart(self) -> None:
        before = self.shop.books
        self.shop.restart()
        now = self.shop.books
        assert now.tasks.tasks == before.tasks.tasks
        assert now.tasks.of_order == before.tasks.of_order
        assert now.tasks.parcels == before.tasks.parcels
        assert now.tasks.leftovers == before.tasks.leftovers
        assert now.orders == before.orders

    @rule(nth=st.integers(0, 9))
    def hand_over(self, nth: int) -> None:
        staged = [order for order in self.shop.books.orders.values() if order.state == "staged"]
        if staged:
            order = staged[nth % len(staged)]
            (said,) = self.shop.ask(self._handed(order.id))
            assert isinstance(said, HandedOver)

    def _handed(self, order: str) -> HandOver:
        return HandOver(order, "w3", "picker", len(self.look().tasks.parcel(order).bags), courier="C-7")

    @invariant()
    def everything_open_is_on_the_board_with_its_owner_and_its_time(self) -> None:
        if not hasattr(self, "shop"):
            return
        books, shown = self.shop.books, board.open_things(self.look())
        assert all(one.owner for one in shown)
        names = {(one.what, one.id) for one in shown}
        assert names >= {("order", order.id) for order in books.orders.values() if order.is_open}
        assert names >= {("task", task) for task in books.tasks.tasks}
        assert names >= {("case", str(case.id)) for case in books.cases.values()}
        assert names >= {("count", count) for count in books.counts.sessions}
        for order in books.orders.values():
            assert order.state not in claiming.TO_DO or (
                books.tasks.of_order.get(("pick", order.id)) or order in claiming.waiting_orders(self.look())
            )

    @invariant()
    def nothing_waits_silently_and_what_is_due_goes_on(self) -> None:
        if not hasattr(self, "shop"):
            return
        books, now_ms, at = self.shop.books, self.shop.books.books_ms, self.shop.clock.now_ms()
        turn = self.look()
        shown = {(one.what, one.id): one for one in board.open_things(turn)}
        for order in books.orders.values():
            one = shown["order", order.id]
            assert one.due_in_s == board.left_s(turn, order.deadline_ms)
            assert order.deadline_ms > now_ms or (order.late and ("late_order", order.id) in books.cases)
            assert (order.state == "awaiting_decision") == (order.question is not None)
            assert order.question is None or (one.owner == "customer" and one.due_in_s <= 90)
            assert order.state not in ("accepted", "picking", "awaiting_decision") or order.hold in books.holds
        parcels = {name for name, parcel in books.tasks.parcels.items() if parcel.bags}
        assert parcels <= {name for what, name in shown if what == "order"}
        to_put_back = {name for name in self.placed if any(claiming.to_put_back(turn, name))}
        taken = {name for task in books.tasks.tasks.values() if task.kind == "put_back" for name in task.orders}
        assert to_put_back - taken == {name for what, name in shown if what == "put_back"}
        for case in books.cases.values():
            assert shown["case", str(case.id)].owner == case.owner
            assert case.due_at > at or case.owner == "manager"
        for session in books.counts.sessions.values():
            assert session.due_at > at or shown["count", session.id].owner == "manager"
        for task in books.tasks.tasks.values():
            assert task.state == "offered" or now_ms < task.heard_ms + books.tasks.rules.silent_s * 1000

    @invariant()
    def each_second_of_an_order_is_in_exactly_one_step(self) -> None:
        for order in self.shop.books.orders.values() if hasattr(self, "shop") else ():
            _in_one_step(order, self.shop.books.books_ms)

    def look(self) -> Turn:
        books = self.shop.books
        return Turn(books, self.shop.clock.now_ms(), {}, {}, {}, books.books_ms)

    def teardown(self) -> None:
        if not hasattr(self, "shop"):
            return
        try:
            self.send(again=True)
            for _ in range(60):
                if not self._somebody_does_their_duty():
                    break
            self.shop.pass_time(25 * 3600)
            assert not self.shop.books.orders, self.shop.books.orders
            assert not self.shop.books.tasks.tasks
            assert not self.shop.books.tasks.leftovers
            assert not [kind for kind, _ in self.shop.books.cases if kind in ("put_back", "late_order")]
            self._everything_is_as_it_was_said()
        finally:
            self.shop.close()
            self.folder.cleanup()

    def _everything_is_as_it_was_said(self) -> None:
        rows = self.shop.rows("SELECT id, state FROM customer_order")
        assert {name for name, _ in rows} == set(self.placed)
        assert all((state == "rejected") != bool(self.accepted[name]) for name, state in rows)
        for row in self.shop.rows(f"SELECT {', '.join(orders.NAMES)} FROM customer_order"):
            _in_one_step(orders.order_of(row), self.shop.books.books_ms)
        self._each_order_is_in_one_day()
        noted = dict(self.shop.rows("SELECT id, entered FROM pick_report"))
        assert {name: bool(n) for name, n in self.entered.items()} == {name: bool(n) for name, n in noted.items()}
        works = [
            name
            for (text,) in self.shop.rows("SELECT works FROM hold")
            for name, _ in json.loads(text)
            if name[0] == "h"
        ]
        assert len(works) == len(set(works))
        left = self.shop.rows(
            f"SELECT sku, place, qty FROM balance WHERE place GLOB '{TOTE}*' OR place GLOB '{STAGED}*'"
        )
        assert not [row for row in left if row[2]], left

    def _each_order_is_in_one_day(self) -> None:
        self.look_at_the_calendar()
        told = [json.loads(sums) for (sums,) in self.shop.rows("SELECT sums FROM trading_day")]
        sums = added([*told, self.shop.run(self._days().today()).sums])
        assert sums.get("asked", 0) == sums.get("orders", 0) == len(self.placed)
        assert sums.get("handed_over", 0) + sums.get("rejected", 0) <= len(self.placed)
        (worked,) = self.shop.rows("SELECT coalesce(sum(ms), 0) FROM labour")
        assert sums.get("labour_ms", 0) == worked[0]

    def _somebody_does_their_duty(self) -> bool:
        """Whoever is asked to do something does it; False when nobody is."""
        books, asks = self.shop.books, list[Any]()
        for order in books.orders.values():
            if order.state == "staged":
                asks.append(self._handed(order.id))
            elif order.state == "awaiting_decision":
                asks.append(MoveOrder(order.id, f"d{len(order.steps)}", "decide"))
        (got,) = self.shop.ask(ClaimTask("w1"), *asks)[:1]
        if isinstance(got, NoWork):
            (got,) = self.shop.ask(ClaimTask("w1", kind="put_back"))
        taken = [task for task in books.tasks.tasks.values() if task.worker != "w1" or task.state == "offered"]
        for task in taken:
            self.shop.ask(ClaimTask("w1", take_over=task.id))
        for task in list(self.shop.books.tasks.tasks.values()):
            self._do(task)
        return isinstance(got, Tasked) or bool(asks) or bool(taken)

    def _do(self, task: Task) -> None:
        turn = self.look()
        for name in task.orders:
            hold = claiming.hold_of_order(turn, name)
            if hold is None:
                continue
            for line, place, qty in list(claiming.to_put_back(turn, name)) if task.kind == "put_back" else ():
                tote, slot = place.removeprefix(TOTE), place.removeprefix(STAGED)
                where = (tote, "") if tote != place else ("", slot)
                code = CODES[line.sku]
                self._tell(task, PickReport(self._name(), "put_back", name, line.line, qty, *where, text=code))
            if task.kind == "put_back":
                continue
            for line in hold.lines:
                tote = next(tote.tote for tote in task.totes if tote.order == name)
                if line.lost and not line.open:
                    self._tell(task, PickReport(self._name(), "short", name, line.line))
                elif line.open:
                    one = PickReport(self._name(), "picked", name, line.line, line.open, tote, text=CODES[line.sku])
                    self._tell(task, one)
            order, now = self.shop.books.orders.get(name), self.shop.books.holds.get(hold.id)
            if order is not None and now is not None and order.state in ("picked", "packed"):
                self.shop.ask(Pack(task.id, task.token, task.worker, name, (Bag(1, 1),)))
                totes = {at for line in now.lines for at, _ in line.pulled if at.startswith(TOTE)}
                for at in sorted(totes):
                    one = PickReport(self._name(), "staged", name, tote=at.removeprefix(TOTE), slot="S1")
                    self._tell(task, one)

    def _tell(self, task: Task, one: PickReport) -> None:
        (said,) = self.shop.ask(Reports(task.id, task.token, task.worker, (one,)))
        assert isinstance(said, Reported)
        assert not isinstance(said, Refused)
        self.entered[one.id] += said.results[0].outcome == "entered"

    def _name(self) -> str:
        self.named += 1
        return f"h-{self.named}"


def _in_one_step(order: Order, now_ms: int) -> None:
    seconds = kpis.seconds_in(order, now_ms)
    end_ms = max(now_ms, order.steps[-1].since_ms) if order.is_open else order.steps[-1].since_ms
    assert all(each >= 0 for each in seconds.values())
    assert sum(seconds.values()) == end_ms // 1000 - order.steps[0].since_ms // 1000


def test_no_order_is_lost_none_answered_twice_and_none_ends_open() -> None:
    run_state_machine_as_test(Shift, settings=settings(LONG, max_examples=max(5, HISTORIES // 4)))
