"""`nearshelf-agent people`: the technician adds, changes, removes and imports people, while the agent may run."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from agent import people_cli
from agent.cli import command_line
from agent.config import load
from agent.core.people import Shift
from agent.people import pepper
from agent.people.door import CameIn, Door
from agent.people.file import PeopleFile
from agent.people.opening import open_door
from agent.people.pepper import PepperUnusable
from tests.agent.programs import store_toml


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "store.toml"
    path.write_text(store_toml(books="", more="[people]\nidle_minutes = 5"), encoding="utf-8")
    return path


def run(config: Path, *words: str, told: str = "") -> str:
    """What `people …` says; the exit code after it, unless that is 0."""
    done = CliRunner().invoke(people_cli.commands(load), [words[0], str(config), *words[1:]], input=told)
    return done.output + (f"[{done.exit_code}]" if done.exit_code else "")


def door_of(config: Path) -> Door:
    care = load(config).people
    return open_door(care.file, care.key, lambda: 0, care.shift)


async def is_let_in(door: Door, badge: str, pin: str) -> bool:
    return isinstance(await door.sign_in(badge, pin, "a"), CameIn)


async def test_whoever_is_added_may_come_in_and_whoever_is_removed_may_not(config: Path) -> None:
    with door_of(config) as door:
        assert "w01 is added: W. 01, manager" in run(
            config, "add", "w01", "--name", "W. 01", "--role", "manager", told="4711-1\n8305\n"
        )
        assert await is_let_in(door, "4711-1", "8305")
        assert "w01 is W. 01, lead, en" in run(
            config, "change", "w01", "--role", "lead", "--lang", "en", "--pin", told="7264\n"
        )
        assert not await is_let_in(door, "4711-1", "8305")
        assert await is_let_in(door, "4711-1", "7264")
        assert "w01          lead     en W. 01" in run(config, "list")
        assert "removed" in run(config, "remove", "w01")
        assert not await is_let_in(door, "4711-1", "7264")
        assert "was somebody who left" in run(config, "add", "w01", told="4711-1\n8305\n")


def test_a_file_is_imported_whole_or_not_at_all(config: Path, tmp_path: Path) -> None:
    people = tmp_path / "people.csv"
    lines = ["id,name,badge,pin,role,lang", "w1,One,4711-1,,picker,zh", "w2,Two,4711-2,1234,picker,xx"]
    people.write_text("\n".join(lines), encoding="utf-8")
    said = run(config, "import", str(people))
    assert (
        "people.csv:3: pin must not be one digit again and again, nor digits in a row; lang must be one of zh, en"
        in said
    )
    assert "[2]" in said
    assert run(config, "list") == ""
    people.write_text("\n".join([*lines[:2], "w2,Two,4711-2,8305,lead,en"]), encoding="utf-8")
    assert "w1 is added: One, picker, PIN " in run(config, "import", str(people))
    assert len(run(config, "list").splitlines()) == 2


def test_a_copied_file_says_nothing_of_badges_and_pins(config: Path, tmp_path: Path) -> None:
    run(config, "add", "w01", told="4711-1\n8305\n")
    care = load(config).people
    assert care.key.stat().st_mode & 0o777 == 0o600
    assert care.file.stat().st_mode & 0o777 == 0o600
    care.key.unlink()  # on the thief's machine, or a new mini-PC
    assert run(config, "list").startswith("! w01")
    with door_of(config) as door:
        assert door.shut_out == ["w01"]
    assert "w01 is" in run(config, "change", "w01", "--badge", "--pin", told="4711-1\n8305\n")
    with door_of(config) as door:
        assert door.shut_out == []


async def test_with_a_key_that_others_may_read_nobody_comes_in_and_the_shop_goes_on(config: Path) -> None:
    run(config, "add", "w01", told="4711-1\n8305\n")
    care = load(config).people
    care.key.chmod(0o640)
    with pytest.raises(PepperUnusable, match="chmod 600"):
        pepper.read_or_make(care.key)
    with door_of(config) as door:
        assert "chmod 600" in door.trouble
        assert not await is_let_in(door, "4711-1", "8305")


def test_a_damaged_file_is_put_aside_and_said(config: Path) -> None:
    care = load(config).people
    care.file.write_bytes(b"no database" * 1000)
    with open_door(care.file, care.key, lambda: 0, Shift()) as door:
        assert "was damaged" in door.trouble
        assert door.workers == []
    assert care.file.with_name(f"{care.file.name}.damaged-1").exists()
    PeopleFile.open(care.file).close()


def test_the_commands_are_the_agent_s() -> None:
    done = CliRunner().invoke(command_line(lambda _: None), ["people", "--help"])  # type: ignore[arg-type,return-value]
    assert {"add", "list", "change", "remove", "import"} <= set(done.output.split())
