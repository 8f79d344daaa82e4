"""Why a connection over the network could not be had, and what a person can do about it; shared by all drivers."""

import os
from typing import Final

from drivers.errors import DeviceLost, Trouble, trouble_of

_HINTS: Final[dict[Trouble, str]] = {
    "address_unknown": "Nobody knows the name {host}. Correct it in the settings, or give the IP address instead.",
    "unreachable": "There is no way to {host}: is the {what} on, is its cable in, is it on this network?",
    "port_closed": "{host} is there, but nothing listens at port {port}: is that the {what}, has it started, is the"
    " interface switched on in its own settings?",
    "no_answer": "Nothing comes back from {host}: is the {what} on, is this its address, does a firewall drop it?",
    "untrusted": "The certificate of the {what} is not trusted here: give it another, or name its authority.",
}


def no_connection(host: str, port: int, what: str, error: OSError) -> DeviceLost:
    """`what` is the device in a word (`reader`). Raise it `from` the error."""
    lost = DeviceLost(f"no connection to {host}:{port}: {_words(error)}")
    lost.__cause__ = error
    lost.trouble = trouble_of(lost)
    hint = _HINTS.get(lost.trouble, "Is the {what} on, and is this its address?")
    lost.hint = hint.format(host=host, port=port, what=what)
    return lost


def _words(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "no answer"
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or str(error) or type(error).__name__
