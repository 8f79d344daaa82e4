"""An HQ that is killed between its commit and `heard`, at the k-th answer with news, k from `NEARSHELF_FALLS_AT`.

Run as `python -m tests.chaos.falling_hq run FILE`.
"""

import asyncio
import os
import signal
import sys
from functools import partial
from pathlib import Path

from hq_bridge.__main__ import serve
from hq_bridge.answers import Answers
from hq_bridge.config import load
from hq_bridge.ingest import Say
from wire.messages import Heard
from wire.topics import StoreTopics


class FallingSay:
    """Answers as ever, until the k-th answer that tells of rows just committed: there it is killed instead."""

    def __init__(self, kth: int, answers: Answers) -> None:
        self._left = kth
        self._say: Say = answers.say
        self._told: dict[str, int] = {}

    def __call__(self, topics: StoreTopics, heard: Heard) -> None:
        if heard.upto > self._told.get(topics.store, 0):
            self._left -= 1
            if self._left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)
        self._told[topics.store] = heard.upto
        self._say(topics, heard)


if __name__ == "__main__":
    falls = partial(FallingSay, int(os.environ["NEARSHELF_FALLS_AT"]))
    asyncio.run(serve(load(Path(sys.argv[2])), asyncio.Event(), falls))
