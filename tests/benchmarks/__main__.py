"""`python -m tests.benchmarks [NAME …]`: measure, print a line for each figure, and keep them in build/bench.json."""

import sys
from importlib import import_module
from pathlib import Path

from tests.benchmarks.figures import Figure, keep, line

#: In this order; each module has `figures()`.
MODULES = ("llrp", "clerk", "store_line", "line", "hq", "catalogue", "books")


def main(names: list[str]) -> int:
    unknown = sorted(set(names) - set(MODULES))
    if unknown:
        print(f"there is no {', '.join(unknown)}; there are {', '.join(MODULES)}", file=sys.stderr)
        return 2
    found: list[Figure] = []
    for name in names or MODULES:
        for one in import_module(f"tests.benchmarks.{name}").figures():
            print(line(one), flush=True)
            found.append(one)
    keep(found, Path("build/bench.json"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
