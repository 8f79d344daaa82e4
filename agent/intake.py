"""The bounded line from devices to the clerk: reads of one tag merge, scans are never dropped.

When the clerk is busy, tag reads wait here merged per tag and place, and above the bound new tags are dropped and
counted: a tag that is still there is heard again. A scan waits for its turn and is answered after the commit.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent.clerk import AskFailedError, Clerk
from agent.clock import Clock
from agent.core import asks
from agent.core.departures import Departures, Rounds, gone_for_good
from agent.core.places import EXIT
from agent.core.tags import Bystander, Evidence, TagRules, hear
from agent.store.errors import BooksClosedError, BooksFullError
from drivers.readings import BarcodeScan, IsoRead, ScanAnswer, TagRead

#: Tags (per place) of one device that may wait for the clerk. Each has its own room: one that floods takes no other's.
MOST_TAGS_WAITING = 20_000
#: Tags weighed without letting anything else run.
_MOST_AT_ONCE = 2_000
#: Reads are gathered this long, so that a busy reader costs a few looks per second and not one per report.
_GATHER_S = 0.02
#: A scan that comes sooner after the last answer had been waiting in the line, nobody knows since when.
_PAUSE_S = 0.01
#: Scanners (handhelds with the page open come and go) whose last scan is remembered.
_MOST_SCANNERS = 1_000
#: Crates, assets, places and loads of which is remembered where they were heard last.
MOST_BYSTANDERS = 500
#: A stranger that stays is told of again after this long.
_TELL_AGAIN_S = 3600.0


@dataclass(frozen=True, slots=True)
class Stand:
    """What a device means to the store: the place each antenna covers, or what a scan at it does."""

    name: str
    places: Mapping[int, str]
    purpose: asks.Purpose | None
    #: The same code again within this time, after it was taken, is the scanner's doing; 0: never.
    repeat_s: float = 0.0


@dataclass(slots=True)
class _LastScan:
    """A device's last scan: when it came, when it was answered, and since when there was no pause."""

    scan: BarcodeScan
    answer: ScanAnswer
    came_s: float
    answered_s: float
    unbroken_s: float


@dataclass(slots=True)
class Counts:
    """What passed through since the start."""

    reads: int = 0
    scans: int = 0
    scans_refused: int = 0
    scans_repeated: int = 0
    reads_dropped: int = 0
    reads_placeless: int = 0


class Intake:
    """Takes readings of all devices. `run` must be running for tags to reach the clerk."""

    def __init__(self, clerk: Clerk, clock: Clock, rules: TagRules) -> None:
        self.counts = Counts()
        self._clerk = clerk
        self._clock = clock
        self._rules = rules
        self._rounds = Rounds(rules)
        #: Crates, assets, places and loads by name: where each was heard last, and when (unix ms); the latest is last.
        self.bystanders: OrderedDict[str, tuple[Bystander, int]] = OrderedDict()
        self._heard: dict[tuple[bytes, str], int] = {}
        self._waiting: dict[str, int] = {}  # how many of them each device brought
        self._last: OrderedDict[tuple[str, str | None], _LastScan] = OrderedDict()
        self._families: dict[tuple[bytes, str], int] = {}  # of what was heard, what is no EPC
        self._arrived = asyncio.Event()
        self._told: OrderedDict[tuple[str, bytes], float] = (
            OrderedDict()
        )  # strangers, tags at the exit, and when they were last told

    def tags(self, stand: Stand, reads: Sequence[TagRead]) -> None:
        """Take tag reads. Never waits."""
        self.counts.reads += len(reads)
        heard, places = self._heard, stand.places
        waiting = self._waiting.get(stand.name, 0)
        only = next(iter(places.values())) if len(places) == 1 else None
        for read in reads:
            epc, antenna, _, _, count = read
            place = only if antenna is None else places.get(antenna)
            if place is None:
                self.counts.reads_placeless += 1
                continue
            key = (epc, place)
            if key in heard:
                heard[key] += count
            elif waiting < MOST_TAGS_WAITING:
                heard[key] = count
                waiting += 1
            else:
                self.counts.reads_dropped += 1
                continue
            if type(read) is IsoRead:
                self._families[key] = read.afi
        self._waiting[stand.name] = waiting
        if heard:
            self._arrived.set()

    async def scan(self, stand: Stand, scan: BarcodeScan, name: str = "") -> ScanAnswer:
        """Enter a scan; answered when it is on disk. Raises BooksLostError: then nobody must be told yes.

        A scan that the scanner read twice is answered as the first was, and not entered again. One that was refused is
        always entered again: whoever repeats it, a person or a scanner that wants its ACK, has a reason to. One with a
        `name` that was entered before is not entered again either, however late it comes.
        """
        self.counts.scans += 1
        came_s = self._clock.monotonic_s()
        last = self._last.pop((stand.name, stand.purpose), None)
        unbroken_s = last.unbroken_s if last and came_s - last.answered_s < _PAUSE_S else came_s
        again = last is not None and last.answer.accepted and last.scan == scan
        if last and again and came_s - min(last.came_s, unbroken_s) <= stand.repeat_s:
            self.counts.scans_repeated += 1
            answer = last.answer
        else:
            answer = await self._enter(stand, scan, name)
            self.counts.scans_refused += not answer.accepted
        if stand.repeat_s:
            self._last[stand.name, stand.purpose] = _LastScan(
                scan, answer, came_s, self._clock.monotonic_s(), unbroken_s
            )
            if len(self._last) > _MOST_SCANNERS:
                self._last.popitem(last=False)
        return answer

    async def _enter(self, stand: Stand, scan: BarcodeScan, name: str) -> ScanAnswer:
        if stand.purpose is None:
            return ScanAnswer(accepted=False, message=f"{stand.name} has no purpose")
        try:
            answer = await self._clerk.enter(asks.Scan(stand.name, stand.purpose, scan.text, scan.aim, name))
        except AskFailedError:
            return ScanAnswer(accepted=False, message="the agent made a mistake; see its log")
        except BooksFullError as error:
            return ScanAnswer(accepted=False, message=error.why)
        except BooksClosedError as error:
            return ScanAnswer(accepted=False, message=str(error))
        return ScanAnswer(answer.accepted, answer.message)

    async def run(self) -> None:
        """Bring what was heard to the clerk, for ever."""
        while True:
            await self._arrived.wait()
            await self._clock.sleep(_GATHER_S)
            self._arrived.clear()
            heard, self._heard = self._heard, {}
            self._waiting.clear()
            families, self._families = self._families, {}
            at_s = self._clock.monotonic_s()
            evidence = [Evidence(*key, reads, at_s, families.get(key)) for key, reads in heard.items()]
            for start in range(0, len(evidence), _MOST_AT_ONCE):
                await self._weigh(evidence[start : start + _MOST_AT_ONCE])

    async def watch(self) -> None:
        """End a round of the watched places every `round_s`, for ever: who was silent for too long is said."""
        while True:
            await self._clock.sleep(self._rules.round_s)
            if self._rounds.now:
                tags = list(self._clerk.books.tags.values())
                for start in range(0, len(tags), _MOST_AT_ONCE):
                    self._rounds.look(tags[start : start + _MOST_AT_ONCE])
                    await self._clock.sleep(0)
            now_s = self._clock.monotonic_s()
            left = gone_for_good(self._clerk.books.leaving.values(), now_s, self._rules.leave_s)
            try:
                await self._say_who_left(self._rounds.end(now_s), left)
            except (AskFailedError, BooksClosedError, BooksFullError):
                continue  # said by the clerk; they are silent in the next round too

    async def _say_who_left(self, found: Departures, left: list[bytes]) -> None:
        if found.suspects or found.given_up or left:
            await self._clerk.enter(asks.TagsSilent(tuple(found.suspects), tuple(found.given_up), tuple(left)))
        for place, what in found.bursts.items():
            if bool(what) != (("zone_silent", place) in self._clerk.books.cases):
                await self._clerk.enter(asks.Notice("zone_silent", place, what, over=not what))

    async def _weigh(self, evidence: list[Evidence]) -> None:
        heard = hear(self._clerk.books.tags, evidence, self._rules, self._rounds.now)
        for one in heard.bystanders:
            self.bystanders[one.what.name] = one, self._clock.now_ms()
            self.bystanders.move_to_end(one.what.name)
            if len(self.bystanders) > MOST_BYSTANDERS:
                self.bystanders.popitem(last=False)
        strangers = tuple(one for one in heard.strangers if self._is_news(one.kind, one.epc))
        settled = tuple(
            (tag.epc, tag.place) for tag in heard.settled if tag.place != EXIT or self._is_news(EXIT, tag.epc)
        )
        if settled or strangers:
            try:
                await self._clerk.enter(asks.TagsHeard(settled, strangers))
            except (AskFailedError, BooksClosedError, BooksFullError):
                return  # said by the clerk; the tags will be heard again
        else:
            await self._clock.sleep(0)

    def _is_news(self, kind: str, epc: bytes) -> bool:
        """Tell of a stranger once in a while: next door's stock is heard all day, and each telling is a transaction."""
        key, now_s = (kind, epc), self._clock.monotonic_s()
        if now_s - self._told.get(key, float("-inf")) < _TELL_AGAIN_S:
            return False
        self._told[key] = now_s
        self._told.move_to_end(key)
        if len(self._told) > MOST_TAGS_WAITING:
            self._told.popitem(last=False)
        return True
