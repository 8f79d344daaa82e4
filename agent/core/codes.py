"""What a posting is called: why units moved, or a claim on them."""

from typing import Final, Literal

Code = Literal[
    "receive", "move", "sale", "opening", "count", "missing", "found", "attribute",
    "grant", "hold", "commit", "pull", "consume", "release", "expire", "breach",
    "pick", "miss", "damage", "stage", "hand_over", "put_back", "waste", "undo",
]  # fmt: skip

#: Codes that prove units were seen where they are.
EVIDENCE: Final = frozenset({"receive", "move", "count", "found", "pick", "put_back"})
