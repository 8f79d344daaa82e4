"""A store and HQ over TLS, with certificates and the access rules we ship: the real agent, broker and HQ."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx

from simulators.programs import Program
from tests.agent.programs import program_of, store_toml
from tests.hq_bridge.processes import hq_process, write_config
from tests.secured import secured_mosquitto
from tests.waiting import until


def store_program(folder: Path, store: str, broker: str, tls: Path) -> Program:
    """An agent with a certificate for the line."""
    return program_of(folder, store_toml(broker, store=store, hq=f'tls = "{tls}"'), f"agent {store}")


async def test_what_a_store_sells_is_known_at_hq(tmp_path: Path) -> None:
    async with secured_mosquitto(tmp_path) as secured:
        settings = write_config(tmp_path, secured.address, tls=secured.hq().folder)
        agent = store_program(tmp_path / "SH-1", "SH-1", secured.address, secured.store("SH-1").folder)
        async with hq_process(settings) as hq:
            await agent.start()
            async with httpx.AsyncClient(base_url=agent.web) as store:
                sale = {"receipt": "R1", "lines": [{"line": 1, "sku": "MILK", "qty": 2}]}
                assert (await store.post("/v1/sales", json=sale)).status_code == 200
            await hq.store_where("SH-1", state="here", behind=0, digest="same")
            await agent.stop()
            await hq.store_where("SH-1", state="away")


async def test_with_another_stores_certificate_a_store_is_heard_by_nobody(tmp_path: Path) -> None:
    """It may connect, its books go on, and HQ hears nothing in the name it takes."""
    async with secured_mosquitto(tmp_path) as secured:
        settings = write_config(tmp_path, secured.address, tls=secured.hq().folder)
        liar = store_program(tmp_path / "SH-2", "SH-2", secured.address, secured.store("SH-1").folder)
        honest = store_program(tmp_path / "SH-3", "SH-3", secured.address, secured.store("SH-3").folder)
        async with hq_process(settings) as hq:
            await liar.start()
            async with httpx.AsyncClient(base_url=liar.web) as store:
                await until(lambda: _refused(liar))
                sale = {"receipt": "R1", "lines": [{"line": 1, "sku": "MILK", "qty": 2}]}
                assert (await store.post("/v1/sales", json=sale)).status_code == 200
            await honest.start()
            await hq.store_where("SH-3", state="here")
            assert await hq.store("SH-2") is None
            await liar.stop()
            await honest.stop()


def forget(folder: Path) -> None:
    """HQ's database is gone."""
    for path in folder.glob("hq.db*"):
        path.unlink()


def _refused(agent: Program) -> bool:
    return "broker_refused" in agent.log.read_text() if agent.log.exists() else False


def test_the_shipped_rules_are_where_the_configuration_says(tmp_path: Path) -> None:
    """The commands of broker_config/README.md put each file where mosquitto.conf looks for it."""
    shipped = Path(__file__).parents[2] / "broker_config"
    wanted = {
        line.split()[1].rsplit("/", 1)[1]
        for line in (shipped / "mosquitto.conf").read_text().splitlines()
        if line.split()[:1] and line.split()[0] in ("cafile", "certfile", "keyfile", "crlfile", "acl_file")
    }
    readme = (shipped / "README.md").read_text()
    assert wanted == {"ca.pem", "cert.pem", "key.pem", "crl.pem", "nearshelf.acl"}
    assert shutil.which("install") is None or all(name in readme for name in wanted)


async def test_hq_commands_a_store_and_the_store_answers(tmp_path: Path) -> None:
    """Signed by the authority's key at HQ, known by the public one at the store; both as `certs` issues them."""
    async with secured_mosquitto(tmp_path) as secured:
        settings = write_config(tmp_path, secured.address, tls=secured.hq().folder)
        agent = store_program(tmp_path / "SH-1", "SH-1", secured.address, secured.store("SH-1").folder)
        async with hq_process(settings) as hq:
            await agent.start()
            await hq.store_where("SH-1", state="here", digest="same")
            await hq.command("SH-1", id="p-1", kind="pause", paused=True, why="stocktaking", by="hq ops")
            assert (await hq.answered("p-1"))["state"] == "done"
            order = {"kind": "order", "order": "O1", "channel": "web", "lines": [{"line": 1, "sku": "MILK", "qty": 1}]}
            await hq.command("SH-1", id="o-1", **order)
            refused = await hq.answered("o-1")
            assert (refused["state"], "paused" in refused["why"]) == ("refused", True)
            async with httpx.AsyncClient(base_url=agent.web) as store:
                health = (await store.get("/v1/health")).json()
            assert health["promising"]["paused"]["why"] == "stocktaking"
            assert health["commands"] == {"done": 1, "refused": 1}
            await agent.stop()


async def test_a_store_hq_knows_nothing_of_any_more_is_known_again_by_a_snapshot(tmp_path: Path) -> None:
    """HQ lost its database, and the store no longer keeps what it told first."""
    async with secured_mosquitto(tmp_path) as secured:
        settings = write_config(tmp_path, secured.address, tls=secured.hq().folder)
        agent = store_program(tmp_path / "SH-1", "SH-1", secured.address, secured.store("SH-1").folder)
        async with hq_process(settings):
            await agent.start()
            async with httpx.AsyncClient(base_url=agent.web) as store:
                for number in range(20):
                    sale = {"receipt": f"R{number}", "lines": [{"line": 1, "sku": "MILK", "qty": 1}]}
                    assert (await store.post("/v1/sales", json=sale)).status_code == 200
        await agent.stop()
        with closing(sqlite3.connect(tmp_path / "SH-1" / "books.db")) as books, books:
            books.execute("DELETE FROM announcement WHERE seq <= 15")  # as after the 72 hours they are kept
        forget(tmp_path)
        async with hq_process(settings) as hq:
            await agent.start()
            known = await hq.store_where("SH-1", state="here", digest="same", behind=0)
            assert not known["trouble"]
            stock = (await hq.get("/v1/stores/SH-1/stock"))["skus"]
            places = {"CUSTOMER": 20, "FLOOR": -20}
            assert stock == [{"sku": "MILK", "on_hand": -20, "held": 0, "atp": 0, "places": places}]
            await agent.stop()
