"""Tells systemd that the agent is ready and alive, and only while its vital parts really move (sd_notify(3))."""

import os
import socket
from collections.abc import Awaitable, Callable, Mapping

from agent.clock import Clock


def notify(message: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Send one message to the service manager; False when there is none."""
    address = environment.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    if address.startswith("@"):  # an abstract socket
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as manager:
        manager.sendto(message.encode(), address)
    return True


def watchdog_period_s(environment: Mapping[str, str] = os.environ) -> float | None:
    """How often systemd wants a sign of life from this process; None when it asks for none."""
    asked_us = environment.get("WATCHDOG_USEC", "")
    for_pid = environment.get("WATCHDOG_PID", str(os.getpid()))
    if not asked_us.isdigit() or int(asked_us) == 0 or for_pid != str(os.getpid()):
        return None
    return int(asked_us) / 1_000_000


async def keep_watchdog(proofs: list[Callable[[], Awaitable[None]]], clock: Clock) -> None:
    """Give a sign of life for ever, each time after every vital part has proved that it moves.

    A part that hangs keeps the sign from being given, and systemd restarts the agent.
    """
    period_s = watchdog_period_s()
    while True:
        await clock.sleep(period_s / 3 if period_s else 3600.0)
        for proof in proofs:
            await proof()
        notify("WATCHDOG=1")
