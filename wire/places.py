"""Which accounts of a store's books are places of units; the others are claims on them."""

from collections.abc import Mapping
from typing import Final

#: What claims begin with: nobody moves by being promised.
_CLAIMS: Final = ("FREE", "CONSUMED", "GRANT:", "HOLD:", "COMMIT:", "PULLED:")


def places_of(balances: Mapping[str, int]) -> dict[str, int]:
    """Where units are, of a SKU's balances by account."""
    return {account: qty for account, qty in balances.items() if not account.startswith(_CLAIMS)}
