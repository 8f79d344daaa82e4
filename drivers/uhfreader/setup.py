"""What a UHFReader is asked and told before it reads. Its memory keeps what it is told, so it is told only news."""

from dataclasses import dataclass

from drivers.conversing import Request
from drivers.uhfreader import codec
from drivers.uhfreader.settings import Settings

_MODELS = {0x09: "UHFReader18", 0x20: "UHFReader288MP"}
#: Of 18's work mode: frames on the serial line instead of Wiegand; all tags' EPCs.
_SERIAL, _EVERY_EPC, _WORD = 0x02, 0x04, 0x01
#: Say nothing of a tag again within a second; a heartbeat every 30 seconds.
_FILTER_S, _EVERY_30_S = 1, 0x81


@dataclass(frozen=True, slots=True)
class About:
    """What a reader says it is. `antennas` is a bit for each, 0 of a reader that has but one."""

    model: int
    version: str
    kind: int
    region: bytes
    power_dbm: int
    scan_ms: int
    antennas: int

    @property
    def words(self) -> str:
        name = _MODELS.get(self.kind, f"UHFReader type {self.kind:02X}")
        return f"{name} {self.version}, {self.power_dbm} dBm"


def about_from(data: bytes, model: int) -> About | None:
    """The answer to ABOUT; None if it is too short. `model` 0: a 288 says more than an 18."""
    if len(data) < 8:
        return None
    return About(
        model=model or (288 if len(data) >= 12 else 18),
        version=f"V{data[0]}.{data[1]}",
        kind=data[2],
        region=data[4:6],
        power_dbm=data[6],
        scan_ms=data[7] * 100,
        antennas=data[8] if len(data) >= 12 else 0,
    )


def first_questions() -> list[Request]:
    return [Request("say what it is", codec.ABOUT)]


def question_of_mode(about: About) -> Request:
    return Request("say its mode", codec.GET_MODE_288 if about.model == 288 else codec.GET_MODE_18, optional=True)


def orders(settings: Settings, about: About, mode: bytes) -> list[Request]:
    """What is to change, `mode` being the answer to the question of it, or nothing from one that knows no modes."""
    changes = _radio(settings, about)
    if about.model == 18:
        return [*changes, *_mode_of_18(settings, mode[4:10])]  # behind four bytes about Wiegand
    # In active mode a 288 takes no other orders: it leaves that first, and enters it last.
    leave = [Request("be in answer mode", codec.SET_MODE_288, b"\0")] if mode[:1] not in (b"", b"\0") else []
    if not settings.active:
        return [*leave, *changes]
    # Tags of Gen2, no pause, the filter; and no mask, whose length is the tenth byte.
    wanted = bytes([0, 0, _FILTER_S, settings.q, settings.session])
    if not changes and mode[:6] == b"\1" + wanted and mode[9:10] in (b"", b"\0"):
        return []
    return [
        *leave,
        *changes,
        Request("look for all tags", codec.SET_ACTIVE, wanted),
        Request("give signs of life", codec.SET_HEARTBEAT, bytes([_EVERY_30_S]), optional=True),
        Request("be in active mode", codec.SET_MODE_288, b"\1"),
    ]


def _radio(settings: Settings, about: About) -> list[Request]:
    changes = []
    if settings.region is not None and settings.region != about.region:
        changes.append(Request("work in this region", codec.SET_REGION, settings.region))
    if settings.power_dbm is not None and settings.power_dbm != about.power_dbm:
        changes.append(Request("send with this power", codec.SET_POWER, bytes([settings.power_dbm])))
    if about.model == 288 and not settings.active:
        return changes  # the rest is said with each inventory
    if settings.scan_ms != about.scan_ms:
        changes.append(Request("scan for this long", codec.SET_SCAN_TIME, bytes([settings.scan_ms // 100])))
    bits = sum(1 << antenna - 1 for antenna in settings.antennas)
    if about.model == 288 and bits != about.antennas:
        changes.append(Request("use these antennas", codec.SET_ANTENNAS, bytes([bits])))
    return changes


def _mode_of_18(settings: Settings, now: bytes) -> list[Request]:
    if settings.active:
        state = (now[1:2] or b"\0")[0] & ~1 | _SERIAL
        wanted = bytes([1, state, _EVERY_EPC, 0, _WORD, 0])
        return [] if now == wanted else [Request("be in active mode", codec.SET_MODE_18, wanted)]
    if len(now) < 6 or not now[0] & 3:
        return []
    return [Request("be in answer mode", codec.SET_MODE_18, b"\0" + now[1:])]
