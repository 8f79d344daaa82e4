"""`python -m tests.benchmarks [NAME …]`: measure, print a line for each figure, and keep them in build/bench.json."""

import sys
from importlib import import_module
from pathlib import Path

from tests.benchmarks.figures import Figure, keep, line
from tests.benchmarks.processes import others

#: In this order; each module has `figures()`.
MODULES = (
    "llrp",
    "llrp_load",
    "tracker",
    "clerk",
    "store_line",
    "line_latency",
    "hq",
    "drain",
    "catalogue",
    "books",
    "rush",
    "tours",
    "order_acks",
    "handhelds",
    "board",
)
#: Several modules by one name.
GROUPS = {
    "devices": ("llrp", "llrp_load", "tracker"),
    "line": ("line_latency", "hq", "drain"),
    "picking": ("tours", "handhelds", "board", "rush", "order_acks"),
}


def main(names: list[str]) -> int:
    unknown = sorted(set(names) - set(MODULES) - set(GROUPS))
    if unknown:
        print(f"there is no {', '.join(unknown)}; there are {', '.join([*MODULES, *GROUPS])}", file=sys.stderr)
        return 2
    if busy := others():
        print(f"bench: THE MACHINE IS BUSY: {busy}", file=sys.stderr)
    found: list[Figure] = []
    for module in dict.fromkeys(each for name in names or MODULES for each in GROUPS.get(name, (name,))):
        for one in import_module(f"tests.benchmarks.{module}").figures():
            print(line(one), flush=True)
            found.append(one)
    keep(found, Path("build/bench.json"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
