"""`books explain` reads what the running agent wrote, and says the same as it."""

from dataclasses import replace
from pathlib import Path

import typer
from typer.testing import CliRunner

from agent import books_explain
from agent.catalogue_import import bring_in
from agent.config import load
from agent.core.asks import Reserve, Scan, Want
from agent.core.explain import explain, policy_of
from tests.agent.programs import store_toml
from tests.agent.shops import Shop, opened
from tests.core.shop import MILK, gtin_14
from tests.core.shop import turn as turn_of


async def filled(shop: Shop, folder: Path) -> None:
    """The shop's catalogue is in its books, and of ten units of milk two are held."""
    text = f"sku,gtin,name_en,name_zh,safety\nMILK,{gtin_14(MILK)},Milk,牛奶,1 app=3\n"
    (folder / "catalogue.csv").write_text(text, encoding="utf-8")
    imported = await shop.store.write(lambda tx: bring_in(tx, folder / "catalogue.csv", whole=True))
    shop.books.catalogue = imported.catalogue
    shop.books.conditions.policy_of = policy_of(imported.catalogue, {})
    for _ in range(10):
        await shop.clerk.enter(Scan("dock", "receive", gtin_14(MILK), None))
    await shop.clerk.enter(Reserve("h-1", "web", (Want(1, "MILK", 2),), 900))


async def test_the_terminal_says_what_the_agent_knows(tmp_path: Path) -> None:
    (tmp_path / "store.toml").write_text(store_toml(books=""), encoding="utf-8")
    async with opened(tmp_path / "books.db") as shop:
        await filled(shop, tmp_path)
        app = typer.Typer()
        app.callback()(lambda: None)
        books_explain.add_to(app, load)
        told = CliRunner().invoke(app, ["explain", str(tmp_path / "store.toml"), gtin_14(MILK)])
        mine, disk = explain(turn_of(shop.books), "MILK"), books_explain.read(tmp_path / "books.db", "MILK", {})
    assert told.exit_code == 0, told.output
    assert "MILK  Milk  牛奶\n" in told.output
    assert "  units: BACKROOM 10, SUPPLIER -10\n" in told.output
    assert "  app: ATP 5 = 10 sellable - 2 promised - 0 granted - 0 uncertain - 3 safety\n" in told.output
    assert "  any other channel: ATP 7 = " in told.output
    assert "  claim h-1: 2 for web, pending for another " in told.output
    assert mine is not None
    assert disk is not None
    alike = replace(disk, claims=mine.claims, evidence_age_ms=mine.evidence_age_ms)
    assert alike == mine


async def test_an_item_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "store.toml").write_text(store_toml(books=""), encoding="utf-8")
    async with opened(tmp_path / "books.db"):
        assert books_explain.read(tmp_path / "books.db", "CAR", {}) is None
