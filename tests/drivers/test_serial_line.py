"""Why a serial line does not open; the drivers' own tests have the rest on real pseudo-terminals."""

import errno
import termios

import pytest
import serial

from drivers.errors import DeviceError, DeviceLost, DeviceRefused
from drivers.serial_line import _why_not


@pytest.mark.parametrize(
    ("trouble", "verdict"),
    [
        (FileNotFoundError(errno.ENOENT, "gone"), DeviceLost),
        (termios.error(errno.EIO, "pulled out while it was set up"), DeviceLost),
        (termios.error(errno.EINVAL, "no such baud rate"), DeviceRefused),
        (ValueError("no such baud rate"), DeviceRefused),
        (PermissionError(errno.EACCES, "no"), DeviceRefused),
    ],
)
def test_why_a_port_does_not_open_decides_who_must_act(trouble: Exception, verdict: type[DeviceError]) -> None:
    assert type(_why_not("/dev/x", "scanner", trouble)) is verdict
    wrapped = serial.SerialException("could not configure")
    wrapped.__context__ = trouble
    assert type(_why_not("/dev/x", "scanner", wrapped)) is verdict
