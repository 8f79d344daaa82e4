"""The table that shows on a terminal what is going on."""

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx
from rich.console import Console
from rich.live import Live
from rich.table import Column, Table

from simulators.branch import Branch
from simulators.programs import Program

_EVERY_S = 0.5


async def show_live(console: Console, hq: Program, branches: Sequence[Branch]) -> None:
    """Until cancelled."""
    with Live(console=console, auto_refresh=False, transient=True) as live:
        async with httpx.AsyncClient(base_url=hq.web, trust_env=False) as line:
            while True:
                live.update(_table(branches, await _stores(line)), refresh=True)
                await asyncio.sleep(_EVERY_S)


async def _stores(line: httpx.AsyncClient) -> dict[str, dict[str, Any]]:
    try:
        answer = (await line.get("/v1/stores")).raise_for_status()
    except httpx.HTTPError:
        return {}
    return {store["store"]: store for store in answer.json()["stores"]}


def _table(branches: Sequence[Branch], at_hq: dict[str, dict[str, Any]]) -> Table:
    """Fits a terminal of 80 columns; the addresses are printed above it."""
    headings = ("store", "events", "tags", "HQ's row", "behind", "p50 ms", "p99 ms", "digest")
    table = Table(*(Column(heading, no_wrap=True) for heading in headings))
    for branch in branches:
        known = at_hq.get(branch.store, {})
        said = (known.get(key) for key in ("cursor", "behind", "lag_p50_ms", "lag_p99_ms", "digest"))
        table.add_row(
            branch.store,
            str(branch.events),
            str(len(branch.reader.field)),
            *("–" if value is None else str(value) for value in said),
        )
    return table
