"""What each invariant means, said of the ledger's rows as the disk has them, of memory, and of the shop on paper."""

import base64
import json
from collections import Counter
from collections.abc import Mapping
from hashlib import blake2b
from typing import NamedTuple

from agent.core.atp import Conditions
from agent.core.atp import terms as atp_terms
from agent.core.explain import policy_of
from agent.core.orders import seconds_by_step
from hq_bridge.books import Draft
from tests.core.test_work import GOODS
from tests.invariants.history import History
from tests.invariants.plain import BACKROOM, FLOOR, SKUS
from wire import codec, digest

INSIDE = ("FLOOR", "BACKROOM", "QUARANTINE", "DISPLAY", "SUSPECT", "TOTE:", "STAGED:")
CLAIMS = ("FREE", "GRANT:", "HOLD:", "COMMIT:", "PULLED:", "CONSUMED")
UNPULLED, PULLED = ("HOLD:", "COMMIT:"), "PULLED:"
#: Where a hold's line, as the disk has it, names the tags that are bound to it.
TAGS = 10
ENDS = ("consume", "release", "expire", "breach")
ENDED = ("closed", "cancelled", "rejected")


class Row(NamedTuple):
    """A posting, as far as it is judged."""

    seq: int
    sku: str
    origin: str
    target: str
    qty: int
    code: str
    source: str
    part: int
    epc: bytes | None
    from_now: int
    to_now: int
    on_hand: int


def ledger(of: History) -> list[Row]:
    names = ", ".join(Row._fields)
    return [Row(*row) for row in of.shop.rows(f"SELECT {names} FROM posting ORDER BY seq")]


def replayed(rows: list[Row]) -> Counter[tuple[str, str]]:
    """The balances that the postings make, from nothing; each says what is true after it."""
    balances: Counter[tuple[str, str]] = Counter()
    on_hand: Counter[str] = Counter()
    for row in rows:
        balances[row.sku, row.origin] -= row.qty
        balances[row.sku, row.target] += row.qty
        on_hand[row.sku] += row.qty * (row.target.startswith(INSIDE) - row.origin.startswith(INSIDE))
        after = (balances[row.sku, row.origin], balances[row.sku, row.target], on_hand[row.sku])
        assert (row.from_now, row.to_now, row.on_hand) == after, row
    return balances


def is_something(balances: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    return {key: qty for key, qty in balances.items() if qty}


def sums_and_balances(of: History) -> None:
    balances, sums = replayed(ledger(of)), Counter[tuple[str, bool]]()
    for (sku, account), qty in balances.items():
        sums[sku, account.startswith(CLAIMS)] += qty
    assert not any(sums.values()), sums
    kept = {(sku, place): qty for sku, place, qty in of.shop.rows("SELECT sku, place, qty FROM balance")}
    assert is_something(balances) == is_something(kept) == is_something(of.shop.books.balances)
    units = {key: qty for key, qty in balances.items() if key[0] in SKUS and not key[1].startswith(CLAIMS)}
    assert is_something(units) == is_something(of.plain.places)
    tags = sum(1 for (place,) in of.shop.rows("SELECT place FROM tag") if (place or "").startswith(INSIDE))
    there = sum(qty for (sku, place), qty in balances.items() if sku == "SHIRT" and place.startswith(INSIDE))
    assert there == tags - balances["SHIRT", "UNATTRIBUTED_OUT"], "a tagged unit is counted twice, or not at all"


def claims_are_covered(of: History) -> None:
    balances = replayed(ledger(of))
    for sku in SKUS:
        claimed = sum(qty for (name, account), qty in balances.items() if name == sku and account.startswith(UNPULLED))
        assert claimed == of.plain.promised(sku) == of.shop.books.promised(sku)
        pulled = sum(qty for (name, account), qty in balances.items() if name == sku and account.startswith(PULLED))
        assert (pulled, balances[sku, "CONSUMED"]) == (of.plain.pulled(sku), of.plain.used(sku))
        excess = claimed - max(0, of.plain.sellable(sku))
        case = of.shop.books.cases.get(("breach", sku))
        assert (case is not None) == (excess > 0), (sku, excess)
        assert case is None or case.detail.startswith(f"{excess} promised")


def once(of: History) -> None:
    made: dict[str, list[Row]] = {}
    for row in ledger(of):
        made.setdefault(row.source, []).append(row)
    for source, rows in made.items():
        assert [row.part for row in rows] == list(range(len(rows))), source
        if source in of.made:
            assert rows == of.made[source], f"{source} made other postings than before"
    of.made = made
    for name, claim in of.plain.claims.items():
        ends = [source for source in made if source in {f"{end}:{name}" for end in ENDS}]
        how, units = claim.ended
        assert ends == ([f"{how}:{name}"] if units else []), (name, claim)
        assert claim.over == (name not in of.shop.books.holds)
        assert sum(row.qty for row in made[f"hold:{name}"]) == sum(qty for _, qty in claim.wants)
    done = [command.name for command in of.plain.commands.values()]
    assert len(done) == len(set(done))


def units_are_in_one_place(of: History) -> None:
    """By the last posting that names it; what its tag says; and no two open claims name it."""
    at: dict[bytes, str] = {}
    claims: Counter[bytes] = Counter()
    for (lines,) in of.shop.rows("SELECT lines FROM hold"):
        claims.update(bytes.fromhex(tag) for line in json.loads(lines) if len(line) > TAGS for tag in line[TAGS])
    for row in ledger(of):
        if row.epc is None:
            continue
        if row.origin.startswith(CLAIMS):
            continue
        if {row.origin, row.target} == {"UNATTRIBUTED_OUT", "CUSTOMER"}:
            # A unit that was sold unread, from FLOOR, is taken to be this one, or no longer.
            at[row.epc] = "CUSTOMER" if row.target == "CUSTOMER" else FLOOR
            continue
        before = at.get(row.epc, "SUPPLIER")
        assert before == row.origin or not before.startswith(INSIDE), (row, before)
        at[row.epc] = row.target
    assert max(claims.values(), default=0) <= 1
    for epc, place in of.shop.rows("SELECT epc, place FROM tag"):
        inside = at.get(epc, "").startswith(INSIDE)
        assert place == at[epc] if inside else not (place or "").startswith(INSIDE)
        assert epc not in of.shop.books.tags or of.shop.books.tags[epc].place == place
        assert bool(claims[epc]) == (place or "").startswith(("TOTE:", "STAGED:")), "a picked unit is somebody's"


def negative_has_a_case(of: History) -> None:
    below = {key for key, qty in replayed(ledger(of)).items() if qty < 0 and key[1].startswith(INSIDE)}
    assert {place for _, place in below} <= {FLOOR, BACKROOM}
    assert {f"{sku} at {place}" for sku, place in below} == {
        about for kind, about in of.shop.books.cases if kind == "negative_stock"
    }


def rights_are_their_owners(of: History) -> None:
    """What a holder may take changes by its own grants and holds alone; what was answered is what may be."""
    balances = replayed(ledger(of))
    for sku in SKUS:
        assert balances[sku, "GRANT:app"] == of.plain.granted["app", sku] >= 0
        assert of.shop.books.granted(sku) == of.plain.all_granted(sku)
    rights = [row for row in ledger(of) if "GRANT:app" in (row.origin, row.target)]
    for row in rights:
        name = row.source.partition(":")[2].partition("/")[0]
        assert row.code == "grant" or of.plain.claims[name].grant == "app", row
    freed = [row for row in ledger(of) if row.target == "FREE" and row.code != "grant"]
    for row in freed:
        if row.sku not in SKUS:
            continue
        taken = of.plain.claims[row.source.partition(":")[2].partition("/")[0]]
        granted = {sku for sku, _ in taken.wants} if taken.grant else set()
        assert row.sku not in granted or any(
            line.sku == row.sku for line in list(taken.lines.values())[len(taken.wants) :]
        )


def counts_say_what_was_there(of: History) -> None:
    """What a count posted makes the books what was found at its own number, and leaves what moved since.

    Other counts since are no moves: they say what was there too.
    """
    rows = ledger(of)
    for line, (sku, place, seq, counted, settled) in of.counted.items():
        own = (f"count:{line}", f"doubt:{line}")
        changes = [(row, row.qty * ((row.target == place) - (row.origin == place))) for row in rows if row.sku == sku]
        known = [
            qty for row, qty in changes if row.code == "count" and seq < row.seq <= settled and row.source not in own
        ]
        had = sum(qty for row, qty in changes if row.seq <= seq) + sum(known)
        assert sum(qty for row, qty in changes if row.source in own) == counted - had, line


def hq_is_told_everything(of: History) -> None:
    """The rows are dense, and after each HQ has the balances that the postings up to it make; in the end also what is
    held of each SKU and what can be promised beyond it."""
    told = of.shop.rows(f"SELECT seq, body FROM announcement WHERE seq > {of.hq.position.cursor} ORDER BY seq")
    assert [seq for seq, _ in told] == list(range(of.hq.position.cursor + 1, of.shop.books.head + 1))
    rows = ledger(of)
    for seq, body in told:
        draft = Draft(of.hq)
        draft.batch(codec.decode_batch(codec.batch_of(of.shop.books.epoch, seq, [body])))
        draft.seal(0)
        of.hq.accept(draft, 0)
        at_seq = replayed([row for row in rows if row.seq <= seq])
        assert of.hq.position.cursor == seq
        assert of.hq.position.digest == digest.of_books((*key, qty) for key, qty in at_seq.items()), seq
    for sku, (*_, held, atp) in of.hq.stock.items():
        terms = atp_terms(of.shop.books, Conditions(policy_of=policy_of(GOODS, {})), sku, "any")
        assert (held, atp) == (terms.promised, terms.atp), sku
        if sku in SKUS:
            assert (held, atp) == (of.plain.promised(sku), of.plain.open_to_all(sku)), sku
            free, stock = of.plain.free_substitutes(sku) > 0, of.shop.books.free_stock
            assert (sku in stock.free, sku in stock.closed) == (free, free and not atp), sku
    assert any(kind == "paused" for kind, _ in of.hq.cases) == of.plain.paused


def rows_form_a_chain(of: History) -> None:
    """Each row's value is the hash of the one before and of the row, as JSON."""
    link = b""
    columns = "seq, sku, origin, target, qty, code, at, source, part, actor, epc, from_now, to_now, on_hand"
    for *row, value in of.shop.rows(f"SELECT {columns}, chain FROM posting ORDER BY seq"):
        row[10] = row[10] and base64.b64encode(row[10]).decode()
        text = json.dumps(row, separators=(",", ":"), ensure_ascii=False)
        link = blake2b((link or bytes(16)) + text.encode(), digest_size=16).digest()
        assert value == link, row[0]


def nobody_waits_in_silence(of: History) -> None:
    cases = of.shop.rows("SELECT kind, opened_at, due_at FROM case_file WHERE resolved_at IS NULL")
    assert len(cases) == len(of.shop.books.cases)
    for case in of.shop.books.cases.values():
        assert case.owner
        assert case.due_at > case.opened_at
    for session in of.shop.books.counts.sessions.values():
        assert session.owner
        assert session.due_at > session.requested_at
    for name, claim in of.plain.claims.items():
        back = sum(line.back.total() for line in claim.lines.values())
        assert (("put_back", name) in of.shop.books.cases) == (back > 0)
    for name, state, steps, late, deadline_ms in of.shop.rows(
        "SELECT id, state, steps, late, deadline_ms FROM customer_order"
    ):
        entered = [since_ms for _, since_ms, *_ in json.loads(steps)]
        assert json.loads(steps)[-1][0] == state
        assert entered == sorted(entered)
        order = of.shop.books.orders.get(name)
        assert (order is None) == (state in ENDED)
        if order is not None:
            assert order.owner
            assert late or deadline_ms >= of.plain.now_ms
            assert bool(late) == (("late_order", name) in of.shop.books.cases)
            seconds = sum(seconds for _, seconds in seconds_by_step(order, of.plain.now_ms))
            assert seconds == of.plain.now_ms // 1000 - entered[0] // 1000
