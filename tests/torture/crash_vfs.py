"""A disk that can lose its power between any two operations, and fail any of them, for SQLite through APSW.

`Disk` is what SQLite writes to; it keeps every operation in `trace`. `Platters` replays a trace up to any point and
says what a power cut there can leave: what was synced, and of the rest whatever chance lets through. The shared-memory
index (-shm) is not here: it never needs to survive, and APSW's VFS has none, so the connection locks exclusively.
"""

import contextlib
import errno
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Literal, NamedTuple

import apsw

SECTOR_BYTES = 512

Kind = Literal["create", "write", "truncate", "sync", "delete", "note"]
#: What of the unsynced operations is on the platters after a power cut. "all" is a kill without a power cut.
Cut = Literal["synced", "prefix", "torn", "garbled", "all"]
CUTS: tuple[Cut, ...] = ("synced", "prefix", "torn", "garbled", "all")

#: What a failing operation is to be given: its kind, and its number among all that reach the disk, reads included.
Fails = Callable[[int, str], int | None]


class Operation(NamedTuple):
    """One thing that happened to a file; `offset` is also a truncation's size, and a note's number."""

    kind: Kind
    name: str
    offset: int = 0
    data: bytes = b""


class Disk:
    """Files in memory, every operation on them kept. `fails` says which operation fails, and with which errno."""

    def __init__(self, fails: Fails = lambda nth, kind: None) -> None:
        self.files: dict[str, bytearray] = {}
        self.trace: list[Operation] = []
        self.operations = 0
        self.failed = 0
        self._fails = fails
        self._lost_power = False
        self._looked_at = False

    def make_room(self) -> None:
        """From here on nothing fails."""
        self._fails = lambda nth, kind: None

    @contextlib.contextmanager
    def looked_at(self) -> Iterator[None]:
        """A judge looks at the files, which neither counts nor fails."""
        self._looked_at = True
        try:
            yield
        finally:
            self._looked_at = False

    def note(self, number: int) -> None:
        """Mark this point of the trace: somebody was told something here."""
        self.trace.append(Operation("note", "", number))

    def lose_power(self) -> None:
        """Whatever is still done to the files is done in vain."""
        self._lost_power = True

    def do(self, operation: Operation) -> None:
        """Carry an operation out. Raises what SQLite is to see when it fails: a failing write has written a half."""
        if self._lost_power:
            return
        number = self._about_to(operation.kind)
        if number is not None:
            if operation.kind == "write":
                half = len(operation.data) // 2
                self._keep(operation._replace(data=operation.data[:half]))
            raise _as_sqlite_sees(number, operation.kind)
        self._keep(operation)

    def read(self, name: str, amount: int, offset: int) -> bytes:
        number = None if self._lost_power else self._about_to("read")
        if number is not None:
            raise _as_sqlite_sees(number, "read")
        return bytes(self.files[name][offset : offset + amount])

    def _about_to(self, kind: str) -> int | None:
        if self._looked_at:
            return None
        self.operations += 1
        number = self._fails(self.operations, kind)
        self.failed += number is not None
        return number

    def _keep(self, operation: Operation) -> None:
        self.trace.append(operation)
        if operation.kind != "sync":
            _apply(self.files, operation)


class Platters:
    """What of a trace is safe, at a point that only moves forward."""

    def __init__(self, trace: Sequence[Operation]) -> None:
        self.at = 0
        #: The number of the last note passed; -1 before the first.
        self.noted = -1
        self._trace = trace
        self._safe: dict[str, bytearray] = {}
        self._unsynced: dict[str, list[Operation]] = {}

    def advance(self, point: int) -> None:
        """Go on to where `point` operations have been done."""
        for operation in self._trace[self.at : point]:
            if operation.kind == "note":
                self.noted = operation.offset
                continue
            waiting = self._unsynced.setdefault(operation.name, [])
            if operation.kind != "sync":
                waiting.append(operation)
                if operation.kind == "delete" and operation.offset:
                    self._make_safe(waiting)
                continue
            if any(done.kind == "create" for done in waiting) and operation.name.endswith(("-wal", "-journal")):
                # SQLite syncs the folder with a new journal's first sync, and so whatever was deleted in it.
                for others in self._unsynced.values():
                    deletes = [nth for nth, other in enumerate(others, 1) if other.kind == "delete"]
                    self._make_safe(others, max(deletes, default=0))
            self._make_safe(waiting)
        self.at = point

    def _make_safe(self, waiting: list[Operation], count: int | None = None) -> None:
        for done in waiting[:count]:
            _apply(self._safe, done)
        del waiting[:count]

    def after(self, cut: Cut, rng: Random) -> dict[str, bytes]:
        """The files that a power cut here leaves behind."""
        files = {name: bytearray(content) for name, content in self._safe.items()}
        for waiting in self._unsynced.values():
            for operation in _surviving(waiting, cut, rng):
                _apply(files, operation)
        return {name: bytes(content) for name, content in files.items()}


def _surviving(waiting: Sequence[Operation], cut: Cut, rng: Random) -> list[Operation]:
    """Those of the unsynced operations of one file that reach the platters, whole or in part."""
    if cut == "all":
        return list(waiting)
    if cut == "synced":
        return []
    if cut == "prefix":
        return list(waiting[: rng.randint(0, len(waiting))])
    share = rng.choice((0.1, 0.5, 0.9))
    found: list[Operation] = []
    for operation in waiting:
        if operation.kind != "write":
            found += [operation] * (rng.random() < share)
            continue
        for sector in _sectors(operation):
            if rng.random() < share:
                found.append(sector)
            elif cut == "garbled" and rng.random() < 0.5:
                found.append(sector._replace(data=rng.randbytes(len(sector.data))))
    return found


def _sectors(write: Operation) -> list[Operation]:
    """A write, cut where the disk's sectors begin."""
    parts: list[Operation] = []
    done = 0
    while done < len(write.data):
        at = write.offset + done
        size = min(SECTOR_BYTES - at % SECTOR_BYTES, len(write.data) - done)
        parts.append(write._replace(offset=at, data=write.data[done : done + size]))
        done += size
    return parts


def _apply(files: dict[str, bytearray], operation: Operation) -> None:
    name, offset, data = operation.name, operation.offset, operation.data
    match operation.kind:
        case "create":
            files.setdefault(name, bytearray())
        case "write":
            content = files.setdefault(name, bytearray())
            if len(content) < offset:
                content.extend(bytes(offset - len(content)))
            content[offset : offset + len(data)] = data
        case "truncate":
            content = files.setdefault(name, bytearray())
            del content[offset:]
            content.extend(bytes(offset - len(content)))
        case "delete":
            files.pop(name, None)


def _as_sqlite_sees(number: int, kind: str) -> apsw.Error:
    if number == errno.ENOSPC:
        return _coded(apsw.FullError(f"no space left for this {kind}"), apsw.SQLITE_FULL)
    if kind == "create":
        return _coded(apsw.CantOpenError("the file cannot be made"), apsw.SQLITE_CANTOPEN)
    codes = {
        "read": apsw.SQLITE_IOERR_READ,
        "write": apsw.SQLITE_IOERR_WRITE,
        "sync": apsw.SQLITE_IOERR_FSYNC,
        "truncate": apsw.SQLITE_IOERR_TRUNCATE,
        "delete": apsw.SQLITE_IOERR_DELETE,
    }
    return _coded(apsw.IOError(f"this {kind} failed"), codes[kind])


def _coded(error: apsw.Error, code: int) -> apsw.Error:
    """The error with SQLite's (extended) code, which is what SQLite takes from it."""
    error.result, error.extendedresult = code & 0xFF, code  # type: ignore[attr-defined]  # as APSW's manual has it
    return error


class CrashVFS(apsw.VFS):
    """SQLite's view of a `Disk`; what is not about files is the machine's own."""

    def __init__(self, name: str, disk: Disk) -> None:
        super().__init__(name, "")
        self._disk = disk
        self._nameless = 0

    def excepthook(self, *error: object) -> bool:
        return True  # where SQLite cannot be told of a failure, there is nobody to tell

    def xFullPathname(self, name: str) -> str:  # noqa: N802 - SQLite's names
        return name

    def xAccess(self, pathname: str, flags: int) -> bool:  # noqa: N802
        return pathname in self._disk.files

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        if filename not in self._disk.files:
            raise _coded(apsw.IOError("there is no such file"), apsw.SQLITE_IOERR_DELETE_NOENT)
        self._disk.do(Operation("delete", filename, int(syncdir)))

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        self._nameless += name is None
        path = name.filename() if isinstance(name, apsw.URIFilename) else name or f"nameless-{self._nameless}"
        if path not in self._disk.files:
            self._disk.do(Operation("create", path))
        return _File(self._disk, path)  # type: ignore[return-value]  # has all its methods, and inherits nothing


class _File:
    """An open file of a `Disk`."""

    def __init__(self, disk: Disk, name: str) -> None:
        self._disk = disk
        self._name = name

    def excepthook(self, *error: object) -> bool:
        return True

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        return self._disk.read(self._name, amount, offset)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._disk.do(Operation("write", self._name, offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self._disk.do(Operation("truncate", self._name, newsize))

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._disk.do(Operation("sync", self._name))

    def xFileSize(self) -> int:  # noqa: N802
        return len(self._disk.files.get(self._name, b""))

    def xClose(self) -> None:  # noqa: N802
        return

    def xLock(self, level: int) -> None:  # noqa: N802
        return

    def xUnlock(self, level: int) -> None:  # noqa: N802
        return

    def xCheckReservedLock(self) -> bool:  # noqa: N802
        return False

    def xFileControl(self, op: int, ptr: int) -> bool:  # noqa: N802
        return False

    def xSectorSize(self) -> int:  # noqa: N802
        return 4096

    def xDeviceCharacteristics(self) -> int:  # noqa: N802
        return apsw.SQLITE_IOCAP_POWERSAFE_OVERWRITE  # as SQLite's own: a torn write harms no byte beside it


@contextlib.contextmanager
def mounted(disk: Disk, name: str) -> Iterator[None]:
    """Make the disk known to APSW under this name for as long as the block lasts."""
    vfs = CrashVFS(name, disk)
    try:
        yield
    finally:
        disk.lose_power()
        vfs.unregister()
