"""What is known of this machine's serial ports without opening one: which there are, who has one, who may."""

import getpass
import grp
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

#: udev's names: of maker, model and serial number, so that they survive a replug.
BY_ID: Final = Path("/dev/serial/by-id")
_MOST_SHOWN: Final = 5


def plugged_in(by_id: Path = BY_ID) -> list[Path]:
    """The serial ports that udev has a lasting name for."""
    with suppress(OSError):
        return sorted(by_id.iterdir())
    return []


def instead(by_id: Path = BY_ID) -> str:
    """For somebody whose port is not there: which are."""
    there = [str(path) for path in plugged_in(by_id)]
    if not there:
        return "No USB serial port is plugged in."
    more = f" and {len(there) - _MOST_SHOWN} more" if len(there) > _MOST_SHOWN else ""
    return f"Plugged in now: {', '.join(there[:_MOST_SHOWN])}{more}."


def who_may(port: str) -> str:
    """For somebody who may not open a port: which group to be in."""
    with suppress(OSError, KeyError):
        group = grp.getgrgid(os.stat(port).st_gid).gr_name
        return f"Run `adduser {_me()} {group}`, then restart the service: the port belongs to the group {group}."
    return f"Add {_me()} to the group that owns the port (dialout), then restart the service."


def who_has(port: str) -> str:
    """For somebody whose port is taken: by whom, as far as this user may see."""
    programs = ", ".join(sorted({f"{name} (process {pid})" for pid, name in _holders(port)}))
    return (
        f"It is open in {programs}: stop that." if programs else "Stop the program, or ModemManager, that has it open."
    )


def _me() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        return str(os.getuid())


def _holders(port: str) -> Iterator[tuple[int, str]]:
    wanted = os.path.realpath(port)
    for process in Path("/proc").glob("[0-9]*"):
        # Processes end meanwhile, and those of others tell nothing.
        with suppress(OSError):
            if int(process.name) != os.getpid() and any(os.readlink(fd) == wanted for fd in (process / "fd").iterdir()):
                yield int(process.name), (process / "comm").read_text().strip()
