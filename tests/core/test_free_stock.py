"""How long goods that nobody was promised were promised to nobody."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from agent.core.free_stock import FreeStock, Step

_SKUS = ("MILK", "EGGS", "SHIRT")
#: Per moment: ms since the one before, what SKUs are told to be (held, ATP, free), and whether the store is stopped.
_TOLD = st.sampled_from([(0, 0, 0), (1, 0, 2), (0, 3, 3), (0, 0, 1)])
_MOMENTS = st.lists(
    st.tuples(st.integers(0, 5_000), st.dictionaries(st.sampled_from(_SKUS), _TOLD), st.booleans()), max_size=12
)


@given(_MOMENTS, st.integers(0, 5_000))
def test_every_ms_of_every_free_sku_is_counted_once(
    moments: list[tuple[int, dict[str, tuple[int, int, int]], bool]], more: int
) -> None:
    stock, told, stopped, now_ms = FreeStock(), dict.fromkeys(_SKUS, (0, 0, 0)), False, 0
    paper = [0, 0, 0]
    steps = [Step()]

    def pass_by(ms: int) -> None:
        for _, atp, left in told.values():
            paper[0] += ms * (left > 0)
            paper[1] += ms * (left > 0 and (stopped or not atp))
            paper[2] += ms * (left > 0 and stopped and atp > 0)

    for ms, opened, is_stopped in moments:
        pass_by(ms)
        now_ms, stopped = now_ms + ms, is_stopped
        told.update(opened)
        stock.remember(stock.change(opened, now_ms, is_stopped=is_stopped))
        steps += [stock.last] if stock.last != steps[-1] else []
    pass_by(more)
    assert stock.last.sums_at(now_ms + more) == tuple(paper)
    for before, after in pairwise(steps):  # one goes on where the other ends
        assert before.sums_at(after.at_ms) == after.sums_at(after.at_ms)


def test_what_does_not_change_begins_nothing() -> None:
    stock = FreeStock()
    stock.remember(stock.change({"MILK": (0, 2, 2)}, 5, is_stopped=False))
    assert stock.last == Step(5, 1)
    again = stock.change({"MILK": (1, 1, 1)}, 9, is_stopped=False)
    assert (again.skus, again.step) == ({}, None)
    stock.remember(stock.change({}, 9, is_stopped=True))
    assert stock.last == Step(9, 1, 1, 1, 4)
