"""`nearshelf-hq certs`: the chain's private authority from the command line."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from hq_bridge.authority import Authority, CannotIssue
from hq_bridge.clock import now_ms

app = typer.Typer(no_args_is_help=True, help="Who may be on the line: a private authority, its stores, its broker.")

_Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="The authority's folder. Guard it: it is the key.")]
_Days = Annotated[int, typer.Option(help="For how many days; renew when half of them are over.")]


@contextmanager
def _or_say_why() -> Iterator[None]:
    try:
        yield
    except (CannotIssue, OSError, ValueError) as error:
        typer.echo(f"nearshelf-hq certs: {error}", err=True)
        raise typer.Exit(2) from error


def _now() -> dt.datetime:
    return dt.datetime.fromtimestamp(now_ms() / 1000, dt.UTC)


@app.command()
def init(folder: _Folder, chain: Annotated[str, typer.Option(help="The chain's name, as in HQ's TOML.")]) -> None:
    """Make a private authority."""
    with _or_say_why():
        Authority.make(folder, chain, _now())
        typer.echo(f"{folder}: the authority of {chain}. Keep it off the broker and off every store.")


@app.command()
def store(
    folder: _Folder,
    names: Annotated[list[str], typer.Argument(metavar="STORE...", help="The stores' names, as in their TOML.")],
    days: _Days = 90,
    request: Annotated[
        Path | None, typer.Option(help="A signing request made in the store (one store): its key stays there.")
    ] = None,
) -> None:
    """Enrol stores."""
    with _or_say_why():
        if request is not None and len(names) != 1:
            raise CannotIssue("a signing request is of one store")
        asked = None if request is None else request.read_bytes()
        for name in names:
            _copy_this(
                Authority(folder, _now()).store(name, days, asked), "the store, for example to /etc/nearshelf/tls"
            )


@app.command()
def hq(folder: _Folder, days: _Days = 365) -> None:
    """Enrol nearshelf-hq."""
    with _or_say_why():
        _copy_this(Authority(folder, _now()).hq(days), "where nearshelf-hq runs")


@app.command()
def broker(
    folder: _Folder,
    hosts: Annotated[list[str], typer.Argument(metavar="HOST...", help="Every name or address it is reached by.")],
    days: _Days = 365,
) -> None:
    """Give the broker its certificate."""
    with _or_say_why():
        _copy_this(Authority(folder, _now()).broker(hosts, days), "the broker, and send it SIGHUP")


@app.command()
def node(
    folder: _Folder,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The node's name in the engine.")],
    hosts: Annotated[list[str], typer.Argument(metavar="HOST...", help="Every name or address it is reached by.")],
    days: _Days = 365,
) -> None:
    """Give a node of the engine (broker_config/nats) its certificate."""
    with _or_say_why():
        _copy_this(Authority(folder, _now()).node(name, hosts, days), "the node")


@app.command()
def pages(
    folder: _Folder,
    store: Annotated[str, typer.Argument(metavar="STORE", help="Whose pages, as in its TOML.")],
    hosts: Annotated[list[str], typer.Argument(metavar="HOST...", help="Every name or address they are reached by.")],
    days: _Days = 365,
) -> None:
    """Give a store's pages (handhelds, board) a certificate; the devices must trust the folder's ca.pem."""
    with _or_say_why():
        issued = Authority(folder, _now()).pages(store, hosts, days)
        _copy_this(issued, "the store, for example to /etc/nearshelf/pages, and name it in `web.tls`")


@app.command()
def reader(
    folder: _Folder,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who; the broker knows it as reader.NAME.")],
    days: _Days = 365,
) -> None:
    """Enrol somebody who reads along."""
    with _or_say_why():
        _copy_this(
            Authority(folder, _now()).reader(name, days), f"its owner, and let reader.{name} in in the broker's ACL"
        )


@app.command("list")
def list_issued(folder: _Folder) -> None:
    """Who has a certificate, until when, how many days that is, and by which of the authority's own."""
    with _or_say_why():
        now = _now()
        for each in Authority(folder, now).issued():
            left = (each.ends - now).days
            due = "ENDED" if each.ends <= now else "renew" if each.is_half_through(now) else ""
            line = f"{each.name:34} {each.role:7} until {each.ends:%Y-%m-%d}  {left:5} days  by {each.by}  {due}"
            typer.echo(line.rstrip())


@app.command()
def renew(
    folder: _Folder,
    days: _Days = 90,
    everything: Annotated[bool, typer.Option("--all", help="Also those that are still young.")] = False,
) -> None:
    """Issue anew what is half through its life; copy the folders out afterwards. Nobody is disconnected by it."""
    with _or_say_why():
        names = Authority(folder, _now()).renew(days, everything=everything)
        typer.echo("\n".join(f"{folder / 'issued' / name}: copy it out again" for name in names) or "nothing is due")


@app.command()
def revoke(folder: _Folder, name: Annotated[str, typer.Argument(help="As `list` shows it.")]) -> None:
    """Believe a certificate no more, of a stolen mini-PC for example."""
    with _or_say_why():
        Authority(folder, _now()).revoke(name)
        typer.echo(f"{name} is revoked: copy {folder / 'crl.pem'} to the broker, and restart it to end its connection")


@app.command()
def rotate(
    folder: _Folder,
    finish: Annotated[bool, typer.Option("--finish", help="The last step: stop trusting the old one.")] = False,
) -> None:
    """Replace the authority's own certificate without an outage: rotate, copy out, renew, copy out, rotate --finish."""
    with _or_say_why():
        authority = Authority(folder, _now())
        if finish:
            authority.finish_rotation()
            typer.echo("the old certificate is trusted no more: copy every ca.pem out a last time, SIGHUP the broker")
        else:
            number = authority.begin_rotation()
            typer.echo(f"certificate {number} is trusted beside the old one: copy every ca.pem out, SIGHUP the broker,")
            typer.echo("then `certs renew`, copy out again, and `certs rotate --finish`")


def _copy_this(issued: Path, to: str) -> None:
    typer.echo(f"{issued}: copy it to {to}")
