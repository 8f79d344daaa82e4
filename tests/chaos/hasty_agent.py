"""An agent whose scanners say yes before anything is in the books, to see whether the judge of the killing notices.

Run as `python -m tests.chaos.hasty_agent run FILE`.
"""

import asyncio

from agent.__main__ import app
from drivers.barcode_serial.codec import Unreadable
from drivers.barcode_serial.driver import SerialScanner
from drivers.port import Sink
from drivers.readings import BarcodeScan
from simulators.people import UNKNOWN_PREFIX

_ACK = b"\x06"
_LATE_S = 0.2

_honest_take = SerialScanner._take
_late: set[asyncio.Task[bytes]] = set()


async def _say_yes_first(scanner: SerialScanner, said: BarcodeScan | Unreadable, sink: Sink) -> bytes:
    if isinstance(said, BarcodeScan) and not said.text.startswith(UNKNOWN_PREFIX):
        task = asyncio.create_task(_book_later(scanner, said, sink))
        _late.add(task)
        task.add_done_callback(_late.discard)
        return _ACK
    return await _honest_take(scanner, said, sink)


async def _book_later(scanner: SerialScanner, said: BarcodeScan, sink: Sink) -> bytes:
    await asyncio.sleep(_LATE_S)
    return await _honest_take(scanner, said, sink)


SerialScanner._take = _say_yes_first  # type: ignore[method-assign,assignment]

if __name__ == "__main__":
    app()
