"""The chain's authority: who gets a certificate, who does not, and what its files give away."""

import datetime as dt
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from hq_bridge.authority import Authority, CannotIssue
from hq_bridge.cli import app

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.make(tmp_path / "authority", "demo", NOW)


def common_name(path: Path) -> str:
    (name,) = x509.load_pem_x509_certificate(path.read_bytes()).subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(name.value)


@given(name=st.text(max_size=40))
def test_no_store_is_enrolled_under_a_name_that_is_not_a_stores(
    tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    folder = tmp_path_factory.getbasetemp() / "names"
    authority = Authority(folder, NOW) if folder.exists() else Authority.make(folder, "demo", NOW)
    try:
        issued = authority.store(name, 30)
    except CannotIssue:
        return
    assert common_name(issued / "cert.pem") == name
    assert name.isascii()
    assert not set(name) & set("./+#$\0 ")


@pytest.mark.parametrize("name", ["nearshelf.hq", "nearshelf.broker", "reader.erp", "+", "SH-1/../hq", "", "S" * 33])
def test_no_store_becomes_hq_or_everybody(authority: Authority, name: str) -> None:
    with pytest.raises(CannotIssue, match="is no store"):
        authority.store(name, 30)


def test_keys_are_their_owners_alone(authority: Authority) -> None:
    authority.hq(30)
    authority.store("SH-1", 30)
    authority.broker(["hq.example", "10.0.0.1"], 30)
    keys = [*authority.folder.rglob("*.key"), *authority.folder.rglob("key.pem")]
    assert len(keys) == 6
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}
    assert stat.S_IMODE(authority.folder.stat().st_mode) == 0o700
    assert not list(authority.folder.rglob("*.new"))
    assert not (authority.folder / "issued" / "SH-1" / "commands.key").exists()


def test_a_store_that_makes_its_own_key_keeps_it(authority: Authority, tmp_path: Path) -> None:
    command = (
        "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
        f" -keyout {tmp_path}/key.pem -out {tmp_path}/request.pem -subj /CN=nearshelf.hq"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    issued = authority.store("SH-1", 30, (tmp_path / "request.pem").read_bytes())
    assert common_name(issued / "cert.pem") == "SH-1"  # we say who it is, the request does not
    assert not (issued / "key.pem").exists()
    assert authority.renew(30, everything=True) == []
    with pytest.raises(CannotIssue, match="no signing request"):
        authority.store("SH-1", 30, b"nonsense")


def test_what_is_half_through_its_life_is_renewed_and_nothing_else(authority: Authority) -> None:
    authority.store("SH-1", 90)
    authority.store("SH-2", 365)
    later = Authority(authority.folder, NOW + dt.timedelta(days=50))
    before = {path: path.read_bytes() for path in authority.folder.glob("issued/*/cert.pem")}
    assert later.renew(90) == ["SH-1"]
    changed = {path.parent.name for path, content in before.items() if path.read_bytes() != content}
    assert changed == {"SH-1"}


def test_a_rotation_is_not_finished_while_somebody_would_be_locked_out(authority: Authority) -> None:
    authority.store("SH-1", 90)
    assert authority.begin_rotation() == 2
    with pytest.raises(CannotIssue, match=r"SH-1 would be locked out"):
        authority.finish_rotation()
    assert authority.renew(90) == ["SH-1"]
    authority.finish_rotation()
    trusted = x509.load_pem_x509_certificates((authority.folder / "issued/SH-1/ca.pem").read_bytes())
    assert len(trusted) == 1


def test_a_stores_pages_have_a_certificate_for_their_hosts_and_none_for_the_line(authority: Authority) -> None:
    folder = authority.pages("SH-1", ["store.lan", "192.168.1.10"], 365)
    for _ in range(2):
        shown = x509.load_pem_x509_certificate((folder / "cert.pem").read_bytes())
        uses = shown.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert list(uses) == [ExtendedKeyUsageOID.SERVER_AUTH]
        names = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert [str(one.value) for one in names] == ["store.lan", "192.168.1.10"]
        assert authority.renew(90, everything=True) == ["pages.SH-1"]
    with pytest.raises(CannotIssue, match="is no store"):
        authority.pages("nearshelf.hq", ["store.lan"], 365)
    with pytest.raises(CannotIssue, match="name the host"):
        authority.pages("SH-1", [], 365)


def test_an_operator_is_told_what_to_do(tmp_path: Path) -> None:
    folder = str(tmp_path / "authority")

    def run(*words: str) -> tuple[int, str]:
        answer = CliRunner().invoke(app, ["certs", *words])
        return answer.exit_code, answer.output

    assert run("store", folder, "SH-1")[0] == 2
    assert "certs init" in run("store", folder, "SH-1")[1]
    assert run("init", folder, "--chain", "de mo")[0] == 2
    assert run("init", folder, "--chain", "demo")[0] == 0
    assert run("init", folder, "--chain", "demo")[0] == 2
    assert run("store", folder, "SH-1", "SH-2")[0] == 0
    assert run("store", folder, "SH-1", "SH-2", "--request", folder)[0] == 2
    assert run("broker", folder, "no host")[0] == 2
    assert run("revoke", folder, "SH-9")[0] == 2
    assert run("revoke", folder, "SH-1")[0] == 0
    assert "SH-1" not in run("list", folder)[1]


def test_the_list_says_who_has_which_certificate_and_how_long_still(authority: Authority, tmp_path: Path) -> None:
    today = dt.datetime.now(dt.UTC)
    for name, issued, days in (("SH-1", 0, 90), ("SH-2", 60, 90), ("SH-3", 40, 30)):
        Authority(authority.folder, today - dt.timedelta(days=issued)).store(name, days)
    answer = CliRunner().invoke(app, ["certs", "list", str(authority.folder)])
    lines = [" ".join(line.split()) for line in answer.output.splitlines()]
    ends = [f"{today + dt.timedelta(days=left):%Y-%m-%d}" for left in (90, 30, -10)]
    assert lines == [
        f"SH-1 store until {ends[0]} 89 days by 1",
        f"SH-2 store until {ends[1]} 29 days by 1 renew",
        f"SH-3 store until {ends[2]} -11 days by 1 ENDED",
    ]
