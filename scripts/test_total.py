"""Adds up pytest's junit files and prints one line like pytest's own last one. Fails when no test ran or one failed."""

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path


def main(paths: list[str]) -> int:
    """Exit status: 0 when at least one test ran and none failed."""
    counted = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    took_s = 0.0
    for path in paths:
        for suite in ElementTree.fromstring(Path(path).read_text(encoding="utf-8")).iter("testsuite"):
            took_s += float(suite.get("time", "0"))
            for key in counted:
                counted[key] += int(suite.get(key, "0"))
    passed = counted["tests"] - counted["failures"] - counted["errors"] - counted["skipped"]
    outcomes = {
        "failed": counted["failures"],
        "passed": passed,
        "skipped": counted["skipped"],
        "errors": counted["errors"],
    }
    words = ", ".join(f"{number} {word}" for word, number in outcomes.items() if number) or "no tests ran"
    print(f" {words} in {took_s:.2f}s ".center(80, "="))
    return 0 if passed and not counted["failures"] + counted["errors"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
