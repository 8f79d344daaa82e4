"""Network namespaces (network_namespaces(7)): a network of its own for a store, and one for all that a scenario starts.

Nothing has to be cleared away: a namespace and its devices go with the last process that holds them.
"""

import ctypes
import functools
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

_CLONE_NEWNET = 0x40000000
#: The ways into a new one: as root, and as anybody where users may have namespaces of their own.
_APART = (("unshare", "--net"), ("unshare", "--user", "--map-root-user", "--net"))


@functools.cache
def apart() -> tuple[str, ...]:
    """What to put before a command so that it runs in a network of its own; empty where nobody may."""
    for words in _APART:
        try:
            if not subprocess.run([*words, "ip", "link"], capture_output=True, check=False).returncode:
                return words
        except OSError:
            continue
    return ()


class Namespace:
    """A network without anything in it but its loopback."""

    def __init__(self) -> None:
        with ThreadPoolExecutor(1) as pool:  # a thread's network is its own, and ends with it
            self._file = pool.submit(_new_network).result()
        self.ip("link", "set", "lo", "up")

    @property
    def path(self) -> str:
        return f"/proc/{os.getpid()}/fd/{self._file}"

    @property
    def within(self) -> tuple[str, ...]:
        """What to put before a command so that it runs here."""
        return "nsenter", f"--net={self.path}"

    def ip(self, *words: str) -> None:
        """ip(8), here."""
        ip(*words, within=self.within)

    def close(self) -> None:
        os.close(self._file)


def ip(*words: str, within: tuple[str, ...] = ()) -> None:
    """ip(8). Raises CalledProcessError."""
    subprocess.run([*within, "ip", *words], check=True)


def _new_network() -> int:
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWNET)")
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY)
