"""A catalogue of 50,000 SKUs: the command that brings it into new books, whole process; and what it takes in memory."""

import gc
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path
from statistics import median
from typing import Final

from agent.store import catalogues
from tests.benchmarks.figures import Figure, figure
from tests.core.shop import gtin_14

SKUS: Final = 50_000
ROUNDS: Final = 3
CONFIG: Final = '[store]\nid = "SH-1"\nchain = "demo"\n[books]\npath = "books.db"\n[hq]\nbroker = "mqtt://127.0.0.1"\n'


def write(path: Path, skus: int = SKUS) -> None:
    """A catalogue like a supermarket's: names of ordinary length, one in twenty with two GTINs, a few by the gram."""
    rng = random.Random(1)
    with path.open("w", encoding="utf-8") as file:
        file.write("sku,gtin,name_en,name_zh,unit,temperature,min_age,tags,eligibility,safety,spots\n")
        for n in range(skus):
            codes = gtin_14(n) if n % 20 else f"{gtin_14(n)} {gtin_14(10**9 + n)}"
            unit, age, tags = "gram" if n % 50 == 7 else "each", 18 * (n % 40 == 3), "full" if n % 10 == 1 else "none"
            cold, sold = rng.choice(("ambient", "ambient", "chilled", "frozen")), rng.choice(("instant", "prepare"))
            file.write(
                f"ART-{n:06},{codes},Article number {n} 250 g,第{n}号商品 250 克,{unit},{cold},{age},{tags},{sold},"
                f"{rng.randrange(4)},A{n % 40:02}-{n % 6} BACK-{n % 90}\n"
            )


def import_s(folder: Path) -> float:
    """Seconds of the command, from its start to its end, into books that do not exist yet."""
    for old in folder.glob("books.db*"):
        old.unlink()
    began = time.perf_counter()
    command = [sys.executable, "-m", "agent", "catalogue", "import"]
    said = subprocess.run(
        [*command, str(folder / "store.toml"), str(folder / "catalogue.csv")],
        check=True,
        capture_output=True,
        text=True,
    )
    took_s = time.perf_counter() - began
    assert f"{SKUS} added" in said.stdout
    return took_s


def memory_mb(books: Path) -> float:
    """What the catalogue takes once it is loaded from the books."""
    tx = sqlite3.connect(books)
    gc.collect()
    tracemalloc.start()
    try:
        catalogue = catalogues.load(tx)
        gc.collect()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        tx.close()
    assert len(catalogue.skus) == SKUS
    return taken / 1e6


def load_s(books: Path) -> float:
    """Seconds to load the catalogue at the start."""
    tx = sqlite3.connect(books)
    began = time.perf_counter()
    catalogues.load(tx)
    took_s = time.perf_counter() - began
    tx.close()
    return took_s


def figures() -> list[Figure]:
    """Measure; takes about ten seconds."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "store.toml").write_text(CONFIG, encoding="utf-8")
        write(folder / "catalogue.csv")
        took_s = median(import_s(folder) for _ in range(ROUNDS))
        books = folder / "books.db"
        return [
            figure("catalogue_import_50k_s", round(took_s, 2), "s"),
            figure("catalogue_load_50k_s", round(median(load_s(books) for _ in range(ROUNDS)), 2), "s"),
            figure("catalogue_memory_50k_mb", round(memory_mb(books), 1), "MB"),
        ]
