"""A number both ends can keep that is equal exactly when their books are (up to a chance of 2⁻⁶⁴).

The digest is the sum, modulo 2⁶⁴, of one 64-bit hash for each (SKU, place) whose balance is not zero. A sum does not
depend on order, so a posting changes it by four hashes, never by a pass over the books.
"""

from collections.abc import Iterable
from hashlib import blake2b

MASK = (1 << 64) - 1
_begun = blake2b(digest_size=8).copy  # a copy costs half of a new one


def of_balance(sku: str, place: str, qty: int) -> int:
    """The share of one balance in the digest; 0 when there is nothing there."""
    if qty == 0:
        return 0
    share = _begun()
    share.update(f"{sku}\x00{place}\x00{qty}".encode())
    return int.from_bytes(share.digest())


def of_books(balances: Iterable[tuple[str, str, int]]) -> int:
    """The digest of all balances `(sku, place, qty)`."""
    return sum(of_balance(*balance) for balance in balances) & MASK


def changed(digest: int, sku: str, place: str, before: int, after: int) -> int:
    """The digest after one balance went from `before` to `after`."""
    return (digest - of_balance(sku, place, before) + of_balance(sku, place, after)) & MASK


def to_text(digest: int) -> str:
    """As it crosses the line: 16 hex digits."""
    return f"{digest:016x}"
