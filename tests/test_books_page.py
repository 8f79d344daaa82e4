"""docs/books.md shows what the code does."""

import subprocess
import sys
from pathlib import Path

from tests.test_docs import text_of

ROOT = Path(__file__).parent.parent


def test_the_page_of_the_books_is_drawn_from_the_code() -> None:
    """If this fails: scripts/draw-books."""
    checked = subprocess.run(
        [sys.executable, "scripts/draw_books.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")


def test_a_page_that_is_not_what_the_code_says_is_noticed() -> None:
    page = text_of(ROOT / "docs" / "books.md")
    assert "    pending --> committed: commit\n" in page
    changed = page.replace("    pending --> committed: commit\n", "")
    program = "import sys; sys.path.insert(0, 'scripts'); from draw_books import drawn; print(drawn(sys.stdin.read()))"
    again = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, input=changed, capture_output=True, text=True, check=True
    )
    assert again.stdout == page + "\n"
