"""An HQ that moves its cursor a moment before the rows are there, to see whether the judge of the line notices.

Run as `python -m tests.torture.line.careless_hq run FILE`. (One that only says `heard` too early would not do: stores
keep what was heard, and go back to where HQ really is.)
"""

import asyncio
from collections.abc import Mapping, Sequence

from hq_bridge import tables
from hq_bridge.books import Draft, HeardLease
from hq_bridge.cli import app
from hq_bridge.store import Database, Unreadable, _position

_LATE_S = 0.2

_honest_land = Database.land


async def _cursor_first(
    self: Database, drafts: Sequence[Draft], unreadable: Sequence[Unreadable], at: int, leases: Mapping[str, HeardLease]
) -> None:
    positions = [_position(draft) for draft in drafts]
    await self._write(lambda connection: self._on.put(connection, tables.position, positions))
    await asyncio.sleep(_LATE_S)
    await _honest_land(self, drafts, unreadable, at, leases)


Database.land = _cursor_first  # type: ignore[method-assign]

if __name__ == "__main__":
    app()
