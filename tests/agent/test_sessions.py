"""Badge, PIN and sessions over real HTTP: who is in, from where, for how long, and what a thief of a cookie has."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.routing import Mount, Route

from agent.core.people import Shift
from agent.people.door import Door
from agent.people.opening import open_door
from agent.people.pepper import Pepper
from agent.people.proofs import Numbers
from agent.web.access import RULES, NotInTheTable, rules_of
from agent.web.gate import COOKIE
from tests.agent.people import PIN, Browser, WithHmac, WithKeys, as_json, hire, person, proof, sign_in
from tests.agent.test_web import Site, serving_site


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with serving_site(tmp_path) as there:
        yield there


@contextlib.asynccontextmanager
async def elsewhere(site: Site, address: str = "127.0.0.2") -> AsyncIterator[httpx.AsyncClient]:
    """A client at another address."""
    transport = httpx.AsyncHTTPTransport(local_address=address)
    async with httpx.AsyncClient(base_url=site.client.base_url, transport=transport) as client:
        yield client


async def test_who_signs_in_is_known_until_they_sign_out(site: Site) -> None:
    await hire(site.door, "w1", "lead")
    assert (await site.client.get("/v1/session")).status_code == 401
    came = await sign_in(site.client, lang="en")
    assert came.json()["worker"] == {"id": "w1", "name": "W1", "role": "lead", "lang": "en"}
    cookie = came.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "secure" not in cookie  # it came over plain http
    assert (await site.client.get("/v1/session")).json() == came.json()
    assert (await site.client.post("/v1/session/lang", json={"lang": "zh"})).json()["worker"]["lang"] == "zh"
    assert (await site.client.delete("/v1/session")).json() == {}
    site.client.cookies.set(COOKIE, cookie.partition("=")[2].partition(";")[0])
    assert (await site.client.get("/v1/session")).status_code == 401


async def test_what_changes_something_needs_the_session_s_csrf(site: Site) -> None:
    await person(site.client, site.door)
    for headers in ({"x-csrf": ""}, {"x-csrf": "guessed"}):
        assert (await site.client.post("/v1/session/lang", json={"lang": "en"}, headers=headers)).status_code == 403
    assert (await site.client.get("/v1/session", headers={"x-csrf": ""})).json()["worker"]["lang"] == "zh"


async def test_a_stolen_cookie_is_useless_elsewhere(site: Site) -> None:
    await person(site.client, site.door)
    stolen = {"cookie": f"{COOKIE}={site.client.cookies[COOKIE]}", "x-csrf": site.client.headers["x-csrf"]}
    async with elsewhere(site) as thief:
        assert (await thief.get("/v1/session", headers=stolen)).status_code == 401
        assert (await thief.post("/v1/session/lang", json={"lang": "en"}, headers=stolen)).status_code == 401
    assert (await site.client.get("/v1/session")).status_code == 200


@pytest.mark.parametrize("browser", [WithHmac(), WithKeys()])
async def test_a_stolen_cookie_is_useless_without_the_browser_s_own_key(site: Site, browser: Browser) -> None:
    await hire(site.door)
    assert (await sign_in(site.client, key=browser.key)).status_code == 200
    path, body = "/v1/session/lang?x=%20y", as_json({"lang": "en"})
    mine = proof(browser, 5, "POST", path, body)

    async def send(headers: dict[str, str], content: bytes = body, to: str = path) -> int:
        return (await site.client.post(to, content=content, headers=headers)).status_code

    assert await send({}) == 401  # the thief has the cookie and X-CSRF, and sits at the same address
    assert (
        await send(proof(WithKeys() if isinstance(browser, WithKeys) else WithHmac(b"x" * 32), 6, "POST", path, body))
        == 401
    )
    assert await send(mine, as_json({"lang": "zh"})) == 401
    assert await send(mine, to="/v1/session/lang") == 401
    assert await send(mine) == 200
    assert await send(mine) == 401  # a proof counts once
    assert await send(proof(browser, 4, "POST", path, body)) == 200  # requests may overtake each other
    assert (await site.client.get("/v1/session")).status_code == 401
    assert (await site.client.get("/v1/session", headers=proof(browser, 7, "GET", "/v1/session"))).status_code == 200
    stolen = {"cookie": f"{COOKIE}={site.client.cookies[COOKIE]}"}
    async with elsewhere(site) as moved:  # only a key that no script can read stands for its browser anywhere
        again = await moved.get("/v1/session", headers=stolen | proof(browser, 8, "GET", "/v1/session"))
        assert again.status_code == (200 if isinstance(browser, WithKeys) else 401)


@pytest.mark.parametrize(
    "key",
    [
        {"kty": "oct", "k": "c2hvcnQ"},
        {"kty": "oct"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        WithKeys().key | {"y": WithKeys().key["x"]},
        WithKeys().key | {"crv": ""},
        {"kty": "RSA"},
    ],
)
async def test_a_key_that_is_none_is_refused(site: Site, key: dict[str, str]) -> None:
    await hire(site.door)
    assert (await sign_in(site.client, key=key)).status_code == 422


def test_each_number_counts_once_and_what_is_long_past_does_not() -> None:
    numbers = Numbers(10)
    assert [numbers.take(number) for number in (10, 11, 11, 1000, 12)] == [False, True, False, True, True]
    assert all(numbers.take(number) for number in range(2000, 2256))
    assert not numbers.take(13)
    assert numbers.highest == 2255


async def test_a_session_ends_when_it_is_idle_and_when_the_shift_is_over(tmp_path: Path) -> None:
    now_ms = 1000
    with open_door(tmp_path / "p.db", tmp_path / "p.key", lambda: now_ms, Shift(idle_s=60, longest_s=150)) as door:
        await hire(door)
        cookies = []
        for _ in range(2):
            came: Any = await door.sign_in("badge-w1", PIN, "a")
            cookies.append(came.cookie)
        for later_ms in (60_999, 120_998, 150_999):
            now_ms = later_ms
            session = door.who(cookies[0], "a")
            assert session is not None
            door.seen(session)
        assert door.who(cookies[1], "a") is None
        now_ms = 151_000
        assert door.who(cookies[0], "a") is None


async def test_a_session_survives_a_restart_and_not_books_that_went_back(tmp_path: Path) -> None:
    now_ms, browser = 1000, WithHmac()
    paths = tmp_path / "p.db", tmp_path / "p.key"
    with open_door(*paths, lambda: now_ms, Shift()) as door:
        await hire(door)
        came: Any = await door.sign_in("badge-w1", PIN, "a")
        session = door.who(came.cookie, "a")
        assert session is not None
        assert browser.key
    assert came.cookie.encode() not in paths[0].read_bytes()
    now_ms = 2000
    with open_door(*paths, lambda: now_ms, Shift()) as door:
        again = door.who(came.cookie, "a")
        assert again is not None
        assert again.worker.id == "w1"
        now_ms = 999
        assert door.who(came.cookie, "a") is None


async def test_whoever_is_removed_or_gets_another_pin_is_out_at_once(site: Site) -> None:
    from agent.people.file import PeopleFile

    await person(site.client, site.door, "w1", "lead")
    async with elsewhere(site) as other:
        await person(other, site.door, "w2")
        assert (await other.get("/v1/people")).status_code == 403  # a picker
        assert (await site.client.post("/v1/people/w2/pin", json={"pin": "7263"})).status_code == 200
        assert (await other.get("/v1/session")).status_code == 401
        assert (await sign_in(other, "w2", "7263")).status_code == 200
        file = PeopleFile.open(site.door._file.path)  # as the command line does, while the agent runs
        file.remove("w2")
        file.close()
        assert (await other.get("/v1/session")).status_code == 401
        assert (await sign_in(other, "w2", "7263")).status_code == 401
    assert [one["id"] for one in (await site.client.get("/v1/people")).json()["people"]] == ["w1"]


async def test_a_lead_adds_pickers_and_no_leads(site: Site) -> None:
    await person(site.client, site.door, "w1", "lead")
    new = {"id": "w9", "name": "W9", "badge": "4711-9", "pin": "5092"}
    assert (await site.client.post("/v1/people", json=new | {"role": "lead"})).status_code == 403
    assert (await site.client.post("/v1/people", json=new)).json() == {
        "id": "w9", "name": "W9", "role": "picker", "lang": "zh"
    }  # fmt: skip
    assert (await site.client.post("/v1/people", json=new)).status_code == 409
    assert (await site.client.post("/v1/people", json=new | {"id": "w10"})).status_code == 409  # the badge is w9's
    wrong = await site.client.post("/v1/people", json={"id": "W 1", "name": "", "badge": "x", "pin": "1234"})
    assert [one["path"] for one in wrong.json()["mistakes"]] == ["id", "name", "badge", "pin"]
    await hire(site.door, "boss", "manager")
    assert (await site.client.post("/v1/people/boss/pin", json={"pin": "7263"})).status_code == 403
    assert (await site.client.post("/v1/people/nobody/pin", json={"pin": "7263"})).status_code == 404


async def test_wrong_pins_cost_growing_pauses_and_a_lead_hears_of_it(tmp_path: Path) -> None:
    now_ms = 0
    with open_door(tmp_path / "p.db", tmp_path / "p.key", lambda: now_ms, Shift()) as door:
        await hire(door)
        waits, told = [], []
        for nth in range(8):
            for badge in ("badge-w1", "unknown"):
                came: Any = await door.sign_in(badge, "9999", f"a{nth}{badge}")
                waits.append(came.wait_s)
                told.append(came.guessed)
                if came.wait_s:
                    locked: Any = await door.sign_in(badge, PIN, "b")
                    assert locked.wait_s == came.wait_s  # the right PIN too
            now_ms += waits[-1] * 1000
        assert waits == [wait for wait in (0, 0, 0, 0, 30, 60, 120, 240) for _ in range(2)]
        assert told[-2:] == ["w1", "a7unknown"]
        assert (await door.sign_in("badge-w1", PIN, "b")).session.worker.id == "w1"  # type: ignore[union-attr]
    with open_door(tmp_path / "p.db", tmp_path / "p.key", lambda: now_ms, Shift()) as door:
        again: Any = await door.sign_in("unknown", "9999", "c")
        assert again.wait_s == 480  # a restart forgets nothing


async def test_an_unknown_badge_takes_the_same_steps_as_a_known_one(tmp_path: Path) -> None:
    made: list[bytes] = []

    class Noted(Pepper):
        def pin(self, pin: str, salt: bytes) -> bytes:
            made.append(salt)
            return super().pin(pin, salt)

    with Door(tmp_path / "p.db", Noted(b"k" * 32), lambda: 0, Shift()) as door:
        await hire(door)
        made.clear()
        answers = [await door.sign_in(badge, "9999", "a") for badge in ("badge-w1", "unknown", "badge-w1", "unknown")]
        assert len(made) == 4
        assert answers == [answers[0]] * 4


async def test_an_address_that_tries_many_badges_is_paused(site: Site) -> None:
    await hire(site.door)
    async with elsewhere(site) as thief:
        for nth in range(15):
            answer = await sign_in(thief, f"x{nth}", "9999")
            assert answer.status_code == 401, answer.text
        assert answer.json()["retry_after_s"] == 30
        answer = await sign_in(thief)
        assert answer.status_code == 429
        assert 25 <= answer.json()["retry_after_s"] <= 30
        assert int(answer.headers["retry-after"]) == answer.json()["retry_after_s"]
    assert (await sign_in(site.client)).status_code == 200


async def test_eight_wrong_pins_open_a_case(site: Site) -> None:
    from agent.core.lockout import Tries
    from agent.people.file import PeopleFile

    await hire(site.door)
    file = PeopleFile.open(site.door._file.path)
    file.tried([(site.door.known_as("badge-w1"), Tries(7, 0, 0))])
    file.close()
    assert (await sign_in(site.client, "w1", "9999")).status_code == 401
    assert ("pin_guessing", "w1") in site.shop.books.cases


def test_a_route_without_a_rule_cannot_be_served() -> None:
    with pytest.raises(NotInTheTable, match="POST /v1/planted"):
        rules_of(Route("/v1/planted", lambda _: None, methods=["POST"]))


async def test_every_route_is_in_the_table_and_every_row_is_a_route(site: Site) -> None:
    served = site.app.routes
    found = {(method, route.path) for route in served if isinstance(route, Route | Mount) for method in rules_of(route)}
    assert found == set(RULES)
