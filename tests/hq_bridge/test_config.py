"""HQ's configuration: every mistake at once, each with its path."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from hq_bridge.cli import app
from hq_bridge.config import ConfigMistakes, load

GOOD = """
[hq]
chain = "demo"
database = "sqlite+aiosqlite:///books/hq.db"
broker = "mqtt://127.0.0.1:1883"
mqtt_version = "3.1.1"
[web]
host = "127.0.0.1"
port = 8080
"""

BAD = """
[hq]
chain = "de mo"
databse = "x"
database = "mysql://root:secret@h/x"
broker = "http://127.0.0.1"
mqtt_version = 5
[web]
port = 70000
host = ""
[wbe]
"""


def _file(folder: Path, text: str) -> Path:
    path = folder / "hq.toml"
    path.write_text(text)
    return path


def test_a_good_file_reads(tmp_path: Path) -> None:
    config = load(_file(tmp_path, GOOD))
    assert config.chain == "demo"
    assert config.database.database == str(tmp_path / "books" / "hq.db")
    assert (str(config.broker), config.mqtt_version, config.web_port) == ("mqtt://127.0.0.1:1883", "3.1.1", 8080)


@pytest.mark.parametrize("scheme", ["postgresql+asyncpg", "postgresql", "postgres"])
def test_one_line_names_a_postgresql(tmp_path: Path, scheme: str) -> None:
    line = f"{scheme}://hq:secret@db.example/nearshelf?sslmode=verify-full"
    file = _file(tmp_path, GOOD.replace("sqlite+aiosqlite:///books/hq.db", line))
    url = load(file).database
    assert (url.drivername, url.host, url.database, url.query) == (
        *("postgresql+asyncpg", "db.example", "nearshelf", {"ssl": "verify-full"}),
    )
    answer = CliRunner().invoke(app, ["check", str(file)])
    assert answer.exit_code == 0
    assert "secret" not in answer.output


@pytest.mark.parametrize(
    "line", ["postgresql://db.example", "postgresql://db/hq?options=-csynchronous_commit", "mysql://h/x"]
)
def test_a_database_hq_cannot_use_is_named_with_two_it_can(tmp_path: Path, line: str) -> None:
    file = _file(tmp_path, GOOD.replace("sqlite+aiosqlite:///books/hq.db", line))
    with pytest.raises(ConfigMistakes, match=r"write it like sqlite.*:///hq.db or postgresql://"):
        load(file)


@pytest.mark.parametrize(("text", "days"), [("", 400), ("keep_days = 35", 35)])
def test_history_is_kept_for_as_long_as_said(tmp_path: Path, text: str, days: int) -> None:
    assert load(_file(tmp_path, GOOD.replace("[hq]", f"[hq]\n{text}"))).keep_days == days


def test_eight_mistakes_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigMistakes) as caught:
        load(_file(tmp_path, BAD))
    beginnings = [mistake.split(":")[0] for mistake in caught.value.mistakes]
    assert beginnings == [
        "[wbe] is not known here; did you mean web?",
        "[hq] databse",
        "[hq] chain",
        "[hq] database",
        "[hq] broker",
        "[hq] mqtt_version",
        "[web] host",
        "[web] port",
    ]
    assert "70000 is not within 0 to 65535" in caught.value.mistakes[-1]
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[hq]", "hq = 3", "[hq]\nchain = 3\nbroker = 4", "[hq\n", "[web]\nport = true"])
def test_no_file_is_too_strange(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigMistakes):
        load(_file(tmp_path, text))


def test_check_says_so_and_connects_to_nothing(tmp_path: Path) -> None:
    command_line = CliRunner()
    good = command_line.invoke(app, ["check", str(_file(tmp_path, GOOD))])
    assert (good.exit_code, "chain demo" in good.output) == (0, True)
    bad = command_line.invoke(app, ["check", str(_file(tmp_path, BAD))])
    assert bad.exit_code == 2
    assert "8 mistakes" in bad.output
    missing = command_line.invoke(app, ["check", str(tmp_path / "none.toml")])
    assert missing.exit_code == 2
    assert "No such file" in missing.output
    assert list(tmp_path.iterdir()) == [tmp_path / "hq.toml"]


def test_it_says_its_version() -> None:
    assert CliRunner().invoke(app, ["--version"]).output.startswith("nearshelf-hq 0.")


def test_tls_wants_its_folder_and_only_tls_does(tmp_path: Path) -> None:
    secured = GOOD.replace("mqtt://127.0.0.1:1883", "mqtts://hq.example")
    for text, says in (
        (secured, "[hq] tls: is missing"),
        (secured.replace("[web]", 'tls = "nowhere"\n[web]'), "[hq] tls: " + str(tmp_path / "nowhere" / "ca.pem")),
        (GOOD.replace("[web]", 'tls = "nowhere"\n[web]'), "[hq] tls: is only for a broker at mqtts://"),
    ):
        with pytest.raises(ConfigMistakes) as caught:
            load(_file(tmp_path, text))
        assert [mistake for mistake in caught.value.mistakes if mistake.startswith(says)] == caught.value.mistakes
