"""`python -m drivers.llrp FILE --message NAME`: what a recorded message says, as JSON."""

import argparse
import json
import sys
from pathlib import Path

from drivers.llrp.codec import BadMessage
from drivers.llrp.json_view import payload_to_json, without_header
from drivers.llrp.schema import MESSAGE


def main(arguments: list[str] | None = None) -> int:
    """Print the JSON; 0, or 1 with the reason on stderr when the file cannot be such a message."""
    parser = argparse.ArgumentParser(prog="python -m drivers.llrp", description=__doc__)
    parser.add_argument("file", type=Path, help="the message's bytes, with or without the 10-byte header")
    parser.add_argument("--message", required=True, choices=sorted(MESSAGE), metavar="NAME", help="e.g. ROAccessReport")
    asked = parser.parse_args(arguments)
    try:
        payload = without_header(asked.message, asked.file.read_bytes())
        said = payload_to_json(asked.message, payload)
    except (OSError, BadMessage) as why:
        sys.stderr.write(f"{asked.file}: {why}\n")
        return 1
    sys.stdout.write(json.dumps(said, indent=2, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
