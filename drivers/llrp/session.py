"""One connection to an LLRP reader, without any I/O: bytes in, events out, and bytes to send.

The life of a connection: the reader says whether it took us (nothing may be sent before, LLRP 1.1 §20.1.1); we ask what
it can do, remove what others left in it, set it up request by request, and from the answer to START_ROSPEC (or, when
inputs start it, ENABLE_ROSPEC) on its reports are ours. At the end we take our ROSpec back and say CLOSE_CONNECTION, so
that the reader rests and its only place for a client is free again.
"""

import enum
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from drivers.errors import DeviceLost, DeviceRefused, DeviceSpokeNonsense
from drivers.events import Dropped, Event, Heard, Noted, Online, Tags
from drivers.llrp.capabilities import Ability, ability
from drivers.llrp.codec import V1_0_1, V1_1, VERSIONS, BadMessage, Message, Splitter, message
from drivers.llrp.reports import ReportDecoder
from drivers.llrp.requests import ALL, CAPABILITIES, LEAVING, ROSPEC, Request, preparing, setting_up
from drivers.llrp.schema import MESSAGE
from drivers.llrp.settings import Settings
from drivers.llrp.status import quoted, status_words
from drivers.llrp.values import Values, payload, values
from drivers.reader_time import ReaderTime
from drivers.readings import TagRead

ANOTHER_CLIENT: Final = (1, 2)
#: Reads older than this, or than two reports' time, do not tell where a tag is now.
STALE_S: Final = 10.0
HINTS: Final = {
    "CustomMessage": "The reader's firmware may be too old for `search_mode`; update it, or remove the setting.",
    "SetReaderConfig": "The reader may not allow this keepalive_s, or not have the input of start_gpi.",
    "AddROSpec": "Compare antennas, power_dbm, rf_mode, session and tags_per_report with what the reader can do.",
    "StartROSpec": "Does another program control the reader's ROSpecs?",
}
#: Readers with nothing to tell or to delete may answer with an error. If something was left, adding ours will fail.
MAY_FAIL: Final = frozenset(("SetProtocolVersion", "GetReaderConfig", "GetROSpecs", "DeleteROSpec", "DeleteAccessSpec"))
#: What a reader may be asked twice, if it lost the question: the answer to either will do.
MAY_BE_REPEATED: Final = MAY_FAIL | {"GetReaderCapabilities"}
#: Reads that come before it is known whose ROSpec they are of; of more than these, the rest is left out.
HELD_MAX: Final = 10_000
TOO_EARLY: Final = "{} reads from before this connection was set up"
#: These have the header of 1.1 whatever is spoken (LLRP 1.1 §9.1).
_VERSION_REQUESTS: Final = frozenset(("GetSupportedVersion", "SetProtocolVersion"))
_REPORT: Final = MESSAGE["ROAccessReport"].number
#: An ERROR_MESSAGE is one, even if its status says success.
NO_STATUS: Final = -1
#: So many reports that came together are decoded and told as one at most.
TOGETHER_MAX: Final = 16
#: More foreign ROSpecs than this are removed in one go.
ROSPECS_ONE_BY_ONE: Final = 32


class Stage(enum.Enum):
    #: The reader has not yet said whether it takes us.
    GREETING = enum.auto()
    #: One request after the other.
    SETUP = enum.auto()
    #: Reports are ours.
    REPORTING = enum.auto()
    #: We have said CLOSE_CONNECTION, or are as good as gone.
    LEAVING = enum.auto()
    #: Nothing more to say.
    LEFT = enum.auto()


class Session:
    """One connection. `messages` counts the whole messages received, as the sign of life that it is; `reports` those
    with tags, `kept` those of them that came before the reader was set up and may be as old as they like.

    `version` is what is spoken. With `negotiates` the reader is asked for LLRP 1.1 (§9.1); `knows_versions` is false
    when it did not know the question, or has not answered it: some older readers cut the connection for it.

    `now_s` is a clock that never steps, in seconds, `utc_us` that for the time of day, in unix microseconds.
    """

    def __init__(
        self,
        settings: Settings,
        now_s: Callable[[], float],
        utc_us: Callable[[], int],
        *,
        negotiates: bool = False,
    ) -> None:
        self.stage = Stage.GREETING
        self.messages = 0
        self.reports = 0
        self.kept = 0
        self.version = V1_0_1
        self.knows_versions = not negotiates
        self._asks_version = negotiates
        self._version_asked: int | None = None
        self._settings = settings
        self._now_s, self._utc_us = now_s, utc_us
        self._time = ReaderTime(max(STALE_S, 2 * settings.report_every_ms / 1000))
        self._splitter = Splitter()
        self._decoder = ReportDecoder()
        self._out = bytearray()
        self._ident = 0
        self._to_ask: list[Request] = [CAPABILITIES]
        self._asked: tuple[str, int] | None = None
        self._question = b""
        self._repeated: set[int] = set()
        self._held: list[TagRead] = []
        self._is_ours: bool | None = None  # the ROSpec found in the reader; None: nobody knows yet
        self._can = Ability()
        self._has: Values = {}
        self._is_set_up = False
        self._can_poll = True
        self._polled: int | None = None

    def to_send(self) -> bytes:
        """What is to be sent now; it is forgotten here."""
        out = bytes(self._out)
        self._out.clear()
        return out

    def ask_again(self) -> None:
        """Repeat the question that was not answered, if that can do no harm: a reader that hung has lost it."""
        if self.stage is Stage.SETUP and self._asked is not None and self._asked[0] in MAY_BE_REPEATED:
            self._out += self._question
            self._repeated.add(self._asked[1])

    def receive(self, piece: bytes) -> Iterator[Event]:
        """What a piece of the stream, cut anywhere, brings. Must be exhausted before the next.

        Raises a DeviceError, after the events before it; the connection is then of no more use.
        """
        run: list[Message] = []
        try:
            for got in self._splitter.feed(piece):
                self.messages += 1
                if got.kind == _REPORT and self.stage is Stage.REPORTING and got.version in VERSIONS:
                    run.append(got)
                    continue
                yield from self._reports(run)
                run.clear()
                yield from self._one(got)
        except DeviceSpokeNonsense:
            yield from self._reports(run)
            raise
        yield from self._reports(run)

    def _one(self, got: Message) -> Iterator[Event]:
        if got.version not in VERSIONS:
            yield Dropped(f"{got.name} of LLRP version {got.version}")
            return
        try:
            yield from self._take(got)
        except BadMessage as why:
            yield Dropped(f"{got.name}: {why}")

    def ask_for_report(self) -> None:
        """Ask for what the reader has heard and not yet reported, if it knows how to answer."""
        if self.stage is Stage.REPORTING and self._can_poll:
            self._polled = self._send("GetReport")

    def hang_up(self) -> None:
        """Say goodbye. The stage is LEFT when the reader has answered, or at once if it never took us."""
        if self.stage is Stage.GREETING:
            self.stage = Stage.LEFT
        elif self.stage is not Stage.LEFT:
            self.stage = Stage.LEAVING
            for name, said in LEAVING if self._is_set_up else LEAVING[-1:]:
                self._asked = name, self._send(name, said)

    def _send(self, name: str, said: Values | None = None) -> int:
        self._ident += 1
        version = V1_1 if name in _VERSION_REQUESTS else self.version
        self._question = message(name, self._ident, payload(name, said or {}), version)
        self._out += self._question
        return self._ident

    def _take(self, got: Message) -> Iterator[Event]:
        name = got.name
        if name == "ROAccessReport":
            yield from self._report(got)
        elif name == "KeepAlive":
            self._out += message("KeepAliveAck", got.ident, version=self.version)
            yield Heard()
        elif name == "ReaderEventNotification":
            yield from self._event(values(name, got.payload)["ReaderEventNotificationData"])
        elif name == "ErrorMessage":
            yield from self._error(got)
        elif name == "GetSupportedVersionResponse" and got.ident == self._version_asked:
            self._versions(values(name, got.payload))
        elif self._asked is not None and (name, got.ident) == (_answer_to(self._asked[0]), self._asked[1]):
            yield from self._answer(self._asked[0], values(name, got.payload))
        elif got.ident in self._repeated:
            yield Heard()  # an answer too many
        elif self.stage is not Stage.LEAVING:
            yield Dropped(f"{name}, which nobody asked for")

    def _reports(self, run: Sequence[Message]) -> Iterator[Event]:
        """Reports that came together are mostly alike and fresh, and are then told as one."""
        for start in range(0, len(run), TOGETHER_MAX):
            some = run[start : start + TOGETHER_MAX]
            if len(some) > 1 and (reads := self._together([got.payload for got in some])):
                self.reports += len(some)
                yield Tags(reads)
                continue
            for got in some:
                yield from self._one(got)

    def _together(self, payloads: Sequence[bytes]) -> list[TagRead] | None:
        reads = self._decoder.decode_together(payloads)
        if reads is None:
            return None
        now_s, at, size = self._now_s(), 0, sum(map(len, payloads)) // len(reads)
        for one in payloads:
            at += len(one) // size
            if not one or self._time.is_stale(reads[at - 1].seen_at_us, now_s):
                return None
        return reads

    def _report(self, got: Message) -> Iterator[Event]:
        if self.stage is Stage.LEAVING:
            return
        reads, nameless, unknown = self._decoder.decode(got.payload)
        self.reports += 1
        if unknown:
            yield Dropped(f"{unknown} parameters that LLRP does not have")
        if nameless:
            yield Dropped(f"{nameless} tag reports without an EPC")
        if self.stage is not Stage.REPORTING:
            yield from self._early(reads)
        elif not reads:
            yield Heard()
        # One read tells for all of a message: it was heard between two reports.
        elif self._time.is_stale(reads[-1].seen_at_us, self._now_s()):
            yield Dropped(f"{len(reads)} reads that the reader had kept for too long")
        else:
            yield Tags(reads)

    def _early(self, reads: Sequence[TagRead]) -> Iterator[Event]:
        """Reads before the reader is set up. Those of now count, if the ROSpec found in it is ours of a life before."""
        is_old = self.stage is Stage.GREETING or self._may_be_old(reads)
        self.kept += is_old
        if is_old or self._is_ours is False or len(self._held) + len(reads) > HELD_MAX:
            yield Dropped(TOO_EARLY.format(len(reads)))
        elif self._is_ours:
            yield Tags(reads)
        else:
            self._held += reads
            yield Heard()

    def _may_be_old(self, reads: Sequence[TagRead]) -> bool:
        """A reader that reports what it hears now has nothing older left to send before its answer."""
        seen_at_us = reads[-1].seen_at_us if reads else None
        return seen_at_us is None or self._time.is_stale(seen_at_us, self._now_s())

    def _answer(self, asked: str, said: Values) -> Iterator[Event]:
        if asked == "CustomMessage":
            said = values("ErrorMessage", said["Data"] or b"")  # it holds an LLRPStatus, as that one does
        status = said["LLRPStatus"]
        if status is None:
            raise BadMessage("no LLRPStatus")
        yield from self._answered(asked, status, said)

    def _answered(self, asked: str, status: Values, said: Values) -> Iterator[Event]:
        """Go on after an answer, well or not."""
        if self.stage is Stage.LEAVING:
            self.stage = Stage.LEFT
            return
        if status["Status"] != 0 and asked not in MAY_FAIL:
            raise DeviceRefused(f"the reader refused {asked}: {status_words(status)}", HINTS.get(asked, ""))
        if asked == "GetReaderCapabilities":
            self._version_asked = None  # what was asked before this one will not be answered any more
            self._learn(said)
        elif asked == "SetProtocolVersion" and status["Status"] == 0:
            self.version = V1_1
        elif asked == "GetReaderConfig":
            self._has = said
        elif asked == "GetROSpecs":
            yield from self._clear(said["ROSpecs"] or () if status["Status"] == 0 else None)
        if self._to_ask:
            self._ask_next()
        elif not self._is_set_up:
            self._is_set_up = True
            self._to_ask = setting_up(self._settings, self._can, self._has)
            self._ask_next()
        else:
            self._asked = None
            self.stage = Stage.REPORTING
            yield Online(self._can.about)

    def _ask_next(self) -> None:
        name, said = self._to_ask.pop(0)
        self._asked = name, self._send(name, said)

    def _learn(self, said: Values) -> None:
        """What the reader is; and release what it may hold for its last client, so that it comes before our start."""
        self._can = ability(said)
        self._to_ask += preparing(self._settings, self._can)
        if self._can.holds_reports:
            self._send("EnableEventsAndReports")

    def _clear(self, rospecs: Sequence[Values] | None) -> Iterator[Event]:
        """Remove every ROSpec: ours of a life before, and those of others, who would read in our place."""
        found = [ALL]
        if rospecs is not None and len(rospecs) <= ROSPECS_ONE_BY_ONE:
            found = [one["ROSpecID"] for one in rospecs]
        self._to_ask = [("DeleteROSpec", {"ROSpecID": rospec}) for rospec in found] + self._to_ask
        held, self._held, self._is_ours = self._held, [], found == [ROSPEC]
        if held:
            yield Tags(held) if self._is_ours else Dropped(TOO_EARLY.format(len(held)))
        if foreign := [rospec for rospec in found if rospec not in (ROSPEC, ALL)]:
            yield Noted("reader_rospecs_removed", {"rospecs": ", ".join(map(str, foreign))})

    def _error(self, got: Message) -> Iterator[Event]:
        status = values("ErrorMessage", got.payload)["LLRPStatus"]
        if status is None:
            raise BadMessage("no LLRPStatus")
        if self._asked is not None and got.ident == self._asked[1]:
            yield from self._answered(self._asked[0], {**status, "Status": status["Status"] or NO_STATUS}, {})
            return
        if self.stage is Stage.LEAVING:
            return
        if got.ident == self._version_asked:
            return  # a reader of 1.0.1 does not know the question
        if got.ident == self._polled:
            self._can_poll = False
        yield Dropped(f"the reader could not use a message of ours: {status_words(status)}")

    def _event(self, said: Values | None) -> Iterator[Event]:
        if said is None:
            raise BadMessage("no ReaderEventNotificationData")
        attempt = said["ConnectionAttemptEvent"]
        if attempt is not None and self.stage is Stage.GREETING:
            self._greeted(attempt, said)
        elif attempt is not None:
            yield Noted("reader_asked_by_another", {"reason": attempt})
        if said["ConnectionCloseEvent"] is not None:
            raise DeviceLost("the reader closed the connection", "Was it restarted, or given to another program?")
        rospec = said["ROSpecEvent"] if self.stage is Stage.REPORTING else None
        if (
            rospec is not None
            and rospec["ROSpecID"] == ROSPEC
            and rospec["Event"] != 0
            and not self._settings.start_gpi
        ):
            raise DeviceLost("the reader stopped reading", "Does another program control its ROSpecs?")
        if said["ReportBufferOverflowErrorEvent"] is not None:
            yield Dropped("the reader's report buffer ran over: it threw reads away")
        if (percent := said["ReportBufferLevelWarningEvent"]) is not None:
            yield Noted("reader_buffer_filling", {"percent": percent})
        if (gpi := said["GPIEvent"]) is not None:
            yield Noted("reader_input_changed", {"port": gpi["Port"], "high": int(gpi["Event"])}, usual=True)
        if (antenna := said["AntennaEvent"]) is not None:
            which: dict[str, int | str] = {"antenna": antenna["AntennaID"]}
            yield Noted("antenna_connected", which) if antenna["Event"] == 1 else Noted("antenna_disconnected", which)
        if (trouble := said["ReaderExceptionEvent"]) is not None:
            yield Noted("reader_reported_exception", {"words": quoted(trouble["Message"])})
        yield Heard()

    def _greeted(self, attempt: int, said: Values) -> None:
        if attempt in ANOTHER_CLIENT:
            raise DeviceLost(
                "another client holds the reader, and it takes only one",
                "Close the other program, or wait: a client that died is noticed by the reader after a while.",
                "taken",
            )
        if attempt != 0:
            raise DeviceLost(f"the reader did not accept the connection (reason {attempt})", "Restart the reader.")
        self._set_clock(said["UTCTimestamp"], said["Uptime"])
        self.stage = Stage.SETUP
        if self._asks_version:
            self._version_asked = self._send("GetSupportedVersion")
        self._ask_next()

    def _versions(self, said: Values) -> None:
        """The reader knows several versions: the newest that both know is spoken from when it has agreed.

        It was asked together with its capabilities, so that one which never answers costs no time.
        """
        status = said["LLRPStatus"]
        self.knows_versions = status is not None and status["Status"] == 0
        if self.knows_versions and said["CurrentVersion"] == V1_1:
            self.version = V1_1
        elif self.knows_versions and said["MaxSupportedVersion"] >= V1_1:
            self._to_ask.insert(0, ("SetProtocolVersion", {"TargetVersion": V1_1}))

    def _set_clock(self, reader_utc_us: int, uptime_us: int) -> None:
        """A reader has a clock for the time of day, or only one since it was switched on, which is put on ours."""
        if reader_utc_us:
            self._time.begins(reader_utc_us, self._now_s())
        elif uptime_us:
            utc_us = self._utc_us()
            self._decoder.uptime_zero_us = utc_us - uptime_us
            self._time.begins(utc_us, self._now_s())


def _answer_to(asked: str) -> str:
    return asked if asked == "CustomMessage" else f"{asked}Response"
