"""A page's modules as one script, made when the agent starts: a browser asks once, and not for each of them.

Only what our own pages use of the language is understood: `import { a, b as c } from "./x.js";` at the beginning of a
line, and `export` in front of a declaration. A module is a function that gives what it exports, those it imports first.
"""

import posixpath
import re
from collections.abc import Callable
from typing import Final

_IMPORT: Final = re.compile(r'^import \{([^}]*)\} from "([^"]+)";$', re.MULTILINE)
_EXPORT: Final = re.compile(r"^export ((?:async )?function|const) (\w+)", re.MULTILINE)
_UNKNOWN: Final = re.compile(r"^(?:import|export)\b.*$", re.MULTILINE)
#: Whole lines: what stands behind code may be part of a text.
_COMMENT: Final = re.compile(r"^ *(?://.*|/\*\*(?:(?!\*/)[\s\S])*\*/)\n", re.MULTILINE)


class NotBundledError(Exception):
    """A module says something that this file does not understand, or modules import each other in a circle."""


def bundled(entry: str, read: Callable[[str], str]) -> str:
    """The module at this path and all it imports, to be run as a module; `read` gives the text of each.

    Raises NotBundledError.
    """
    made: dict[str, str] = {}
    _add(entry, read, made, ())
    return "".join(made.values())


def _add(path: str, read: Callable[[str], str], made: dict[str, str], above: tuple[str, ...]) -> None:
    if path in above:
        raise NotBundledError(f"{path} imports itself, by way of {' and '.join(above)}")
    if path in made:
        return

    def imported(found: re.Match[str]) -> str:
        other = posixpath.normpath(posixpath.join(posixpath.dirname(path), found[2]))
        _add(other, read, made, (*above, path))
        return f"const {{{found[1].replace(' as ', ': ')}}} = {_name(other)};"

    text = _IMPORT.sub(imported, _COMMENT.sub("", read(path)))
    given = ", ".join(name for _, name in _EXPORT.findall(text))
    text = _EXPORT.sub(r"\1 \2", text)
    if unknown := _UNKNOWN.search(text):
        raise NotBundledError(f"{path}: {unknown[0]!r} is not understood")
    made[path] = f"const {_name(path)} = (() => {{\n{text}return {{ {given} }};\n}})();\n"


def _name(path: str) -> str:
    return "$" + re.sub(r"\W", "_", path)
