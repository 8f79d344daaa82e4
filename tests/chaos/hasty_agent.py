"""An agent whose scanners say yes before anything is in the books, to see whether the judge of the killing notices.

Run as `python -m tests.chaos.hasty_agent run FILE`.
"""

import asyncio

from agent.__main__ import app
from drivers.barcode_serial import driver
from drivers.port import Sink
from drivers.readings import BarcodeScan
from drivers.scan_text import Unreadable
from simulators.people import UNKNOWN_PREFIX

_LATE_S = 0.2

_honestly_accepted = driver.accepted
_late: set[asyncio.Task[bool]] = set()


async def _say_yes_first(said: BarcodeScan | Unreadable, sink: Sink) -> bool:
    if isinstance(said, BarcodeScan) and not said.text.startswith(UNKNOWN_PREFIX):
        task = asyncio.create_task(_book_later(said, sink))
        _late.add(task)
        task.add_done_callback(_late.discard)
        return True
    return await _honestly_accepted(said, sink)


async def _book_later(said: BarcodeScan, sink: Sink) -> bool:
    await asyncio.sleep(_LATE_S)
    return await _honestly_accepted(said, sink)


driver.accepted = _say_yes_first

if __name__ == "__main__":
    app()
