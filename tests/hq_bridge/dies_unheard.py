"""`python -m tests.hq_bridge.dies_unheard FILE N`: HQ that is killed after its Nth commit, before it says `heard`."""

import asyncio
import os
import signal
import sys
from pathlib import Path

from hq_bridge.__main__ import serve
from hq_bridge.answers import Answers
from hq_bridge.config import load
from hq_bridge.ingest import Say
from wire.messages import Heard
from wire.topics import StoreTopics


def say_with(answers: Answers, deaths_at: int) -> Say:
    commits = 0

    def say(store: StoreTopics, heard: Heard) -> None:
        nonlocal commits
        commits += 1
        if commits == deaths_at:
            os.kill(os.getpid(), signal.SIGKILL)
        answers.say(store, heard)

    return say


if __name__ == "__main__":
    asyncio.run(serve(load(Path(sys.argv[1])), asyncio.Event(), lambda answers: say_with(answers, int(sys.argv[2]))))
