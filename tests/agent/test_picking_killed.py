"""Kill -9 of the real agent in mid-shift: pickers go on where they were."""

from pathlib import Path

import httpx

from agent.core.asks import PlaceOrder, Scan, Want
from agent.core.catalogue import Catalogue, Sku
from agent.core.people import Shift
from agent.people.opening import open_door
from tests.agent.people import hire, sign_in
from tests.agent.programs import program
from tests.agent.shops import opened
from tests.agent.test_picking import Hand, pick

MILK = "04006381333931"


async def test_after_kill_9_in_mid_shift_pickers_go_on_where_they_were(tmp_path: Path) -> None:
    await _a_store_with_an_order(tmp_path)
    agent = program(tmp_path)
    await agent.start()
    async with httpx.AsyncClient(base_url=agent.web) as client:
        assert (await sign_in(client, "w1")).status_code == 200
        hand = Hand(client)
        claimed = await hand.claim()
        first = pick("O-1001", 1, MILK, id="w1-first")
        assert await hand.report(dict(first)) == [("entered", "")]
        await agent.kill()
        await agent.start()
        if (await client.get("/v1/session")).status_code != 200:
            await sign_in(client, "w1")
        mine = (await hand.get("/v1/pick/next"))["mine"]
        assert (mine["id"], mine["token"], mine["stops"][0]["done"]) == (claimed["id"], claimed["token"], 1)
        assert await hand.report(dict(first)) == [("known", "")]
        assert await hand.report(pick("O-1001", 1, MILK)) == [("entered", "")]
        undo = {"outcome": "undo", "order": "O-1001", "line": 1}
        await agent.kill()
        await agent.start()
        if (await client.get("/v1/session")).status_code != 200:
            await sign_in(client, "w1")
        assert await hand.report(undo) == [("entered", "")]
        assert hand.stop("O-1001")["done"] == 1
    await agent.stop()


async def _a_store_with_an_order(folder: Path) -> None:
    door = open_door(folder / "books-people.db", folder / "books-people.key", lambda: 0, Shift())
    await hire(door, "w1")
    door.close()
    async with opened(folder / "books.db", Catalogue([Sku("MILK", (MILK,), "Milk", "牛奶")])) as shop:
        for _ in range(2):
            await shop.clerk.enter(Scan("dock", "receive", MILK, None))
            await shop.clerk.enter(Scan("shelf", "shelve", MILK, None))
        await shop.clerk.enter(PlaceOrder("O-1001", "web", (Want(1, "MILK", 2),)))
