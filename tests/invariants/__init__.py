"""The eleven invariants of the books (`agent/core/invariants.py`), each a property test over random histories.

`shop.py` is the real thing: the agent's clerk and store on a disk. `plain.py` is what must be true, written as plainly
as possible and without any of the agent's code. `history.py` makes both live through the same random history,
with what `working.py`, `counting.py`, `tagging.py` and `commanding.py` add to it, and `test_invariants.py` judges it,
one test for each invariant.

NEARSHELF_HISTORIES says how many histories each test tries: `make torture ONLY=invariants` tries 300.
"""
