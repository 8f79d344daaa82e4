"""Reads the store's catalogue from its CSV file; what the columns mean is said in `core.catalogue`."""

import csv
from pathlib import Path

from agent.core.catalogue import BadLine, Catalogue, from_rows

#: No catalogue is larger: 50,000 SKUs are about 4 MB.
_LARGEST_BYTES = 64 * 1024 * 1024
_MOST_SHOWN = 20


class BadCatalogueError(Exception):
    """The catalogue cannot be used; the text names the lines and what is wrong with each."""


def read(path: Path) -> Catalogue:
    """The catalogue in a CSV file (UTF-8, with a header line). Raises BadCatalogueError naming every bad line."""
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise BadCatalogueError(f"{path} is larger than {_LARGEST_BYTES} bytes")
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            found = from_rows((rows.line_num, row) for row in rows)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadCatalogueError(f"{path} cannot be read: {error}") from error
    if isinstance(found, Catalogue):
        return found
    raise BadCatalogueError(f"{path}: {len(found)} bad lines\n{_listed(found)}")


def _listed(bad: list[BadLine]) -> str:
    shown = [f"  line {line.line}: {line.problem}" for line in bad[:_MOST_SHOWN]]
    if len(bad) > _MOST_SHOWN:
        shown.append(f"  and {len(bad) - _MOST_SHOWN} more")
    return "\n".join(shown)
