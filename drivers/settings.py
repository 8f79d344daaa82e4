"""From TOML's values to checked settings, every mistake reported at once. Shared by all drivers."""

from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

from drivers.errors import BadSettings

V = TypeVar("V")


class Asked:
    """Takes the settings of one device one by one and collects what is wrong with them.

    Each question names its key, and takes it off the pile; `done` complains about what nobody asked for. A wrong
    value is answered with the default, so that the next mistake is found as well.
    """

    def __init__(self, given: Mapping[str, object]) -> None:
        self._given = dict(given)
        self._known: list[str] = []
        self._mistakes: list[str] = []

    def take(self, key: str, otherwise: object = None) -> object:
        """The value as it was given, for settings that no other question fits."""
        self._known.append(key)
        return self._given.pop(key, otherwise)

    def wrong(self, key: str, why: str) -> None:
        """Note a mistake."""
        self._mistakes.append(f"{key}: {why}")

    def choice(self, key: str, otherwise: object, choices: Mapping[Any, V]) -> V:
        """The value that the setting's word stands for; that of `otherwise` when there is no such setting."""
        given = self.take(key, otherwise)
        for word, value in choices.items():
            # 1 == True in Python, but not in a settings file.
            if type(word) is type(given) and word == given:
                return value
        self.wrong(key, f"{given!r} is not one of {', '.join(_as_toml(word) for word in choices)}")
        return choices[otherwise]

    def flag(self, key: str, *, otherwise: bool) -> bool:
        """True or false."""
        return self.choice(key, otherwise, {False: False, True: True})

    def whole(self, key: str, otherwise: int, low: int, high: int) -> int:
        """A whole number from `low` to `high`."""
        given = self.take(key, otherwise)
        if isinstance(given, bool) or not isinstance(given, int) or not low <= given <= high:
            self.wrong(key, f"{given!r} is not a whole number from {low} to {high}")
            return otherwise
        return given

    def number(self, key: str, otherwise: float, low: float, high: float) -> float:
        """A number from `low` to `high`."""
        given = self.take(key, otherwise)
        if isinstance(given, bool) or not isinstance(given, int | float) or not low <= given <= high:
            self.wrong(key, f"{given!r} is not a number from {low} to {high}")
            return otherwise
        return float(given)

    def text(self, key: str, otherwise: str | None, longest: int, example: str = "") -> str:
        """Printable text of 1 to `longest` characters; `otherwise` None says that there must be one."""
        given = self.take(key, otherwise)
        if given is None:
            self.wrong(key, f"missing{f'; for example {example}' if example else ''}")
        elif given == otherwise or (isinstance(given, str) and 1 <= len(given) <= longest and given.isprintable()):
            return str(given)
        else:
            self.wrong(key, f"{given!r} is not a text of 1 to {longest} printable characters")
        return otherwise or ""

    def ports(self, key: str, otherwise: tuple[int, ...], most: int) -> tuple[int, ...]:
        """A list of different antenna ports, from 1 to `most`, in the order that was given; (0,) may stand for all."""
        given = self.take(key)
        if given is None or given == [0] == list(otherwise):
            return otherwise
        if isinstance(given, list) and given and all(type(port) is int and 1 <= port <= most for port in given):
            ports = tuple(dict.fromkeys(given))
            if len(ports) == len(given):
                return ports
        self.wrong(key, f"{given!r} is no list of different antenna ports, 1 to {most}")
        return otherwise

    def address(self, key: str, ports: Mapping[str, int]) -> SplitResult:
        """A network address `scheme://host[:port]`, its port filled in; `ports` has each scheme's usual one."""
        examples = " or ".join(f'"{scheme}://host[:{port}]"' for scheme, port in ports.items())
        given = self.take(key)
        nowhere = SplitResult("", "", "", "", "")
        if given is None:
            self.wrong(key, f"missing; give the device as {examples}")
            return nowhere
        try:
            parts = urlsplit(given) if isinstance(given, str) else nowhere
            port = parts.port
        except ValueError as why:
            self.wrong(key, f"give the device as {examples}, not {given!r} ({why})")
            return nowhere
        rest = parts.path or parts.query or parts.fragment or parts.username
        if parts.scheme not in ports or not parts.hostname or rest or port == 0:
            self.wrong(key, f"give the device as {examples}, not {given!r}")
            return nowhere
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        return parts._replace(netloc=f"{host}:{port or ports[parts.scheme]}")

    def done(self) -> None:
        """Raises `BadSettings` if anything was wrong, or is left over."""
        known = ", ".join(self._known)
        self._mistakes += [f"{key}: no such setting; there are {known}" for key in self._given]
        if self._mistakes:
            raise BadSettings(self._mistakes)


def _as_toml(word: object) -> str:
    return str(word).lower() if isinstance(word, bool) else str(word)
