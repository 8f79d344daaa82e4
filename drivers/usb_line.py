"""One interface of a USB device, taken from the kernel, read by a thread of its own, and given back.

libusb's calls block, so a thread makes them, each with a time-out that ends, and hands every report to the event loop.
Reports are asked for one after the other without a pause: the device keeps one until it is asked for, so none is lost
between two. Order of things at the start: detach the kernel's driver, claim (a configuration that is set stays: setting
it again is refused while any other interface has its driver).
"""

import asyncio
import errno
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final, NoReturn, Self

import usb.core
import usb.util

from drivers.ending import to_the_end
from drivers.errors import DeviceError, DeviceLost, DeviceRefused
from drivers.settings import Asked
from drivers.usb_ports import instead

#: How long a read waits: so long, at most, a line takes to end.
READ_S: Final = 0.25
#: For ending the last read, three requests and giving back.
_CLOSE_S: Final = 4.0
#: For what is asked of the device itself.
_CONTROL_MS: Final = 1000
#: Reports read ahead of whoever takes them. More stays in the device, which then holds its scanner.
_AHEAD: Final = 256
#: A device that was there before is waited for: looked for so often, for so long.
_LOOK_S: Final = 0.5
_WAIT_S: Final = 60.0
#: Halts of the endpoint one after the other that are undone.
_MOST_STALLS: Final = 3
#: Longest report descriptor that is read.
_DESCRIPTOR_BYTES: Final = 4096

_HID: Final = 3
_INTERRUPT: Final = 3
_RULES: Final = "60-nearshelf-scanners.rules"


@dataclass(frozen=True, slots=True)
class Plug:
    """Which device: its model, and where several are of one model, its serial number or where it is plugged in."""

    vendor: int
    product: int
    serial: str
    port: str

    def __str__(self) -> str:
        more = [f"serial {self.serial}"] * bool(self.serial) + [f"at {self.port}"] * bool(self.port)
        return " ".join([f"{self.vendor:04x}:{self.product:04x}", *more])


@dataclass(frozen=True, slots=True)
class Wanted:
    """An interface of class HID on a device.

    `mode` names it for people; `keyboard` says whether it is to be a boot keyboard or to have a report descriptor that
    `fits`. `greeting` are class requests (request, value, data) to it before the first read, `farewell` those before it
    is given back; a device may refuse any of them.
    """

    plug: Plug
    mode: str
    keyboard: bool
    fits: Callable[[bytes], bool]
    greeting: tuple[tuple[int, int, bytes], ...] = ()
    farewell: tuple[tuple[int, int, bytes], ...] = ()


def plug_from(asked: Asked) -> Plug:
    """The settings `usb`, `serial` and `port`."""
    model = asked.text("usb", None, 9, "05e0:1300, as lsusb shows it")
    found = re.fullmatch(r"([0-9A-Fa-f]{4}):([0-9A-Fa-f]{4})", model)
    if model and not found:
        asked.wrong("usb", f"{model!r} is no model; give vendor and product as lsusb shows them, such as 05e0:1300")
    port = asked.text("port", "", 40)
    if port and not re.fullmatch(r"\d+-\d+(\.\d+)*", port):
        asked.wrong("port", f"{port!r} is no place on the bus; it looks like 1-4 or 1-4.2")
    vendor, product = (int(part, 16) for part in found.groups()) if found else (0, 0)
    return Plug(vendor, product, asked.text("serial", "", 126), port)


class UsbPort:
    """Where a configured device is plugged in, over the connections of its life.

    Who opens it for a device that is not there is told at once; the next time the device is waited for, for a minute,
    so that one that is plugged in again usually works within a second.
    """

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._missing = False

    async def open(self) -> "UsbLine":
        """An open line, for `async with`.

        Raises DeviceLost when there is no such device, DeviceRefused when a person must look.
        """
        line = UsbLine(self._wanted, _WAIT_S if self._missing else 0.0)
        try:
            await line.start()
        except DeviceError as why:
            self._missing = why.trouble == "not_there"
            raise
        self._missing = False
        return line


async def next_report(line: "UsbLine", until_s: float) -> bytes:
    """The next report of a line; none when the time has come first."""
    try:
        async with asyncio.timeout_at(None if until_s == float("inf") else until_s):
            return await line.read()
    except TimeoutError:
        return b""


@dataclass(frozen=True, slots=True)
class _Open:
    about: str
    descriptor: bytes


class UsbLine:
    """An open interface. `about` is the device in words, `descriptor` its report descriptor (b"" for a keyboard)."""

    def __init__(self, wanted: Wanted, wait_s: float) -> None:
        self.about = ""
        self.descriptor = b""
        self._wanted = wanted
        self._wait_s = wait_s
        self._loop = asyncio.get_running_loop()
        self._inbox: asyncio.Queue[_Open | bytes | BaseException] = asyncio.Queue()
        self._room = threading.Semaphore(_AHEAD)
        self._over = threading.Event()
        self._ended = asyncio.Event()
        self._thread = threading.Thread(target=self._live, name=f"usb {wanted.plug}", daemon=True)

    async def start(self) -> None:
        """Open it. Raises as `UsbPort.open`; whoever is cancelled here has nothing open."""
        self._thread.start()
        try:
            opened = await self._next()
        except BaseException:
            await self.close()
            raise
        assert isinstance(opened, _Open)
        self.about, self.descriptor = opened.about, opened.descriptor

    async def read(self) -> bytes:
        """The next report. Raises DeviceLost when the device is gone."""
        report = await self._next()
        assert isinstance(report, bytes)
        self._room.release()
        return report

    async def close(self) -> None:
        """Give the interface back; a cancellation waits until that is done, for at most _CLOSE_S."""
        self._over.set()
        await to_the_end(self._until_ended(), f"usb:{self._wanted.plug}:close")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _until_ended(self) -> None:
        # A libusb that hangs keeps its thread, and nobody else waits for it.
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await self._ended.wait()

    async def _next(self) -> _Open | bytes:
        said = await self._inbox.get()
        if isinstance(said, BaseException):
            raise said
        return said

    # In the thread.

    def _live(self) -> None:
        try:
            with _taken(self._find(), self._wanted) as interface:
                self._say(_Open(interface.about, interface.descriptor))
                while not self._over.is_set():
                    if report := interface.read():
                        self._hand_over(report)
        except BaseException as why:  # whatever it is, the loop's side raises it
            self._say(why)
        finally:
            with suppress(RuntimeError):  # the loop is closed: nobody waits
                self._loop.call_soon_threadsafe(self._ended.set)

    def _find(self) -> Any:
        until_s = time.monotonic() + self._wait_s
        while True:
            try:
                return _find(self._wanted.plug)
            except DeviceLost:
                if time.monotonic() >= until_s or self._over.wait(_LOOK_S):
                    raise

    def _hand_over(self, report: bytes) -> None:
        while not self._room.acquire(timeout=READ_S):
            if self._over.is_set():
                return
        self._say(report)

    def _say(self, what: _Open | bytes | BaseException) -> None:
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._inbox.put_nowait, what)


class _Interface:
    """A claimed interface. All of it blocks."""

    def __init__(self, device: Any, number: int, endpoint: Any, about: str, descriptor: bytes) -> None:
        self.about = about
        self.descriptor = descriptor
        self._device = device
        self._number = number
        self._endpoint = endpoint
        self._stalls = 0

    def read(self) -> bytes:
        """One report; none when none came in time, or the scanner had halted its endpoint, which is undone."""
        endpoint = self._endpoint
        try:
            report = self._device.read(endpoint.bEndpointAddress, endpoint.wMaxPacketSize, int(READ_S * 1000))
            self._stalls = 0
            return bytes(report)
        except usb.core.USBTimeoutError:
            return b""
        except usb.core.USBError as why:
            if why.errno == errno.EPIPE and self._stalls < _MOST_STALLS:
                self._stalls += 1
                with suppress(usb.core.USBError):
                    endpoint.clear_halt()
                return b""
            raise DeviceLost(
                f"the scanner was pulled out, or its cable is bad: {why.strerror}",
                "Plug it in again. It works again by itself.",
                "broke",
            ) from why

    def tell(self, requests: tuple[tuple[int, int, bytes], ...]) -> None:
        """Class requests to the interface. What a device does not know it refuses, and that is well."""
        for request, value, data in requests:
            with suppress(usb.core.USBError):
                self._device.ctrl_transfer(0x21, request, value, self._number, data or None, _CONTROL_MS)


def _find(plug: Plug) -> Any:
    """The one device that is meant. Raises DeviceLost if there is none, DeviceRefused if it is not clear."""
    try:
        found = list(usb.core.find(find_all=True, idVendor=plug.vendor, idProduct=plug.product))
    except usb.core.NoBackendError as why:
        raise DeviceRefused(
            "libusb is not installed, or this machine has no USB",
            "sudo apt-get install libusb-1.0-0, then restart the agent.",
        ) from why
    except usb.core.USBError as why:
        raise DeviceRefused(f"USB cannot be looked at: {why.strerror}", "Is there a USB bus on this machine?") from why
    meant = []
    for one in found:
        serial = _serial(one) if plug.serial or len(found) > 1 else ""
        # Whoever is only looked at is closed at once: another program may be about to take it.
        usb.util.dispose_resources(one)
        if plug.port in ("", _place(one)) and plug.serial in ("", serial):
            meant.append((one, f"serial {serial or 'none'} at {_place(one)}"))
    if not meant:
        raise DeviceLost(
            f"no USB scanner {plug} is plugged in",
            f"{instead()} In another mode a scanner has another number.",
            "not_there",
        )
    if len(meant) > 1:
        raise DeviceRefused(
            f"{len(meant)} scanners are {plug}: {' and '.join(sorted(which for _, which in meant))}",
            "Say which one in the device's settings: by its `serial`, or by the `port` if they have none.",
        )
    return meant[0][0]


def _place(device: Any) -> str:
    """Where it is plugged in, as the kernel names it: bus, then the port of each hub on the way."""
    return f"{device.bus}-{'.'.join(map(str, device.port_numbers or ()))}"


def _serial(device: Any) -> str:
    """Its serial number; none if it has none, or is being pulled out. Raises DeviceRefused if one may not ask."""
    try:
        with _trouble(device):
            # Opens the device. Reading a string of one that may not be opened would only say that it has none.
            device.is_kernel_driver_active(0)
        return str(device.serial_number or "")
    except (usb.core.USBError, ValueError, NotImplementedError, DeviceLost):
        return ""


@contextmanager
def _taken(device: Any, wanted: Wanted) -> Iterator[_Interface]:
    """The interface that is wanted, claimed; whichever way this ends it is released and its driver given back."""
    numbers = []
    try:
        with _trouble(device):
            for descriptor in _candidates(device, wanted):
                numbers.append(number := descriptor.bInterfaceNumber)
                _claim(device, number)
                reports = b"" if wanted.keyboard else _report_descriptor(device, number)
                if wanted.keyboard or wanted.fits(reports):
                    break
                _give_back(device, numbers.pop())
            else:
                _refuse(device, wanted)
            endpoint = next(one for one in descriptor if _is_input(one))
        interface = _Interface(device, number, endpoint, _about(device), reports)
        interface.tell(wanted.greeting)
        try:
            yield interface
        finally:
            interface.tell(wanted.farewell)
    finally:
        for number in numbers:
            _give_back(device, number)
        with suppress(usb.core.USBError):
            usb.util.dispose_resources(device)


def _candidates(device: Any, wanted: Wanted) -> list[Any]:
    """The HID interfaces that may be it: never more than that one is taken from the kernel."""
    try:
        configuration = device.get_active_configuration()
    except usb.core.USBError:
        device.set_configuration()
        configuration = device.get_active_configuration()
    return [
        one
        for one in configuration
        if one.bInterfaceClass == _HID
        and one.bAlternateSetting == 0
        and (one.bInterfaceProtocol == 1) == wanted.keyboard
        and any(map(_is_input, one))
    ]


def _is_input(endpoint: Any) -> bool:
    return bool(endpoint.bEndpointAddress & 0x80) and endpoint.bmAttributes & 3 == _INTERRUPT


def _claim(device: Any, number: int) -> None:
    if device.is_kernel_driver_active(number):
        try:
            device.detach_kernel_driver(number)
        except usb.core.USBError as why:
            if why.errno != errno.ENOENT:  # another program was faster: whether it has it now is what claiming tells
                raise
    usb.util.claim_interface(device, number)


def _give_back(device: Any, number: int) -> None:
    """Also when none was there: an agent that was killed left it so. A device that is gone says so, and that is all."""
    with suppress(usb.core.USBError):
        usb.util.release_interface(device, number)
    with suppress(usb.core.USBError):
        device.attach_kernel_driver(number)


def _report_descriptor(device: Any, number: int) -> bytes:
    try:
        return bytes(device.ctrl_transfer(0x81, 6, 0x2200, number, _DESCRIPTOR_BYTES, _CONTROL_MS))
    except usb.core.USBError as why:
        if why.errno in _GONE:
            raise
        return b""


def _about(device: Any) -> str:
    words = []
    for name in ("manufacturer", "product"):
        with suppress(usb.core.USBError, ValueError):
            words.append(str(getattr(device, name) or ""))
    serial = _serial(device)
    said = " ".join(filter(None, words)) or "scanner"
    return f"{said}, {f'serial {serial}, ' if serial else ''}USB {_place(device)}"


def _refuse(device: Any, wanted: Wanted) -> NoReturn:
    raise DeviceRefused(
        f"the scanner at {_place(device)} is not in the mode {wanted.mode}",
        f"Scan the code for {wanted.mode} in its manual; its number in `usb` may change with it.",
    )


_GONE: Final = (errno.ENODEV, errno.EIO, errno.EPROTO, errno.ESHUTDOWN, errno.ENOENT)


@contextmanager
def _trouble(device: Any) -> Iterator[None]:
    """What libusb says of a device, as what it means to the agent."""
    try:
        yield
    except usb.core.USBError as why:
        place = f"the scanner at {_place(device)}"
        if why.errno in (errno.EACCES, errno.EPERM):
            raise DeviceRefused(
                f"{place}: this user may not open it",
                f"Copy drivers/{_RULES} to /etc/udev/rules.d, put the service's user into the group dialout, plug the "
                "scanner in again, restart the agent.",
                "not_allowed",
            ) from why
        if why.errno == errno.EBUSY:
            raise DeviceRefused(
                f"{place} is used by another program",
                "Stop the other program; or is another device of this configuration set to the same scanner?",
                "taken",
            ) from why
        if why.errno in _GONE:
            raise DeviceLost(f"{place} was pulled out", "Plug it in again.", "not_there") from why
        raise DeviceLost(f"{place}: {why.strerror}", "Plug it into another port; is its cable good?") from why
