"""Draws the table of docs/drivers.md: a row for each driver's folder, from the head of its README."""

import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "drivers.md"
BEGIN, END = "<!-- drawn: drivers -->\n", "<!-- end -->\n"
#: The first table of each driver's README.
HEAD = ["devices", "connection", "readings", "judged by"]


def kinds() -> list[str]:
    """The drivers that the project installs, as `kind` in a configuration names them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return sorted(project["entry-points"]["nearshelf.drivers"])


def row(kind: str) -> str:
    """The driver's line of the table. Raises ValueError if its README does not begin as the others do."""
    readme = (ROOT / "drivers" / kind / "README.md").read_text(encoding="utf-8")
    tables = [line for line in readme.splitlines() if line.startswith("|")]
    if not readme.startswith(f"# {kind}: ") or [cell.strip() for cell in tables[0].strip("|").split("|")] != HEAD:
        raise ValueError(f"drivers/{kind}/README.md must begin with '# {kind}: …' and a table of {', '.join(HEAD)}")
    return f"| [`{kind}`](../drivers/{kind}/README.md) {tables[2]}"


def drawn(page: str) -> str:
    """The page with its table drawn anew."""
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    table = [f"| driver | {' | '.join(HEAD)} |", "|---" * (len(HEAD) + 1) + "|", *map(row, kinds())]
    return before + BEGIN + "\n".join(table) + "\n" + END + after


def main() -> int:
    page = PAGE.read_text(encoding="utf-8")
    if drawn(page) == page:
        return 0
    if "--check" in sys.argv:
        print(f"{PAGE.relative_to(ROOT)} is not what the drivers say: scripts/draw-drivers", file=sys.stderr)
        return 1
    PAGE.write_text(drawn(page), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
