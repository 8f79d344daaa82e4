"""How the process treats its memory: the books are large, long-lived and free of cycles."""

import gc

#: New containers before a look for garbage. Python's own 700 cost a fifth of what landing takes
#: (`python -m tests.benchmarks hq`); what is really garbage goes at once, by its reference count.
_NEW_BEFORE_A_LOOK = 50_000


def spare_the_books() -> None:
    """Call once they are loaded: what is there now is not looked at again, and what comes only now and then."""
    gc.freeze()
    gc.set_threshold(_NEW_BEFORE_A_LOOK, 20, 100)
