"""Room kept for the worst moment: a file that is given up when the disk is full, so that the books can go on."""

import os
from pathlib import Path
from typing import Final, Literal

#: Besides the ballast's own size, this must be free before it is made (again).
_SPARE: Final = 8 * 1024 * 1024
#: With less than this SQLite cannot even open a log.
_LEAST: Final = 1024 * 1024

Room = Literal["enough", "low", "full"]


class Ballast:
    """The file `NAME.ballast` beside the books. A size of 0: there is none, and nothing to give up."""

    def __init__(self, books: Path, size: int) -> None:
        self.path = books.with_name(books.stem + ".ballast")
        self.size = size
        #: What the last write found: full is when even giving up the ballast did not help.
        self.room: Room = "enough"

    def free(self) -> int:
        """Bytes this process may still write on the books' disk."""
        disk = os.statvfs(self.path.parent)
        return disk.f_bavail * disk.f_frsize

    def is_there(self) -> bool:
        return self.path.exists()

    def make(self) -> bool:
        """Take the room if there is plenty of it; is it taken? If not, there is little room."""
        if self.size and self.is_there() and self.path.stat().st_size == self.size:
            return True
        if self.free() < self.size + _SPARE:
            self.room = "low" if self.room == "enough" else self.room
            return False
        if not self.size:
            self.room = "enough"
            return True
        file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(file, 0, self.size)
            os.fsync(file)
        except OSError:
            self.path.unlink()
            return False
        finally:
            os.close(file)
        self.room = "enough"
        return True

    def give(self) -> bool:
        """Give the room to the books; was there any to give?"""
        try:
            self.path.unlink()
        except FileNotFoundError:
            self.room = "full"
            return False
        self.room = "low"
        return True

    def give_if_none_is_left(self) -> None:
        """Before the books are opened."""
        if self.is_there() and self.free() < _LEAST:
            self.give()
