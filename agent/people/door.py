"""Who may come in, and who is in: badge and PIN, and the sessions that come of them; a restart ends none."""

import asyncio
import contextlib
import hmac
import secrets
import sqlite3
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, Self

import msgspec
import structlog

from agent.clock import Clock
from agent.core import lockout
from agent.core.people import Lang, Shift, Worker
from agent.people.file import Kept, PeopleFile, Secret, SessionRow
from agent.people.pepper import SALT_BYTES, Pepper
from agent.people.proofs import BrowserKey, Numbers
from agent.store.thread import OwnThread

log = structlog.get_logger()

#: Of one worker: a handheld, a phone, the board. One more ends the one that was quiet longest.
_MOST_SESSIONS: Final = 4
#: Who wants in waits for those before; one more is told to come again.
_MOST_AT_THE_DOOR: Final = 8
_BUSY_S: Final = 2
_KEEP_EVERY_S: Final = 20.0
_LONGEST_PIN: Final = 64


@dataclass(slots=True)
class Session:
    """Who is in, on which device. `token` is a hash: the cookie itself is nowhere here."""

    token: bytes
    worker: Worker
    address: str
    key: BrowserKey | None
    began_ms: int
    seen_ms: int
    numbers: Numbers
    kept_ms: int

    def row(self) -> SessionRow:
        key = "" if self.key is None else msgspec.json.encode(self.key).decode()
        worker = self.worker
        return SessionRow(
            self.token, worker.id, worker.turn, self.address, key, self.began_ms, self.seen_ms, self.numbers.highest
        )


@dataclass(frozen=True, slots=True)
class CameIn:
    """The right badge and PIN: `cookie` is told to the browser and to nobody else."""

    cookie: str
    session: Session


@dataclass(frozen=True, slots=True)
class Wrong:
    """No such badge, or not its PIN: nobody is told which. After `wait_s` it may be tried again.

    `guessed` names what a person must look at, when it looks like guessing.
    """

    wait_s: int
    guessed: str = ""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing was tried: not before `wait_s`."""

    wait_s: int


class Door:
    """Give it the books' time as `now_ms`."""

    def __init__(self, path: Path, pepper: Pepper, now_ms: Callable[[], int], shift: Shift, trouble: str = "") -> None:
        """`trouble` is what kept the people's own file or key from being used. Raises sqlite3.Error, PeopleError."""
        self.trouble = trouble
        self._pepper = pepper
        self._now_ms = now_ms
        self._shift = shift
        self._file = PeopleFile.open(path)
        self._written = PeopleFile.open(path)
        self._thread = OwnThread("people")
        self._version = -1
        self._by_badge: dict[bytes, Kept] = {}
        self._by_id: dict[str, Kept] = {}
        self._sessions: dict[bytes, Session] = {}
        self._one_at_a_time = asyncio.Lock()
        self._at_the_door = 0
        self._nobody = Secret(secrets.token_bytes(SALT_BYTES), secrets.token_bytes(32), pepper.id)
        self._look_again()
        for row in self._file.sessions():
            kept = self._by_id.get(row.worker)
            if kept is not None and kept.worker.turn == row.turn:
                key = msgspec.json.decode(row.key, type=BrowserKey) if row.key else None
                self._sessions[row.token] = Session(
                    row.token,
                    kept.worker,
                    row.address,
                    key,
                    row.began_ms,
                    row.seen_ms,
                    Numbers(row.number),
                    row.seen_ms,
                )

    def close(self) -> None:
        """Write down when each session was seen last; what was told in is kept already."""
        self._thread.finish()
        with contextlib.suppress(sqlite3.Error):
            self._written.keep([session.row() for session in self._sessions.values()])
        self._written.close()
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def workers(self) -> list[Worker]:
        """Everybody who works here, by id."""
        self._look_again()
        return [kept.worker for kept in self._by_id.values()]

    def name_of(self, worker: str) -> str:
        """What people call a worker; of one who left, the id."""
        kept = self._by_id.get(worker)
        return kept.worker.name if kept is not None else worker

    @property
    def sessions(self) -> list[Session]:
        """Of everybody who is in."""
        now_ms = self._now_ms()
        return [session for session in self._sessions.values() if not self._is_over(session, now_ms)]

    @property
    def shut_out(self) -> list[str]:
        """Those whose badge and PIN were made with another key: nobody can check them any more."""
        self._look_again()
        return [kept.worker.id for kept in self._by_id.values() if kept.secret.pepper != self._pepper.id]

    async def sign_in(self, badge: str, pin: str, address: str, key: BrowserKey | None = None) -> CameIn | Wrong | Wait:
        """Try a badge and a PIN. An unknown badge takes the same steps, and the same time. Raises sqlite3.Error."""
        if self._at_the_door >= _MOST_AT_THE_DOOR:
            return Wait(_BUSY_S)
        self._at_the_door += 1
        try:
            async with self._one_at_a_time:
                return await self._try(badge, pin[:_LONGEST_PIN], address, key)
        finally:
            self._at_the_door -= 1

    async def _try(self, badge: str, pin: str, address: str, key: BrowserKey | None) -> CameIn | Wrong | Wait:
        self._look_again()
        now_ms, known, place = self._now_ms(), self._pepper.badge(badge), b"address:" + address.encode()
        of_badge, of_place = await self._thread.do(lambda: (self._written.tries(known), self._written.tries(place)))
        wait_ms = max(
            lockout.wait_ms(of_badge, lockout.BADGE, now_ms), lockout.wait_ms(of_place, lockout.ADDRESS, now_ms)
        )
        if wait_ms:
            return Wait(_seconds(wait_ms))
        kept = self._by_badge.get(known)
        secret = self._nobody if kept is None else kept.secret
        found = await self._thread.do(lambda: self._pepper.pin(pin, secret.salt))
        if hmac.compare_digest(found, secret.pin) and kept is not None:
            await self._thread.do(lambda: self._written.tried([(known, lockout.Tries())]))
            return await self._let_in(kept.worker, address, key)
        of_badge = lockout.after_wrong(of_badge, lockout.BADGE, now_ms)
        of_place = lockout.after_wrong(of_place, lockout.ADDRESS, now_ms)
        await self._thread.do(lambda: self._written.tried([(known, of_badge), (place, of_place)]))
        log.info("pin_wrong", address=address, of_badge=of_badge.wrong, of_address=of_place.wrong)
        guessed = address if lockout.is_guessing(of_place, lockout.ADDRESS) else ""
        if lockout.is_guessing(of_badge, lockout.BADGE):
            guessed = address if kept is None else kept.worker.id
        return Wrong(_seconds(max(of_badge.until_ms, of_place.until_ms) - now_ms), guessed)

    async def _let_in(self, worker: Worker, address: str, key: BrowserKey | None) -> CameIn:
        cookie, now_ms = urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode(), self._now_ms()
        session = Session(_hash(cookie), worker, address, key, now_ms, now_ms, Numbers(0), now_ms)
        own = sorted(
            (one for one in self._sessions.values() if one.worker.id == worker.id), key=lambda one: one.seen_ms
        )
        over = [one.token for one in own[: max(0, len(own) + 1 - _MOST_SESSIONS)]]
        await self._thread.do(lambda: self._written.keep([session.row()], over))
        for token in over:
            self._sessions.pop(token, None)
        self._sessions[session.token] = session
        log.info("signed_in", worker=worker.id, address=address)
        return CameIn(cookie, session)

    def who(self, cookie: str, address: str) -> Session | None:
        """The session of a cookie, if it is one, is not over, and comes from where it was made."""
        session = self._sessions.get(_hash(cookie))
        if session is None:
            return None
        self._look_again()
        now_ms = self._now_ms()
        kept = self._by_id.get(session.worker.id)
        if kept is None or kept.worker.turn != session.worker.turn or self._is_over(session, now_ms):
            del self._sessions[session.token]
            return None
        if session.address != address and not (session.key is not None and session.key.moves):
            return None
        session.worker = kept.worker  # name, role and language may be others since
        return session

    def seen(self, session: Session) -> None:
        """A request of it was proved: it is not idle."""
        session.seen_ms = self._now_ms()

    async def sign_out(self, session: Session) -> None:
        """Its cookie is worth nothing any more. Raises sqlite3.Error."""
        self._sessions.pop(session.token, None)
        await self._thread.do(lambda: self._written.keep([], [session.token]))

    async def speak(self, worker: Worker, lang: Lang) -> Worker:
        """The worker, whose pages are in this language now. Raises sqlite3.Error, PeopleError."""
        return await self.write(
            lambda file: file.change(worker.id, lambda now: msgspec.structs.replace(now, lang=lang))
        )

    async def write(self, work: Callable[[PeopleFile], Worker]) -> Worker:
        """Change the file of people; sessions follow. Raises sqlite3.Error, PeopleError."""
        return await self._thread.do(lambda: work(self._written))

    async def secret_of(self, pin: str) -> Secret:
        """What is to be kept of a PIN."""
        return await self._thread.do(lambda: new_secret(self._pepper, pin))

    def known_as(self, badge: str) -> bytes:
        """What is to be kept of a badge."""
        return self._pepper.badge(badge)

    async def run(self, clock: Clock) -> None:
        """Write down now and then when each session was seen, and forget what is over, for ever."""
        while True:
            await clock.sleep(_KEEP_EVERY_S)
            now_ms = self._now_ms()
            over = [token for token, session in self._sessions.items() if self._is_over(session, now_ms)]
            for token in over:
                del self._sessions[token]
            new = [session for session in self._sessions.values() if session.seen_ms != session.kept_ms]
            if new or over:
                rows = [session.row() for session in new]
                try:
                    await self._thread.do(lambda rows=rows, over=over: self._written.keep(rows, over))  # type: ignore[misc]
                except sqlite3.Error as error:
                    log.warning("sessions_not_kept", why=str(error))
                    continue
                for session, row in zip(new, rows, strict=True):
                    session.kept_ms = row.seen_ms

    def _is_over(self, session: Session, now_ms: int) -> bool:
        """A session of books that went on from an older copy is over too: nobody knows how old it is."""
        idle_ms, age_ms = now_ms - session.seen_ms, now_ms - session.began_ms
        return age_ms < 0 or idle_ms >= self._shift.idle_s * 1000 or age_ms >= self._shift.longest_s * 1000

    def _look_again(self) -> None:
        """Read the workers again if somebody wrote: whoever was removed is out at once."""
        version = self._file.version()
        if version != self._version:
            everybody = self._file.workers()
            self._by_id = {kept.worker.id: kept for kept in everybody}
            self._by_badge = {kept.badge: kept for kept in everybody}
            self._version = version


def csrf_of(cookie: str) -> str:
    """What a page of the session must say with whatever changes something; no other page can know it."""
    return urlsafe_b64encode(hmac.digest(cookie.encode(), b"csrf", "sha256")).rstrip(b"=").decode()


def new_secret(pepper: Pepper, pin: str) -> Secret:
    """What is kept of a PIN. Takes its time."""
    salt = secrets.token_bytes(SALT_BYTES)
    return Secret(salt, pepper.pin(pin, salt), pepper.id)


def _hash(cookie: str) -> bytes:
    return sha256(cookie.encode(errors="surrogatepass")).digest()


def _seconds(ms: int) -> int:
    return max(0, -(-ms // 1000))
