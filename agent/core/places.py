"""The accounts of the books, in two families that never mix: places of units, and claims on them.

Physical: inside places are the store's stock, outside places balance them. Claims: what part of the stock is spoken
for, from `FREE` by way of grants, holds, commits and pulled units to `CONSUMED`. Both are double entry: each sums to 0
per SKU.
"""

from typing import Final

FLOOR: Final = "FLOOR"
BACKROOM: Final = "BACKROOM"
QUARANTINE: Final = "QUARANTINE"
DISPLAY: Final = "DISPLAY"
SUSPECT: Final = "SUSPECT"

SUPPLIER: Final = "SUPPLIER"
CUSTOMER: Final = "CUSTOMER"
SHRINK: Final = "SHRINK"
WASTE: Final = "WASTE"
FOUND: Final = "FOUND"
UNATTRIBUTED_OUT: Final = "UNATTRIBUTED_OUT"

INSIDE: Final = frozenset({FLOOR, BACKROOM, QUARANTINE, DISPLAY, SUSPECT})
OUTSIDE: Final = frozenset({SUPPLIER, CUSTOMER, SHRINK, WASTE, FOUND, UNATTRIBUTED_OUT})

#: No account: the antenna at the door, where whoever leaves is heard.
EXIT: Final = "EXIT"

#: A late or impossible sale may take these below zero, with an open `negative_stock` case; no other inside place.
MAY_GO_NEGATIVE: Final = frozenset({FLOOR, BACKROOM})

#: A tote or a staging slot is a place of its own, named after it.
TOTE: Final = "TOTE:"
STAGED: Final = "STAGED:"

#: What can be promised to somebody: units a shopper or picker finds where they belong.
SELLABLE: Final = (FLOOR, BACKROOM)

FREE: Final = "FREE"
CONSUMED: Final = "CONSUMED"
GRANT: Final = "GRANT:"
HOLD: Final = "HOLD:"
COMMIT: Final = "COMMIT:"
PULLED: Final = "PULLED:"

#: Accounts of one hold each, which nothing comes back to once they are empty.
OPEN_CLAIMS: Final = (HOLD, COMMIT, PULLED)
#: Of these, the claims on what is sellable: they are kept, or broken with an open case. A pulled unit is out of it.
UNPULLED: Final = (HOLD, COMMIT)


#: Where units are, but for totes and slots.
PLACES: Final = INSIDE | OUTSIDE
_CLAIMS: Final = (GRANT, *OPEN_CLAIMS)


def is_inside(place: str) -> bool:
    """Does a unit there belong to the store's stock?"""
    return place in INSIDE or place.startswith((TOTE, STAGED))


def is_claim(account: str) -> bool:
    """Is this an account of the claims' family?"""
    return account not in PLACES and (account in (FREE, CONSUMED) or account.startswith(_CLAIMS))
