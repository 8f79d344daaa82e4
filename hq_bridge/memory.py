"""How the process treats its memory: the books are large, long-lived and free of cycles."""

import gc

#: New containers before a look for garbage, young looks before an older one, and so on. What is really garbage goes at
#: once, by its reference count. A look takes 3 ms at 1,000 and 45 ms at 50,000, for which everybody waits; over all it is
#: the same 4 % of landing. Looks at everything are what Python's own 10 and 10 would make of it.
_NEW_BEFORE_A_LOOK = 1_000
_LOOKS = 20, 100


def spare_the_books() -> None:
    """Call once they are loaded: what is there now is not looked at again, and what comes only now and then."""
    gc.freeze()
    gc.set_threshold(_NEW_BEFORE_A_LOOK, *_LOOKS)
