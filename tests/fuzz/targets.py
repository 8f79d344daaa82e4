"""What is fuzzed: every function `fuzz_*` of a `fuzzing.py` in the tests. It takes any bytes and asserts what holds.

A `SEEDS` beside them, a list of bytes, gives the fuzzer something to begin with.
"""

import gc
import random
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

TESTS = Path(__file__).parent.parent
ROOT = TESTS.parent

Fuzz = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Target:
    """A function by its module and name."""

    module: str
    name: str

    def __str__(self) -> str:
        return self.name.removeprefix("fuzz_")

    def function(self) -> Fuzz:
        found: Fuzz = getattr(import_module(self.module), self.name)
        return found

    def seeds(self) -> Sequence[bytes]:
        return tuple(getattr(import_module(self.module), "SEEDS", ()))


def targets() -> list[Target]:
    """All of them, by name."""
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in sorted(TESTS.rglob("fuzzing.py"))]
    return [
        Target(module, name)
        for module in modules
        for name in sorted(vars(import_module(module)))
        if name.startswith("fuzz_")
    ]


@dataclass(frozen=True, slots=True)
class Soak:
    """What running a function again and again on the same inputs came to. Memory in KiB, at a third and at the end."""

    runs: int
    third_kib: int
    end_kib: int

    @property
    def grown_kib(self) -> int:
        return self.end_kib - self.third_kib


def soak(function: Fuzz, inputs: Sequence[bytes], within_s: float) -> Soak:
    """Run `function` on the inputs, over and over. What a parser keeps of what it has seen shows as growth."""
    runs = _again_and_again(function, inputs, within_s / 3)
    third_kib = _memory_kib()
    runs += _again_and_again(function, inputs, within_s * 2 / 3)
    return Soak(runs, third_kib, _memory_kib())


def _again_and_again(function: Fuzz, inputs: Sequence[bytes], within_s: float) -> int:
    ends, runs = time.monotonic() + within_s, 0
    while not runs or time.monotonic() < ends:
        for one in inputs or [b""]:
            function(one)
            runs += 1
    return runs


def nonsense(seeds: Sequence[bytes], chance: random.Random, count: int) -> list[bytes]:
    """Random bytes, and seeds that were cut, doubled and changed."""
    made = []
    for _ in range(count):
        data = bytearray(
            chance.choice(seeds) if seeds and chance.random() < 0.7 else chance.randbytes(chance.randrange(200))
        )
        for _ in range(chance.randrange(4) if data else 0):
            at = chance.randrange(len(data))
            match chance.randrange(4):
                case 0:
                    data[at] = chance.randrange(256)
                case 1:
                    del data[at:][: chance.randrange(8)]
                case 2:
                    data[at:at] = data[: chance.randrange(40)]
                case _:
                    data[at:at] = chance.randbytes(chance.randrange(8))
            if not data:
                break
        made.append(bytes(data))
    return made


def _memory_kib() -> int:
    """What this process has now."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() // 1024
