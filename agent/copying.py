"""`python -m agent.copying BOOKS [COPY]`: the daily copy as a process of its own, made gently; or only a thorough look.

Copying and verifying two million postings takes 20 seconds of one core; the tills are not to share an interpreter with
that. Ends with status 0, or with 1 and the reason on stderr; and at once when whoever holds its stdin is gone, so that
nothing reads the books when they are opened anew.
"""

import os
import sys
import threading
from pathlib import Path

from agent.store import backups, verify

#: The status of a copy whose agent is gone.
_ORPHANED = 3


def main(books: str, copy: str = "") -> int:
    """Make the copy, or verify the books where they are; the exit status."""
    os.nice(15)
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    try:
        if not copy:
            problem = verify.whole(Path(books))
            sys.stderr.write(problem)
            return 1 if problem else 0
        backups.make(Path(books), Path(copy))
    except backups.BackupFailedError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _end_with_stdin() -> None:
    os.read(sys.stdin.fileno(), 1)
    os._exit(_ORPHANED)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
