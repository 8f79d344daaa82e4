"""What is kept of people outside the store is forgotten some hours after the hand-over.

That is the name a courier gave at the door. An order forgets the hash of its pickup code and whose line was whose as
soon as it is over (agent/core/orders.py); no name, address or number of a customer is kept at all.
"""

from typing import Final

from agent.store.connection import Store

_AT_ONCE: Final = 500


async def forget(store: Store, before_ms: int) -> int:
    """Forget some of the couriers who were handed something by then, in ms of the books' time; how many."""
    found = await store.read(
        "SELECT customer_order FROM parcel WHERE handed_to <> '' AND at_ms <= ? LIMIT ?", (before_ms, _AT_ONCE)
    )
    if found:
        await store.write(lambda tx: tx.executemany("UPDATE parcel SET handed_to = '' WHERE customer_order = ?", found))
    return len(found)
