"""The store's TOML file as frozen values. Reports every mistake at once, each with its path; never connects."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any, Final, get_args

from agent.config_table import Table
from agent.core.asks import Purpose
from agent.core.catalogue import Temperature
from agent.core.channels import Channel, Channels, Margin
from agent.core.claims import LONGEST_TTL_S, USUAL_TTL_S
from agent.core.costs import Costs
from agent.core.count_sessions import CountRules, Tolerance
from agent.core.instore import COUNTRIES, NOTHING, Form, InStore, Measure, form_problem
from agent.core.lease import USUAL_LEASE_S
from agent.core.people import Shift
from agent.core.picking.platforms import PlatformRules
from agent.core.picking.staging import Slot
from agent.core.places import EXIT, INSIDE
from agent.core.tags import TagRules
from agent.core.tasks.task import Rules
from wire.mqtt import Broker, MqttVersion, parse_broker
from wire.signing import KeyUnusable, Verifier
from wire.tls import Credentials, CredentialsUnusable, credentials_for
from wire.topics import StoreTopics, is_name

_MAX_PORT: Final = 65535
#: Three signs of life are the least that may be missed; an hour is no fence any more.
_LEASE_S: Final = (30, 3600)
_MOST_UNITS: Final = 1_000_000
_MOST_MONEY: Final = 1_000_000
_DAY_S: Final = 86_400
#: Nobody's rule keeps a picked order from its customer for longer.
_LATEST_FINISH_S: Final = 600
#: A scanner that reads a label twice does so at once; a person needs longer for the next one.
USUAL_REPEAT_MS: Final = 300
USUAL_PERSONAL_HOURS: Final = 72
USUAL_ORDER_DAYS: Final = 90
_SHORTEST_TOKEN: Final = 16


@dataclass(frozen=True, slots=True)
class DeviceConfig:
    """One `[[device]]`: which driver, its settings (the driver checks them), and what it means to the store."""

    name: str
    kind: str
    settings: Mapping[str, object]
    places: Mapping[int, str]
    purpose: Purpose | None
    #: The same code again within this time is the scanner's doing; 0: never.
    repeat_ms: int = USUAL_REPEAT_MS


@dataclass(frozen=True, slots=True)
class BooksCare:
    """How the books are looked after: where daily copies go, when postings are archived, the room kept in reserve."""

    backups: Path
    keep_days: int
    ballast_bytes: int
    #: The name a courier gave is forgotten so long after the hand-over.
    personal_hours: int = USUAL_PERSONAL_HOURS
    #: What became of orders, tasks, reports and cases is forgotten so long after their end.
    order_days: int = USUAL_ORDER_DAYS


@dataclass(frozen=True, slots=True)
class PeopleCare:
    """Where it is kept who works here, the key that stays on this machine, and how long a session lasts."""

    file: Path
    key: Path
    shift: Shift


@dataclass(frozen=True, slots=True)
class Config:
    """Everything the agent is told."""

    topics: StoreTopics
    books: Path
    #: A file that is brought in at the start when it changed; without one the catalogue is what the books have.
    catalogue: Path | None
    care: BooksCare
    broker: Broker
    mqtt_version: MqttVersion
    #: The key by which HQ's commands are known; without one none is obeyed.
    commands_key: Path | None
    #: Who we are, for a broker over TLS.
    credentials: Credentials | None
    web_host: str
    web_port: int
    #: What machines must send with what changes something; empty: nothing.
    web_token: str
    web_tls: Credentials | None
    people: PeopleCare
    tags: TagRules
    counts: CountRules
    devices: tuple[DeviceConfig, ...]
    #: How long an order may be accepted on a lease, and how long HQ may be silent.
    lease_s: int = USUAL_LEASE_S
    channels: Channels = field(default_factory=dict)
    #: What the store's own barcodes mean.
    instore: InStore = NOTHING
    #: The store's map; without one the codes of the catalogue's spots say where things are.
    map: Path | None = None
    #: Carts, staging slots, and how long a picker may be silent.
    picking: Rules = field(default_factory=Rules)

    @property
    def store(self) -> str:
        return self.topics.store


class ConfigMistakes(Exception):
    """The file cannot be used; `mistakes` names every reason, each with the path of its key.

    `config` is what could be read of it, so that its devices' settings can be checked as well.
    """

    def __init__(self, path: Path, mistakes: list[str], config: Config | None = None) -> None:
        count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        super().__init__("\n".join([f"{path}: {count}", *(f"  {mistake}" for mistake in mistakes)]))
        self.mistakes = mistakes
        self.config = config


def load(path: Path) -> Config:
    """Read a store's configuration. Raises ConfigMistakes."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigMistakes(path, [f"cannot be read: {error.strerror}"]) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigMistakes(path, [f"is no TOML: {error}"]) from error
    reader = _Reader(path.resolve().parent)
    config = reader.config(document)
    if reader.mistakes:
        raise ConfigMistakes(path, reader.mistakes, config)
    return config


class _Reader:
    def __init__(self, folder: Path) -> None:
        self.mistakes: list[str] = []
        self._folder = folder

    def config(self, document: Mapping[str, Any]) -> Config:
        """The configuration as far as it can be read; only to be used when there are no mistakes."""
        root = Table("", document, self.mistakes)
        store = self._table(root, "store")
        names = {key: store.take(key, str) for key in ("id", "chain")}
        for key, name in names.items():
            if name is not None and not is_name(name):
                store.mistake(key, f"{name!r} is not 1 to 32 of A-Z a-z 0-9 -")
                names[key] = None
        store.finish()
        books = self._table(root, "books")
        books_path, catalogue = books.file_name("path"), books.file_name("catalogue", "")
        map_path = books.file_name("map", "")
        care = self._care(books)
        books.finish()
        hq = self._table(root, "hq")
        broker = self._broker(hq)
        version = hq.one_of("mqtt_version", get_args(MqttVersion), "5")
        credentials = self._credentials(hq, broker)
        commands_key = self._commands_key(hq, credentials)
        lease_s = hq.between("lease_s", USUAL_LEASE_S, *_LEASE_S)
        hq.finish()
        web = self._table(root, "web", optional=True)
        host, port = web.take("host", str, "127.0.0.1"), web.take("port", int, 8080)
        if not 0 <= port <= _MAX_PORT:
            web.mistake("port", f"{port} is not a port (0 to {_MAX_PORT}; 0 takes any free one)")
        token, web_tls = self._token(web), self._pages(web)
        web.finish()
        people = self._people(self._table(root, "people", optional=True), self._folder / (books_path or "x"))
        tags = self._table(root, "tags", optional=True)
        counts = self._counts(self._table(root, "counts", optional=True))
        devices = self._devices(root)
        channels = self._channels(root)
        instore = self._instore(self._table(root, "instore", optional=True))
        picking = self._picking(*(self._table(root, name, optional=True) for name in ("picking", "staging", "costs")))
        rules = self._rules(tags, {place for device in devices for place in device.places.values()})
        root.finish()
        return Config(
            topics=StoreTopics(names["chain"] or "x", names["id"] or "x"),
            books=self._folder / (books_path or "x"),
            catalogue=self._folder / catalogue if catalogue else None,
            care=care,
            broker=broker,
            mqtt_version=version,
            commands_key=commands_key,
            credentials=credentials,
            web_host=host,
            web_port=port,
            web_token=token,
            web_tls=web_tls,
            people=people,
            tags=rules,
            counts=counts,
            devices=devices,
            lease_s=lease_s,
            channels=channels,
            instore=instore,
            map=self._folder / map_path if map_path else None,
            picking=picking,
        )

    def _care(self, books: Table) -> BooksCare:
        backups = books.file_name("backups", "backups")
        keep_days, ballast_mib = books.between("keep_days", 400, 35, 36_500), books.between("ballast_mib", 16, 0, 4096)
        personal_hours = books.between("personal_hours", USUAL_PERSONAL_HOURS, 1, 24 * 90)
        order_days = books.between("order_days", USUAL_ORDER_DAYS, 7, 3650)
        kept = (personal_hours, order_days)
        return BooksCare(self._folder / (backups or "x"), keep_days, ballast_mib * 1024 * 1024, *kept)

    def _token(self, web: Table) -> str:
        token: str = web.take("token", str, "")
        if token and not (len(token) >= _SHORTEST_TOKEN and token.isascii() and token.isprintable()):
            web.mistake("token", f"must be at least {_SHORTEST_TOKEN} plain characters")
        return token

    def _pages(self, web: Table) -> Credentials | None:
        """Of the pages, when they are served by TLS."""
        folder = web.file_name("tls", "")
        credentials = Credentials(self._folder / folder) if folder else None
        try:
            if credentials is not None:
                credentials.serving()
        except CredentialsUnusable as error:
            web.mistake("tls", str(error))
        return credentials

    def _people(self, table: Table, books: Path) -> PeopleCare:
        file = table.file_name("file", f"{books.stem}-people.db")
        key = table.file_name("key", f"{books.stem}-people.key")
        usual = Shift()
        idle = table.between("idle_minutes", usual.idle_s // 60, 1, 24 * 60)
        longest = table.between("shift_hours", usual.longest_s // 3600, 1, 24)
        table.finish()
        folder = books.parent
        return PeopleCare(folder / (file or "x"), folder / (key or "x"), Shift(idle * 60, longest * 3600))

    def _table(self, parent: Table, key: str, *, optional: bool = False) -> Table:
        values = parent.take(key, dict, {} if optional else None)
        # Of an absent table only the absence is a mistake, not each of its keys.
        return Table(key, values or {}, self.mistakes if values is not None else [])

    def _broker(self, hq: Table) -> Broker:
        address = hq.take("broker", str)
        if address is not None:
            try:
                return parse_broker(address)
            except ValueError as error:
                hq.mistake("broker", str(error))
        return Broker("x", 1)

    def _credentials(self, hq: Table, broker: Broker) -> Credentials | None:
        folder = hq.file_name("tls", "")
        try:
            return credentials_for(self._folder / folder if folder else None, tls=broker.tls)
        except CredentialsUnusable as error:
            hq.mistake("tls", str(error))
            return None

    def _commands_key(self, hq: Table, credentials: Credentials | None) -> Path | None:
        """The one beside the credentials, where `nearshelf-hq certs` puts it, unless another is named."""
        named = hq.file_name("commands", "")
        path = self._folder / named if named else None
        if path is None and credentials is not None and (credentials.folder / "commands.pub").exists():
            path = credentials.folder / "commands.pub"
        if path is not None:
            try:
                Verifier.read(path)
            except KeyUnusable as error:
                hq.mistake("commands", str(error))
        return path

    def _rules(self, table: Table, zones: set[str]) -> TagRules:
        usual = TagRules()
        found = TagRules(
            settle_s=table.number("settle_s", usual.settle_s, 0, _DAY_S),
            min_reads=table.between("min_reads", usual.min_reads, 1, _DAY_S),
            leave_s=table.number("leave_s", usual.leave_s, 0, _DAY_S),
            watched=self._watched(table, zones),
            round_s=table.number("round_s", usual.round_s, 1, 3600),
            missing_after_s=table.number("missing_after_s", usual.missing_after_s, 60, _DAY_S),
            missed_rounds=table.between("missed_rounds", usual.missed_rounds, 3, 1000),
            give_up_after_s=table.number("give_up_after_s", usual.give_up_after_s, 600, 30 * _DAY_S),
        )
        if found.give_up_after_s <= found.missing_after_s:
            table.mistake("give_up_after_s", f"must be more than missing_after_s, {found.missing_after_s:g}")
        table.finish()
        return found

    def _watched(self, table: Table, zones: set[str]) -> frozenset[str]:
        found: set[str] = set()
        for nth, place in enumerate(table.take("watched", list, [])):
            if place not in zones or place == EXIT:
                near = ", ".join(sorted(zones - {EXIT})) or "none"
                table.mistake(f"watched[{nth}]", f"{place!r} is no place of a device's zone; there are {near}")
            elif place in found:
                table.mistake(f"watched[{nth}]", f"{place!r} is there twice")
            else:
                found.add(place)
        return frozenset(found)

    def _each(self, root: Table, key: str) -> Iterator[Table]:
        """The tables of a list of tables."""
        path = f"{root.path}.{key}" if root.path else key
        for nth, values in enumerate(root.take(key, list, [])):
            if isinstance(values, dict):
                yield Table(f"{path}[{nth}]", values, self.mistakes)
            else:
                root.mistake(f"{key}[{nth}]", f"is not a table; write [[{path}]]")

    def _channels(self, root: Table) -> Channels:
        found: dict[str, Channel] = {}
        for table in self._each(root, "channel"):
            channel = self._channel(table)
            if channel.name in found:
                table.mistake("name", f"{channel.name!r} names two channels")
            found[channel.name] = channel
        return found

    def _channel(self, table: Table) -> Channel:
        name = table.take("name", str)
        if name is not None and not is_name(name):
            table.mistake("name", f"{name!r} is not 1 to 32 of A-Z a-z 0-9 -")
        quotas = table.inner("quota")
        quota = {sku: quotas.between(sku, 0, 0, _MOST_UNITS) for sku in quotas.keys}
        minutes = table.between("hold_minutes", USUAL_TTL_S // 60, 1, LONGEST_TTL_S // 60)
        local = table.take("local", bool, default=False)
        margin = self._margin(table.inner("safety"))
        finish_after_s = table.between("finish_after_s", 0, 0, _LATEST_FINISH_S)
        rules = PlatformRules(finish_after_s)
        table.finish()
        return Channel(name or "", quota, margin, minutes * 60, local, rules)

    def _margin(self, safety: Table) -> Margin:
        margin = Margin(*(safety.between(record, 0, 0, _MOST_UNITS) for record in ("sure", "fair", "unsure")))
        safety.finish()
        units = astuple(margin)
        if list(units) != sorted(units):
            safety.whole_mistake("the surer a record is, the fewer units are left: sure <= fair <= unsure")
        elif margin.sure == margin.unsure > 0:
            safety.whole_mistake(
                "is the same for every record, which refuses orders for goods that are there; leave less of sure ones"
            )
        return margin

    def _counts(self, table: Table) -> CountRules:
        usual, most = CountRules(), _MOST_UNITS
        percent = table.between("percent", usual.each.percent, 0, 100)
        units = table.between("units", usual.each.units, 0, most)
        grams = table.between("grams", usual.gram.units, 0, most)
        each, gram = (table.between(key, 0, 0, most) for key in ("review_above", "review_above_grams"))
        table.finish()
        return CountRules(Tolerance(units, percent, each), Tolerance(grams, percent, gram, repeat=grams))

    def _picking(self, picking: Table, staging: Table, costs: Table) -> Rules:
        usual, slots = Rules(), dict[str, Slot]()
        totes = picking.between("totes", usual.totes, 1, 24)
        silent_s = picking.between("silent_minutes", usual.silent_s // 60, 1, 240) * 60
        picking.finish()
        out_s = staging.between("out_of_cold_minutes", usual.out_of_cold_s // 60, 1, 240) * 60
        for table in self._each(staging, "slot"):
            code, kept = table.take("code", str), table.one_of("temperature", get_args(Temperature), "ambient")
            if code is not None and not (1 <= len(code) <= 32 and code.isprintable()):
                table.mistake("code", f"{code!r} is not 1 to 32 printable characters")
            elif code in slots:
                table.mistake("code", f"{code!r} names two slots")
            slots[code or ""] = Slot(code or "", kept)
            table.finish()
        staging.finish()
        prices = (costs.number(key, 0, 0, _MOST_MONEY) for key in ("wage_per_hour", "per_bag", "per_question"))
        found = Rules(slots, silent_s, totes, out_s, costs=Costs(*prices))
        costs.finish()
        return found

    def _instore(self, table: Table) -> InStore:
        forms: list[Form] = []
        for form in self._each(table, "form"):
            pattern, means = form.take("pattern", str), form.one_of("means", get_args(Measure))
            step = form.between("step", 1, 1, 10_000)
            problem = form_problem(pattern) if pattern is not None else ""
            if problem:
                form.mistake("pattern", f"{pattern!r} {problem}")
            form.finish()
            forms.append(Form(pattern or "", means or "grams", step))
        country = table.one_of("country", COUNTRIES, "")
        table.finish()
        return InStore(country, tuple(forms))

    def _devices(self, root: Table) -> tuple[DeviceConfig, ...]:
        found: list[DeviceConfig] = []
        for table in self._each(root, "device"):
            device = self._device(table)
            if any(device.name == other.name for other in found):
                table.mistake("name", f"{device.name!r} names two devices")
            found.append(device)
        return tuple(found)

    def _device(self, table: Table) -> DeviceConfig:
        name = table.take("name", str)
        if name is not None and not is_name(name):
            table.mistake("name", f"{name!r} is not 1 to 32 of A-Z a-z 0-9 -")
        kind = table.take("kind", str)
        settings = table.take("settings", dict, {})
        purpose = table.one_of("purpose", get_args(Purpose), "") or None
        repeat_ms = table.between("repeat_ms", USUAL_REPEAT_MS, 0, 10_000)
        places: dict[int, str] = {}
        for nth, values in enumerate(table.take("zone", list, [])):
            zone = Table(f"{table.path}.zone[{nth}]", values if isinstance(values, dict) else {}, self.mistakes)
            antenna, place = zone.take("antenna", int), zone.one_of("place", (*sorted(INSIDE), EXIT))
            if antenna is not None and not 1 <= antenna <= _MAX_PORT:
                zone.mistake("antenna", f"{antenna} is not an antenna's number (1 to {_MAX_PORT})")
            elif antenna in places:
                zone.mistake("antenna", f"{antenna} has a place already")
            elif antenna is not None and place is not None:
                places[antenna] = place
            zone.finish()
        table.finish()
        return DeviceConfig(name or "", kind or "", settings, places, purpose, repeat_ms)
