"""HQ's commands: new ones, ones that come again, too late, on stale leases, or under another's counter."""

from random import Random

import hypothesis.strategies as st
from hypothesis.stateful import precondition, rule
from msgspec.structs import asdict, replace

from agent.core.asks import Grant, HqSilence, Pause, PlaceOrder
from agent.core.commands import Again, FromHq, Obeyed
from tests.invariants.asking import Asking, Things, few, lines_of, skus, which
from tests.invariants.plain import SKUS, Command
from tests.invariants.shop import LEASE_S

#: Commands may be out of order by so many.
WINDOW = 1000
#: Where a command's counter is, seen from the newest: the next ones, one that may be free, and one long forgotten.
COUNTERS = (1, 1, 1, 2, 5, 400, 0, -1, -2, -WINDOW)
ASKS = ("pause", "go on", "grant", "take back", "order", "nonsense")


class Commanding(Asking):
    """What HQ has the store do."""

    def things(self, chance: Random) -> Things:
        what, sku, qty = chance.choice(ASKS), chance.choice(SKUS), chance.randint(1, 3)
        step, lease, nth = chance.choice(COUNTERS), chance.choice((0, 0, 0, 1, 2)), chance.randrange(40)
        things: Things = [
            lambda: self.command(what, sku, qty, step, lease),
            lambda: self.hq_falls_silent(nth % 3 == 0),
            lambda: self.hq_falls_silent(silent=False),
        ]
        if self.plain.commands:
            things.append(lambda: self.command_again(nth))
        return [*super().things(chance), *things]

    @rule(silent=st.booleans())
    def hq_falls_silent(self, silent: bool) -> None:
        """HQ falls silent, or is heard again and told a lease."""
        self.ask(HqSilence(silent, "no answer"))
        self.plain.hq_silent = silent
        if not silent:
            self.plain.leases[self.shop.lease()] = self.plain.now_ms + LEASE_S * 1000

    @rule(
        what=st.sampled_from(ASKS), sku=skus, qty=few, step=st.sampled_from(COUNTERS), nth=st.sampled_from((0, 0, 1, 2))
    )
    def command(self, what: str, sku: str, qty: int, step: int, nth: int) -> None:
        name, plain = self.name("K"), self.plain
        newest = max(plain.commands, default=0)
        counter, lease = max(1, newest + step), list(plain.leases)[-1 - nth % len(plain.leases)]
        ask, can = self._asked(what, name, sku, qty)
        head = self.shop.books.head
        (answer,) = self.ask(FromHq(name, counter, lease, ask, "" if ask else "not understood"))
        assert isinstance(answer, Obeyed)
        if counter in plain.commands or counter <= newest - WINDOW:
            assert (answer.outcome, answer.newest, self.shop.books.head) == ("stale", newest, head), answer
        elif not plain.is_good(lease):
            assert (answer.outcome, self.shop.books.head) == ("stale", head), answer
        else:
            assert answer.outcome == ("done" if can else "refused"), (answer, can)
            plain.commands[counter] = Command(name, answer)
            self._done(ask, can=can)

    @precondition(lambda self: self.plain.commands)
    @rule(nth=which)
    def command_again(self, nth: int) -> None:
        """It was not heard that it was answered: it comes again, perhaps on a newer lease, and is answered the same."""
        newest = max(self.plain.commands)
        recent = [counter for counter in self.plain.commands if counter > newest - WINDOW]
        counter, head = recent[nth % len(recent)], self.shop.books.head
        command = self.plain.commands[counter]
        counter += nth % 3  # an HQ that was restored may have given it another one
        lease = list(self.plain.leases)[-1 - nth % len(self.plain.leases)]
        (answer,) = self.ask(FromHq(command.name, counter, lease, Grant(command.name, "app", "MILK", 1)))
        assert (answer, self.shop.books.head) == (Again(**asdict(replace(command.said, counter=counter))), head)

    def _asked(self, what: str, name: str, sku: str, qty: int) -> tuple[Pause | Grant | PlaceOrder | None, bool]:
        """The ask, and whether the shop on paper can do it."""
        plain = self.plain
        match what:
            case "pause" | "go on":
                return Pause(what == "pause", "recall", "hq"), True
            case "grant":
                return Grant(name, "app", sku, qty), qty <= plain.free(sku)
            case "take back":
                return Grant(name, "app", sku, -qty), qty <= plain.granted["app", sku]
            case "order":
                return PlaceOrder(name, "web", lines_of(((sku, qty),))), plain.can(((sku, qty),))
            case _:
                return None, False

    def _done(self, ask: Pause | Grant | PlaceOrder | None, *, can: bool) -> None:
        match ask:
            case Pause():
                self.plain.paused = ask.paused
            case Grant():
                self.plain.granted[ask.holder, ask.sku] += ask.qty if can else 0
            case PlaceOrder():
                wanted = tuple((want.sku, want.qty) for want in ask.wants)
                self.orders[ask.order] = wanted
                if can:
                    self.plain.promise(f"order:{ask.order}", wanted, 0, order=True)
