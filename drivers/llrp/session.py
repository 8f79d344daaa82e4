"""One connection to an LLRP reader, without any I/O: bytes in, events out, and bytes to send.

The life of a connection: the reader says whether it took us (nothing may be sent before, LLRP 1.1 §20.1.1); we ask what
it can do, set it up request by request, and from the answer to START_ROSPEC on its reports are ours. At the end we say
CLOSE_CONNECTION, so that the reader's only place for a client is free again.
"""

import enum
from collections.abc import Iterator
from typing import Final

from drivers.errors import DeviceLost, DeviceRefused
from drivers.events import Dropped, Event, Heard, Noted, Online, Tags
from drivers.llrp.codec import VERSIONS, BadMessage, Message, Splitter, message
from drivers.llrp.reports import ReportDecoder
from drivers.llrp.requests import ROSPEC, setup
from drivers.llrp.settings import Settings
from drivers.llrp.status import quoted, status_words
from drivers.llrp.values import Values, payload, values

MAKERS: Final = {161: "Zebra", 25882: "Impinj"}  # IANA enterprise numbers, as in GeneralDeviceCapabilities
ANOTHER_CLIENT: Final = (1, 2)
HINTS: Final = {
    "SetReaderConfig": "The reader may not allow this keepalive_s.",
    "AddROSpec": "Compare antennas and tags_per_report with what the reader can do.",
    "StartROSpec": "Does another program control the reader's ROSpecs?",
}


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
    """One connection. `messages` counts the whole messages received, as the sign of life that it is."""

    def __init__(self, settings: Settings) -> None:
        self.stage = Stage.GREETING
        self.messages = 0
        self.reports = 0
        self._settings = settings
        self._splitter = Splitter()
        self._decoder = ReportDecoder()
        self._out = bytearray()
        self._ident = 0
        self._to_ask = setup(settings)
        self._asked: tuple[str, int] | None = None
        self._can_poll = True
        self._polled: int | None = None
        self._about = ""

    def to_send(self) -> bytes:
        """What is to be sent now; it is forgotten here."""
        out = bytes(self._out)
        self._out.clear()
        return out

    def receive(self, piece: bytes) -> Iterator[Event]:
        """What a piece of the stream, cut anywhere, brings. Must be exhausted before the next.

        Raises a DeviceError, after the events before it; the connection is then of no more use.
        """
        for got in self._splitter.feed(piece):
            self.messages += 1
            if got.version not in VERSIONS:
                yield Dropped(f"{got.name} of LLRP version {got.version}")
                continue
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
            self._asked = "CloseConnection", self._send("CloseConnection")

    def _send(self, name: str, said: Values | None = None) -> int:
        self._ident += 1
        self._out += message(name, self._ident, payload(name, said or {}))
        return self._ident

    def _take(self, got: Message) -> Iterator[Event]:
        name = got.name
        if name == "ROAccessReport":
            yield from self._report(got)
        elif name == "KeepAlive":
            self._out += message("KeepAliveAck", got.ident)
            yield Heard()
        elif name == "ReaderEventNotification":
            yield from self._event(values(name, got.payload)["ReaderEventNotificationData"])
        elif name == "ErrorMessage":
            yield from self._error(got)
        elif self._asked is not None and (name, got.ident) == (f"{self._asked[0]}Response", self._asked[1]):
            yield from self._answer(self._asked[0], values(name, got.payload))
        else:
            yield Dropped(f"{name}, which nobody asked for")

    def _report(self, got: Message) -> Iterator[Event]:
        if self.stage is Stage.LEAVING:
            return
        reads, nameless = self._decoder.decode(got.payload)
        self.reports += 1
        if nameless:
            yield Dropped(f"{nameless} tag reports without an EPC")
        if self.stage is not Stage.REPORTING:
            yield Dropped(f"{len(reads)} reads from before this connection was set up")
        elif reads:
            yield Tags(reads)
        else:
            yield Heard()

    def _answer(self, asked: str, said: Values) -> Iterator[Event]:
        status = said["LLRPStatus"]
        if status is None:
            raise BadMessage("no LLRPStatus")
        if asked == "CloseConnection":
            self.stage = Stage.LEFT
            return
        # Nothing to delete is an error to some readers. If something was left, adding ours will fail.
        if status["Status"] != 0 and asked != "DeleteROSpec":
            raise DeviceRefused(f"the reader refused {asked}: {status_words(status)}", HINTS.get(asked, ""))
        if asked == "GetReaderCapabilities":
            self._learn(said)
        if self._to_ask:
            self._ask_next()
        else:
            self._asked = None
            self.stage = Stage.REPORTING
            yield Online(self._about)

    def _ask_next(self) -> None:
        name, said = self._to_ask.pop(0)
        self._asked = name, self._send(name, said)

    def _learn(self, said: Values) -> None:
        """What the reader is; and release what it may hold for its last client, so that it comes before our start."""
        device, llrp = said["GeneralDeviceCapabilities"], said["LLRPCapabilities"]
        if device is not None:
            maker = MAKERS.get(device["DeviceManufacturer"], f"maker {device['DeviceManufacturer']}")
            firmware, ports = quoted(device["FirmwareVersion"]), device["MaxSupportedAntennas"]
            self._about = f"{maker} model {device['Model']}, firmware {firmware}, {ports} antennas"
            if ports and max(self._settings.antennas) > ports:
                raise DeviceRefused(
                    f"antenna {max(self._settings.antennas)} is configured, the reader has {ports}",
                    "Correct `antennas` in the device's settings.",
                )
        if llrp is not None and llrp["SupportsEventsAndReportHolding"]:
            self._send("EnableEventsAndReports")

    def _error(self, got: Message) -> Iterator[Event]:
        status = values("ErrorMessage", got.payload)["LLRPStatus"]
        if status is None:
            raise BadMessage("no LLRPStatus")
        words = status_words(status)
        if self._asked is not None and got.ident == self._asked[1]:
            if self.stage is Stage.LEAVING:
                self.stage = Stage.LEFT
                return
            raise DeviceRefused(f"the reader refused {self._asked[0]}: {words}", HINTS.get(self._asked[0], ""))
        if got.ident == self._polled:
            self._can_poll = False
        yield Dropped(f"the reader could not use a message of ours: {words}")

    def _event(self, said: Values | None) -> Iterator[Event]:
        if said is None:
            raise BadMessage("no ReaderEventNotificationData")
        attempt = said["ConnectionAttemptEvent"]
        if attempt is not None and self.stage is Stage.GREETING:
            self._greeted(attempt)
        if said["ConnectionCloseEvent"] is not None:
            raise DeviceLost("the reader closed the connection", "Was it restarted, or given to another program?")
        rospec = said["ROSpecEvent"] if self.stage is Stage.REPORTING else None
        if rospec is not None and rospec["Event"] == 1 and rospec["ROSpecID"] == ROSPEC:
            raise DeviceLost("the reader stopped reading", "Does another program control its ROSpecs?")
        if said["ReportBufferOverflowErrorEvent"] is not None:
            yield Dropped("the reader's report buffer ran over: it threw reads away")
        if (antenna := said["AntennaEvent"]) is not None:
            what = "antenna_connected" if antenna["Event"] == 1 else "antenna_disconnected"
            yield Noted(what, {"antenna": antenna["AntennaID"]})
        if (trouble := said["ReaderExceptionEvent"]) is not None:
            yield Noted("reader_reported_exception", {"words": quoted(trouble["Message"])})
        yield Heard()

    def _greeted(self, attempt: int) -> None:
        if attempt in ANOTHER_CLIENT:
            raise DeviceLost(
                "another client holds the reader, and it takes only one",
                "Close the other program, or wait: a client that died is noticed by the reader after a while.",
                "taken",
            )
        if attempt != 0:
            raise DeviceLost(f"the reader did not accept the connection (reason {attempt})", "Restart the reader.")
        self.stage = Stage.SETUP
        self._ask_next()
