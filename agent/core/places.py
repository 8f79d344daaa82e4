"""Where units can be. Inside places are the store's stock; outside places balance the books (double entry)."""

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

#: A late or impossible sale may take these below zero, with an open `negative_stock` case; no other inside place.
MAY_GO_NEGATIVE: Final = frozenset({FLOOR, BACKROOM})
