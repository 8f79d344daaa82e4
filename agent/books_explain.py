"""`nearshelf-agent books explain`: why ATP is what it is, from the books on disk. The agent may be running."""

import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from agent.books_time import BooksTime
from agent.clock import SystemClock, this_boot
from agent.config import Config
from agent.core.atp import StopNote, Terms
from agent.core.channels import Channels
from agent.core.explain import ANY_OTHER, Explanation, explain, policy_of
from agent.core.ledger import Turn
from agent.store import books as rows
from agent.store import catalogues, claims, snapshots
from agent.store.errors import BooksError

_Config = Annotated[Path, typer.Argument(metavar="CONFIG", help="The store's TOML file.")]
_Sku = Annotated[str, typer.Argument(metavar="SKU", help="A SKU or a GTIN.")]


def add_to(app: typer.Typer, load: Callable[[Path], Config]) -> None:
    """Add the command; `load` reads a configuration or ends the program."""

    @app.command("explain")
    def explain_sku(config: _Config, sku: _Sku) -> None:
        """Why is ATP what it is? Every term, for each channel, and what stops the whole store."""
        settings = load(config)
        try:
            found = read(settings.books, sku, settings.channels)
        except (BooksError, sqlite3.Error) as error:
            typer.echo(f"{settings.books} cannot be read: {error}", err=True)
            sys.exit(2)
        if found is None:
            typer.echo(f"{sku!r} is not in the catalogue of {settings.store}", err=True)
            sys.exit(2)
        typer.echo(said(found))


def read(books: Path, item: str, channels: Channels) -> Explanation | None:
    """The explanation as of the books' last commit; None when there is no such item."""
    clock = SystemClock()
    with closing(snapshots.reader(books)) as db:
        db.execute("BEGIN")
        meta = dict(db.execute("SELECT key, value FROM meta"))
        catalogue = catalogues.load(db)
        sku = catalogue.skus.get(item) or catalogue.by_gtin(item)
        if sku is None:
            return None
        found = rows.load(db, meta["store"], int(meta["epoch"]), catalogue)
        time = BooksTime(clock, this_boot(), claims.time_of(db))
    found.conditions.channels = channels
    found.conditions.policy_of = policy_of(catalogue, channels)
    return explain(Turn(found, clock.now_ms(), {}, {}, {}, time.stamp().books_ms), sku.sku)


def said(found: Explanation) -> str:
    """The explanation in lines."""
    places = ", ".join(f"{place} {qty}" for place, qty in found.places.items()) or "nothing anywhere"
    seen_s = found.evidence_age_ms // 1000
    lines = [
        f"{found.sku}  {found.name_en}  {found.name_zh}",
        f"  counted by {found.unit}, sold {found.eligibility}; as of number {found.seq}",
        f"  units: {places}",
        f"  last seen: {f'{seen_s // 86400} d {seen_s % 86400 // 3600} h ago' if seen_s < 365 * 86400 else 'never'}",
        f"  its record is {found.record}",
        *_stops(found.paused, found.lease),
    ]
    if found.pulled:
        lines.insert(3, f"  pulled: {found.pulled} in totes and slots, which orders wait for and no term counts")
    lines += [_term(terms) for terms in found.channels]
    for claim in found.claims:
        until = f"to order {claim.order}" if claim.left_s is None else f"for another {claim.left_s} s"
        pulled = f" and {claim.pulled} pulled" if claim.pulled else ""
        lines.append(f"  claim {claim.hold}: {claim.units}{pulled} for {claim.channel}, {claim.state} {until}")
    if found.claims_more:
        lines.append(f"  and {found.claims_more} more claims")
    return "\n".join(lines)


def _stops(paused: StopNote | None, lease: StopNote | None) -> list[str]:
    """What stops the whole store, as the agent last noted it."""
    lines = []
    if paused is not None and paused.holds:
        lines.append(f"  the store is paused since {_when(paused.at)} by {paused.by}: {paused.why}")
    else:
        lines.append("  the store is not paused")
    if lease is not None and lease.holds:
        lines.append(f"  HQ has not been heard, noted {_when(lease.at)}: {lease.why}")
    else:
        lines.append(f"  HQ is heard{f', noted {_when(lease.at)}' if lease else ''}, as far as an agent runs")
    return lines


def _when(at: int) -> str:
    return datetime.fromtimestamp(at / 1000).astimezone().isoformat(" ", "seconds")


def _term(terms: Terms) -> str:
    channel = "any other channel" if terms.channel == ANY_OTHER else terms.channel
    sum_of = (
        f"{terms.sellable} sellable - {terms.promised} promised - {terms.granted} granted"
        f" - {terms.uncertain} uncertain - {terms.safety} safety"
    )
    cap = "" if terms.quota_left is None else f", at most {terms.quota_left} of its quota"
    why = f", stopped: {terms.stopped}" if terms.stopped else ""
    return f"  {channel}: ATP {terms.atp} = {sum_of}{cap}{why}"
