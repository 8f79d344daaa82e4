"""A table of a TOML file that is asked key by key: what is missing, wrong or unknown is noted, and the rest goes on."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any


class Table:
    """One table of the file; notes what it was asked for, so that the rest can be called unknown."""

    def __init__(self, path: str, values: Mapping[str, Any], mistakes: list[str]) -> None:
        self.path = path
        self._values = values
        self._mistakes = mistakes
        self._asked: set[str] = set()

    def mistake(self, key: str, problem: str) -> None:
        where = f"{self.path}.{key}" if self.path else key
        self._mistakes.append(f"{where}: {problem}")

    def take(self, key: str, kind: type, default: Any = None) -> Any:
        """The value of a key; a mistake when it is absent without default, or of another type."""
        self._asked.add(key)
        if key not in self._values:
            if default is None:
                self.mistake(key, f"is missing; it takes {_called(kind)}")
            return default
        value = self._values[key]
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind:
            self.mistake(key, f"{value!r} is not {_called(kind)}")
            return default
        return value

    def file_name(self, key: str, default: str | None = None) -> str | None:
        """The name of a file; it need not exist."""
        name: str | None = self.take(key, str, default)
        if name is not None and name != default and (not name or "\0" in name):
            self.mistake(key, f"{name!r} names no file")
            return None
        return name

    def one_of(self, key: str, choices: tuple[str, ...], default: str | None = None) -> Any:
        value = self.take(key, str, default)
        if value != default and value not in choices:
            self.mistake(key, f"{value!r} is none of {', '.join(choices)}")
            return default
        return value

    def number(self, key: str, default: float, least: float, most: float) -> float:
        """A number in these bounds."""
        value: float = self.take(key, float, default)
        if not least <= value <= most:
            self.mistake(key, f"{value} is not between {least} and {most}")
            return default
        return value

    def inner(self, key: str) -> "Table":
        """The table inside this one; empty when it is not there."""
        values = self.take(key, dict, {})
        return Table(f"{self.path}.{key}", values, self._mistakes)

    @property
    def keys(self) -> Iterable[str]:
        return self._values.keys()

    def whole_mistake(self, problem: str) -> None:
        """A mistake of the table, not of one key."""
        self._mistakes.append(f"{self.path}: {problem}")

    def between(self, key: str, default: int | None, least: int, most: int) -> Any:
        """A whole number in these bounds."""
        value = self.take(key, int, default)
        if value is not None and not least <= value <= most:
            self.mistake(key, f"{value} is not between {least} and {most}")
            return default
        return value

    def finish(self) -> None:
        """Call every key nobody asked for a mistake, with the name that may have been meant."""
        for key in self._values:
            if key not in self._asked:
                near = difflib.get_close_matches(key, self._asked, n=1)
                self.mistake(key, f"is not known{f'; did you mean {near[0]}?' if near else ''}")


def _called(kind: type) -> str:
    names = {
        str: "a text",
        int: "a whole number",
        float: "a number",
        dict: "a table",
        list: "a list of tables",
        bool: "true or false",
    }
    return names[kind]
