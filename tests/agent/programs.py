"""A store's configuration, and a whole agent as its own process, as a technician starts it."""

from pathlib import Path

from simulators.programs import Program

#: A broker that is not there: nobody may listen on it without being root.
NOWHERE = "mqtt://127.0.0.1:1"
CATALOGUE = "sku,gtin,name_en,name_zh,tagged\nMILK,4006381333931,Milk,牛奶,no\n"


def store_toml(
    broker: str = NOWHERE,
    *,
    store: str = "SH-1",
    books: str = 'catalogue = "catalogue.csv"',
    hq: str = "",
    web: str = "",
    more: str = "",
) -> str:
    """A store's TOML whose pages are on any free port; `books`, `hq` and `web` are further lines of these tables."""
    return f"""\
[store]
id = "{store}"
chain = "demo"
[books]
path = "books.db"
{books}
[hq]
broker = "{broker}"
{hq}
[web]
port = 0
{web}
{more}
"""


def program(folder: Path, broker: str = NOWHERE, **environment: str) -> Program:
    """An agent that is not started yet, with a catalogue of milk."""
    return program_of(folder, store_toml(broker), **environment)


def program_of(folder: Path, toml: str, name: str = "agent", **environment: str) -> Program:
    """The same, with this TOML."""
    folder.mkdir(exist_ok=True)
    (folder / "catalogue.csv").write_text(CATALOGUE, "utf-8")
    settings = folder / "store.toml"
    settings.write_text(toml, "utf-8")
    return Program(name, "agent", settings, folder / "agent.log", environment)
