"""What can go wrong with a device, sorted by what the catcher does about it. `hint` says what a person can do."""

import errno
import re
import socket
import ssl
from typing import Final, Literal, get_args

#: What kind of trouble it is, for whoever shows it in another language, counts it or looks closer.
Trouble = Literal[
    "settings",  # what its settings say cannot be, such as a file that is missing
    "address_unknown",  # nobody knows the name of its host
    "unreachable",  # no way to its host: off, another address, another network
    "port_closed",  # its host is there, and nothing listens at the port
    "no_answer",  # nothing came back: a firewall, or an address that nobody has
    "broke",  # the connection was there and ended
    "untrusted",  # its certificate is not one that is trusted
    "not_there",  # no serial port or USB device of this name
    "not_allowed",  # this user may not open it
    "taken",  # another client or program has it
    "silent",  # it gave no sign of life for too long
    "nonsense",  # its bytes are not what it should send
    "refused",  # it answered, and said no
    "login",  # it, or its broker, does not take name and password
    "driver_broke",  # a mistake of the driver
    "driver_hung",  # the driver neither worked nor ended
]
TROUBLES: Final[tuple[Trouble, ...]] = get_args(Trouble)

_BY_NUMBER: Final[dict[int, Trouble]] = {
    **dict.fromkeys((errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN), "unreachable"),
    errno.ECONNREFUSED: "port_closed",
    errno.ETIMEDOUT: "no_answer",
    **dict.fromkeys((errno.ENOENT, errno.ENODEV, errno.ENXIO), "not_there"),
    **dict.fromkeys((errno.EACCES, errno.EPERM), "not_allowed"),
    **dict.fromkeys((errno.EBUSY, errno.EAGAIN), "taken"),
}


class DeviceError(Exception):
    """Raised with the device's trouble in its own words and a hint; only its subclasses are raised.

    `trouble` need only be given where neither the class nor the error behind it tells; see `trouble_of`.
    """

    def __init__(self, why: str, hint: str = "", trouble: Trouble | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.hint = hint
        self.trouble = trouble


class DeviceLost(DeviceError):
    """The connection is gone or never came: try again."""


class DeviceSpokeNonsense(DeviceError):
    """The bytes cannot be what this device sends: drop the connection, try again."""


class DeviceRefused(DeviceError):
    """The device answered, and said no: a person must look. Tried again, slowly."""


class BadSettings(Exception):
    """The settings cannot work; `mistakes` names every one, each with the path of its key."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("; ".join(mistakes))
        self.mistakes = mistakes


def trouble_of(error: BaseException) -> Trouble:
    """What kind of trouble an error is: what it says itself, else what the system's error behind it says."""
    if not isinstance(error, DeviceError):
        return "driver_broke"
    behind = error.__cause__
    if error.trouble is not None:
        return error.trouble
    if isinstance(behind, OSError) and (told := _by_system(behind)):
        return told
    if isinstance(error, DeviceSpokeNonsense):
        return "nonsense"
    return "refused" if isinstance(error, DeviceRefused) else "broke"


def _by_system(error: OSError) -> Trouble | None:
    if isinstance(error, socket.gaierror):
        return "address_unknown"
    if isinstance(error, ssl.SSLCertVerificationError):
        return "untrusted"
    if isinstance(error, TimeoutError) and error.errno is None:
        return "no_answer"
    # When every address of a name failed, asyncio has put the numbers into its text.
    number = error.errno or next(iter(map(int, re.findall(r"\[Errno (\d+)\]", str(error)))), 0)
    return _BY_NUMBER.get(number)
