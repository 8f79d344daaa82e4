"""Every sentence that a driver can put into a DeviceError, read out of its source: why, and what to do.

What is filled in stands as `{}`.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path

import drivers

_ROOT = Path(next(iter(drivers.__path__)))
_ERRORS = {"DeviceLost", "DeviceRefused", "DeviceSpokeNonsense", "Unanswered"}
_FILLED = re.compile(r"\{[^{}]*\}")


def told_by_drivers() -> set[str]:
    """The sentences; and what the modules of readers are asked to do, which stands inside some."""
    found: set[str] = set()
    for path in sorted(_ROOT.rglob("*.py")):
        found |= Module(path).told()
    return {text for text in found if re.search("[A-Za-z]{2}", _FILLED.sub("", text))}


class Module:
    """One file of the drivers."""

    def __init__(self, path: Path) -> None:
        self._tree = ast.parse(path.read_text(encoding="utf-8"))
        self._functions = {node.name: node for node in ast.walk(self._tree) if isinstance(node, ast.FunctionDef)}

    def told(self) -> set[str]:
        found: set[str] = set()
        for scope in [self._tree, *self._functions.values(), *self._coroutines()]:
            for node in ast.walk(scope):
                match node:
                    case ast.Call(ast.Name(name), args) if name in _ERRORS:
                        found |= {
                            text
                            for nth, part in enumerate(self._flat(args)[:2])
                            for text in self._says(part, scope, nth)
                        }
                    case ast.Call(ast.Name("Request"), [ast.Constant(str()) | ast.JoinedStr() as what, _, *_]):
                        found |= {text for text in self._says(what, scope) if not text.isupper()}  # GET is none
                    case ast.Assign([ast.Attribute(attr="hint")], value):
                        found |= self._says(value, scope)
                    case ast.AugAssign(ast.Attribute(attr="hint"), _, value):
                        found |= {"{}" + text for text in self._says(value, scope)}
        return found

    def _coroutines(self) -> Iterator[ast.AST]:
        return (node for node in ast.walk(self._tree) if isinstance(node, ast.AsyncFunctionDef))

    def _flat(self, args: list[ast.expr]) -> list[ast.expr]:
        """`*f()` is what f returns, for the first argument and for the second."""
        return [part for arg in args for part in ([arg.value] * 2 if isinstance(arg, ast.Starred) else [arg])]

    def _says(self, node: ast.expr | None, scope: ast.AST, nth: int = 0) -> set[str]:
        match node:
            case ast.Constant(str(text)):
                return {_FILLED.sub("{}", text)}
            case ast.JoinedStr(parts):
                return {"".join(self._inside(part) for part in parts)}
            case ast.BinOp(left, ast.Add(), right):
                both = product(self._says(left, scope), self._says(right, scope))
                return {first + second for first, second in both}
            case ast.IfExp(_, one, other):
                return self._says(one, scope) | self._says(other, scope)
            case ast.Name(name):
                return {text for value in self._assigned(name, scope) for text in self._says(value, scope)}
            case ast.Dict(values=values) | ast.Tuple([*values]):
                chosen = values if isinstance(node, ast.Dict) else values[nth : nth + 1]
                return {text for value in chosen for text in self._says(value, scope)}
            case ast.Call(ast.Attribute(value, "get"), [_, other]):
                return self._says(value, scope) | self._says(other, scope)
            case ast.Call(ast.Attribute(value, "format")):
                return self._says(value, scope)
            case ast.Call(ast.Name(name) | ast.Attribute(attr=name)):
                return self._returned(name, nth)
        return {"{}"}

    @staticmethod
    def _inside(part: ast.expr) -> str:
        return str(part.value) if isinstance(part, ast.Constant) else "{}"

    def _assigned(self, name: str, scope: ast.AST) -> list[ast.expr]:
        for place in (scope, self._tree):
            found = [
                node.value
                for node in ast.walk(place)
                if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
                for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
                if isinstance(target, ast.Name) and target.id == name
            ]
            if found:
                return found
        return []

    def _returned(self, name: str, nth: int) -> set[str]:
        """What a function of this file, or of another one of the drivers, returns."""
        module, function = (self, self._functions[name]) if name in self._functions else _anywhere(name)
        if module is None or function is None:
            return {"{}"}
        returns = [node.value for node in ast.walk(function) if isinstance(node, ast.Return)]
        return {text for value in returns for text in module._says(value, function, nth)}


@cache
def _anywhere(name: str) -> tuple[Module | None, ast.FunctionDef | None]:
    for path in (_ROOT / "serial_ports.py", _ROOT / "usb_ports.py"):
        module = Module(path)
        if name in module._functions:
            return module, module._functions[name]
    return None, None
