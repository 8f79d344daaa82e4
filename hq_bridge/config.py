"""HQ's TOML file as frozen values. Reports every mistake at once, each with its path; never connects."""

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from wire.mqtt import Broker, MqttVersion, parse_broker
from wire.signing import KeyUnusable, Signer
from wire.tls import Credentials, CredentialsUnusable, credentials_for
from wire.topics import is_name

SQLITE = "sqlite+aiosqlite"
POSTGRES = "postgresql+asyncpg"

#: What may follow the question mark of a PostgreSQL URL, as libpq calls it.
_POSTGRES_QUERY = {"sslmode", "host"}
_KEYS = {
    "hq": ("chain", "database", "keep_days", "broker", "mqtt_version", "tls", "commands"),
    "web": ("host", "port", "token"),
    "events": ("mqtt",),
}


@dataclass(frozen=True, slots=True)
class Config:
    """Everything HQ is told."""

    chain: str
    database: URL
    #: History is kept for so many days at least.
    keep_days: int
    broker: Broker
    mqtt_version: MqttVersion
    #: The key commands are signed with; without one HQ asks nothing of stores.
    commands_key: Path | None
    #: Who HQ is, for a broker over TLS.
    credentials: Credentials | None
    web_host: str
    web_port: int
    #: Whoever asks HQ to do something must know it; empty: nobody may.
    web_token: str
    #: Are committed rows told to the broker too, for subscribers?
    events_mqtt: bool


class ConfigMistakes(Exception):
    """The file cannot be used; `mistakes` names every reason, each with the path of its key."""

    def __init__(self, path: Path, mistakes: list[str]) -> None:
        count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        super().__init__("\n".join([f"{path}: {count}", *(f"  {mistake}" for mistake in mistakes)]))
        self.mistakes = mistakes


def load(path: Path) -> Config:
    """Read HQ's configuration. Raises ConfigMistakes."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigMistakes(path, [f"cannot be read: {error.strerror}"]) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigMistakes(path, [f"is no TOML: {error}"]) from error
    reader = _Reader(document)
    config = reader.config(path.resolve().parent)
    if reader.mistakes:
        raise ConfigMistakes(path, reader.mistakes)
    return config


class _Reader:
    """Asks for each value in turn and notes what is wrong with it; a wrong value reads as its default."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.mistakes: list[str] = []
        self._tables: dict[str, Mapping[str, Any]] = {}
        for name in document:
            if name not in _KEYS:
                self.mistakes.append(f"[{name}] is not known here{_did_you_mean(name, _KEYS)}")
        for name, keys in _KEYS.items():
            table = document.get(name, {})
            if not isinstance(table, dict):
                self.mistakes.append(f"[{name}] is not a table")
                table = {}
            for key in table:
                if key not in keys:
                    self.mistakes.append(f"[{name}] {key}: not known here{_did_you_mean(key, keys)}")
            self._tables[name] = table

    def config(self, folder: Path) -> Config:
        chain, database, broker = self._chain(), self._database(folder), self._broker()
        credentials = self._credentials(folder, broker)
        return Config(
            chain=chain,
            database=database,
            keep_days=self._number("hq", "keep_days", 400, 1, 36_500, "days"),
            broker=broker,
            mqtt_version=self._mqtt_version(),
            commands_key=self._commands_key(folder, credentials),
            credentials=credentials,
            web_host=self._text("web", "host", "127.0.0.1"),
            web_port=self._number("web", "port", 0, 0, 65535, "a port; 0 is any"),
            web_token=self._token(),
            events_mqtt=self._switch("events", "mqtt"),
        )

    def _text(self, table: str, key: str, default: str | None) -> str:
        """A text that is not empty; without a default it must be there."""
        value = self._tables[table].get(key, default)
        if isinstance(value, str) and value:
            return value
        self.mistakes.append(f"[{table}] {key}: " + ("missing" if value is None else f"{value!r} is not a text"))
        return ""

    def _switch(self, table: str, key: str) -> bool:
        """Off unless it is said to be on."""
        value = self._tables[table].get(key, False)
        if not isinstance(value, bool):
            self.mistakes.append(f"[{table}] {key}: {value!r} is neither true nor false")
        return value is True

    def _chain(self) -> str:
        chain = self._text("hq", "chain", None)
        if chain and not is_name(chain):
            self.mistakes.append(f"[hq] chain: {chain!r} is no name: 1 to 32 of A-Z a-z 0-9 -")
        return chain

    def _database(self, folder: Path) -> URL:
        """A relative SQLite file is meant from the folder of the TOML file."""
        text = self._text("hq", "database", f"{SQLITE}:///hq.db")
        example = f"write it like {SQLITE}:///hq.db or postgresql://user:password@host/name"
        try:
            url = make_url(text)
        except (ArgumentError, ValueError):
            if text:
                self.mistakes.append(f"[hq] database: this is no database URL; {example}")
            return URL.create(SQLITE)
        if (
            url.drivername in ("postgresql", "postgres", POSTGRES)
            and url.database
            and set(url.query) <= _POSTGRES_QUERY
        ):
            query = {"ssl" if key == "sslmode" else key: value for key, value in url.query.items()}
            return url.set(drivername=POSTGRES, query=query)
        if url.drivername == SQLITE and url.database and not url.query:
            return url.set(database=str(folder / url.database))
        self.mistakes.append(f"[hq] database: {url.render_as_string()} is not one HQ can use; {example}")
        return url

    def _broker(self) -> Broker:
        text = self._text("hq", "broker", None)
        try:
            return parse_broker(text)
        except ValueError as error:
            if text:
                self.mistakes.append(f"[hq] broker: {error}")
            return Broker("", 0)

    def _credentials(self, folder: Path, broker: Broker) -> Credentials | None:
        named = self._text("hq", "tls", "") if self._tables["hq"].get("tls") else ""
        try:
            return credentials_for(folder / named if named else None, tls=broker.tls)
        except CredentialsUnusable as error:
            self.mistakes.append(f"[hq] tls: {error}")
            return None

    def _commands_key(self, folder: Path, credentials: Credentials | None) -> Path | None:
        """The one beside the credentials, where `certs` puts it, unless another is named."""
        named = self._text("hq", "commands", "") if self._tables["hq"].get("commands") else ""
        path = folder / named if named else None
        if path is None and credentials is not None and (credentials.folder / "commands.key").exists():
            path = credentials.folder / "commands.key"
        if path is not None:
            try:
                Signer.read(path)
            except KeyUnusable as error:
                self.mistakes.append(f"[hq] commands: {error}")
        return path

    def _token(self) -> str:
        token = self._tables["web"].get("token", "")
        if isinstance(token, str) and (not token or (token.isascii() and token.isprintable() and len(token) >= 16)):
            return token
        self.mistakes.append("[web] token: must be a text of at least 16 plain characters")
        return ""

    def _mqtt_version(self) -> MqttVersion:
        asked = self._tables["hq"].get("mqtt_version", "5")
        for version in get_args(MqttVersion):
            if asked == version:
                return version  # type: ignore[no-any-return]  # it stands in the choices
        self.mistakes.append(f'[hq] mqtt_version: {asked!r} is neither "5" nor "3.1.1"')
        return "5"

    def _number(self, table: str, key: str, default: int, least: int, most: int, what: str) -> int:
        value = self._tables[table].get(key, default)
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        self.mistakes.append(f"[{table}] {key}: {value!r} is not within {least} to {most} ({what})")
        return default


def _did_you_mean(word: str, known: Mapping[str, Any] | tuple[str, ...]) -> str:
    close = difflib.get_close_matches(word, list(known), 1)
    return f"; did you mean {close[0]}?" if close else ""
