#!/usr/bin/python3
"""A USB bus that isn't there: devices that programs under umockdev find, claim and read through the real libusb.

Runs under Debian's Python, which has umockdev's bindings, and umockdev-wrapper; simulators/usb_scanners.py starts it.
It is told what to plug in as lines of JSON on stdin, and says on stdout what is done to the devices. The kernel's side
is played as usbfs does it (linux/usbdevice_fs.h): an interface has a kernel driver or an owner, never both.
"""

import json
import os
import struct
import sys
import threading
import time
from collections import deque
from typing import Any

import gi

gi.require_version("UMockdev", "1.0")
from gi.repository import GLib, UMockdev  # noqa: E402 # its version must be asked for first

#: By number: the name, and the bytes of its argument.
IOCTLS = {
    0x80045505: ("set_configuration", 4),
    0x41045508: ("get_driver", 260),
    0x8038550A: ("submit", 56),
    0x550B: ("discard", 0),
    0x4008550C: ("reap", 8),
    0x4008550D: ("reap", 8),
    0x8004550F: ("claim", 4),
    0x80045510: ("release", 4),
    0xC0105512: ("to_driver", 16),
    0x5514: ("reset", 0),
    0x80045515: ("clear_halt", 4),
    0x8004551A: ("capabilities", 4),
    0x8108551B: ("take", 264),
    0x551F: ("speed", 0),
}
EAGAIN, EBUSY, ENODEV, EINVAL, ENOTTY, ENODATA, ESHUTDOWN, ENOENT, EPIPE = 11, 16, 19, 22, 25, 61, 108, 2, 32
DISCONNECT, CONNECT = 0x5516, 0x5517
INTERRUPT_URB, CONTROL_URB = 1, 2
#: A program that is nowhere here.
ANOTHER = "another"
#: A program that looks for a finished transfer in vain waits so long for the answer: libusb looks without a pause,
#: because the file that stands for the device always seems ready.
_IN_VAIN_MS = 8


def say(**said: object) -> None:
    """A line to whoever started us."""
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


class Transfer:
    """A submitted transfer: the request block, and its buffer."""

    def __init__(self, client: Any, block: Any) -> None:
        self.client, self.block = client, block
        raw = bytes(block.retrieve())
        self.kind, self.endpoint = raw[0], raw[1]
        self.size = struct.unpack_from("<i", raw, 24)[0]
        self.buffer = block.resolve(16, self.size) if self.size else None

    def done(self, status: int, data: bytes = b"", at: int = 0) -> None:
        if data and self.buffer is not None:
            self.buffer.update(at, data)
        self.block.update(4, struct.pack("<i", status))
        self.block.update(28, struct.pack("<i", len(data)))


class Device:
    """One device on the bus."""

    def __init__(self, plugged: dict[str, Any]) -> None:
        self.name: str = plugged["name"]
        self.strings: dict[str, str] = plugged["strings"]
        self.descriptors = {int(nth): bytes.fromhex(text) for nth, text in plugged["report_descriptors"].items()}
        self.endpoints: dict[str, int] = plugged["endpoints"]
        self.every_s: float = plugged["every_ms"] / 1000
        self.refuses: list[int] = plugged["refuses"]
        self.contested: bool = plugged["contested"]
        self.drivers: dict[int, str | None] = dict.fromkeys(self.descriptors, "usbhid")
        self.owners: dict[int, Any] = {}
        self.reports: dict[int, deque[bytes]] = {nth: deque() for nth in self.descriptors}
        self.next_at_s = 0.0
        self.gone = False
        self.lock = threading.Lock()  # umockdev hands ioctls over in a thread of its own
        self.waiting: list[Transfer] = []
        self.finished: list[Transfer] = []
        self.handler = UMockdev.IoctlBase()
        self.handler.connect("handle-ioctl", self.on_ioctl)

    def on_ioctl(self, _: object, client: Any) -> bool:
        """Answer one ioctl."""
        name, size = IOCTLS.get(client.get_request() & 0xFFFFFFFF, ("", 0))
        data = client.get_arg().resolve(0, size) if size else None
        if not name:
            client.complete(-1, ENOTTY)
        elif name == "reap":
            with self.lock:
                self.reap(client, data)
        elif self.gone:
            client.complete(-1, ENODEV)
        else:
            with self.lock:
                error = getattr(self, name)(client, data)
            client.complete(-1 if error else 0, error)
        return True

    def forget_programs(self) -> None:
        """Whoever had it was killed: what was owned has no owner now, and no driver either."""
        with self.lock:
            for nth in self.owners:
                say(said="left", name=self.name, interface=nth)
            self.owners.clear()
            self.waiting.clear()
            self.finished.clear()

    def capabilities(self, _: Any, data: Any) -> int:
        data.update(0, struct.pack("<I", 0x1F))
        return 0

    def speed(self, _client: Any, _data: Any) -> int:
        return 0

    reset = clear_halt = speed

    def set_configuration(self, _client: Any, _data: Any) -> int:
        return EBUSY if self.owners or any(self.drivers.values()) else 0

    def get_driver(self, _: Any, data: Any) -> int:
        (nth,) = struct.unpack_from("<I", bytes(data.retrieve()))
        name = "usbfs" if nth in self.owners else self.drivers.get(nth)
        if name is None:
            return ENODATA
        data.update(4, name.encode() + b"\0")
        return 0

    def to_driver(self, _: Any, data: Any) -> int:
        nth, code = struct.unpack_from("<ii", bytes(data.retrieve()))
        if code == DISCONNECT:
            if self.contested:
                self.drivers[nth], self.owners[nth] = None, ANOTHER
            if self.drivers.get(nth) is None:
                return ENODATA
            self.drivers[nth] = None
            say(said="detached", name=self.name, interface=nth)
            return 0
        if code != CONNECT:
            return ENOTTY
        if nth in self.owners:
            return EBUSY
        self.drivers[nth] = "usbhid"
        say(said="given_back", name=self.name, interface=nth)
        return 0

    def claim(self, client: Any, data: Any) -> int:
        (nth,) = struct.unpack_from("<I", bytes(data.retrieve()))
        if self.drivers.get(nth) is not None or self.owners.get(nth, client) != client:
            if self.owners.get(nth) == ANOTHER:
                self.contested = False
                self.owners.clear()
                self.drivers[nth] = "usbhid"
            return EBUSY
        self.owners[nth] = client
        say(said="claimed", name=self.name, interface=nth)
        return 0

    def take(self, client: Any, data: Any) -> int:
        (nth,) = struct.unpack_from("<I", bytes(data.retrieve()))
        self.drivers[nth] = None
        return self.claim(client, data)

    def release(self, client: Any, data: Any) -> int:
        (nth,) = struct.unpack_from("<I", bytes(data.retrieve()))
        if self.owners.get(nth) != client:
            return EINVAL
        del self.owners[nth]
        say(said="released", name=self.name, interface=nth)
        return 0

    def submit(self, client: Any, data: Any) -> int:
        self.waiting.append(Transfer(client, data))
        return 0

    def discard(self, client: Any, _: Any) -> int:
        """Each program has one transfer under way at a time, so which one is meant is clear."""
        for one in self.waiting:
            if one.client == client:
                self.waiting.remove(one)
                one.done(-ENOENT)
                self.finished.append(one)
                return 0
        return EINVAL

    def reap(self, client: Any, data: Any) -> None:
        done = next((one for one in self.finished if one.client == client), None)
        if done is not None:
            self.finished.remove(done)
        else:
            done = next((one for one in self.waiting if one.client == client and self.finish(one)), None)
            if done is not None:
                self.waiting.remove(done)
        if done is not None:
            data.set_ptr(0, done.block)
            client.complete(0, 0)
        elif self.gone:
            client.complete(-1, ENODEV)
        else:
            soon = any(self.reports.values())
            wait_ms = max(1, round((self.next_at_s - time.monotonic()) * 1000)) if soon else _IN_VAIN_MS
            GLib.timeout_add(wait_ms, lambda: client.complete(-1, EAGAIN))

    def finish(self, one: Transfer) -> bool:
        """Finish a transfer if it can be."""
        if self.gone:
            one.done(-ESHUTDOWN)
        elif one.kind == CONTROL_URB:
            self.control(one)
        else:
            nth = self.endpoints.get(str(one.endpoint))
            if nth is None or not self.reports[nth] or time.monotonic() < self.next_at_s:
                return False
            self.next_at_s = time.monotonic() + self.every_s
            report = self.reports[nth].popleft()
            one.done(0 if report else -EPIPE, report[: one.size])  # an empty one stands for a halted endpoint
            if not self.reports[nth]:
                say(said="drained", name=self.name)
        return True

    def control(self, one: Transfer) -> None:
        assert one.buffer is not None
        kind, request, value, index, length = struct.unpack_from("<BBHHH", bytes(one.buffer.retrieve()))
        answer: bytes | None = None
        if (kind, request, value >> 8) == (0x80, 6, 3):
            text = self.strings.get(str(value & 0xFF), "").encode("utf-16-le")
            answer = bytes([4, 3, 9, 4]) if value & 0xFF == 0 else bytes([2 + len(text), 3]) + text
        elif (kind, request, value >> 8) == (0x81, 6, 0x22):
            answer = self.descriptors.get(index)
        elif kind == 0x21:
            answer = None if request in self.refuses else b""
            say(said="asked", name=self.name, request=request, value=value)
        if answer is None:
            one.done(-EPIPE)
        else:
            one.done(0, answer[:length], at=8)
            if kind == 0x21:
                one.block.update(28, struct.pack("<i", length))


class Bus:
    """Everything that is plugged in."""

    def __init__(self) -> None:
        self.testbed = UMockdev.Testbed.new()
        self.devices: dict[str, Device] = {}
        self.paths: dict[str, str] = {}
        self.hubs: list[str] = []
        self.add("usb1", 1, _HUB, "1d6b", "0002")

    def plug(self, plugged: dict[str, Any]) -> None:
        name, address = plugged["name"], plugged["address"]
        path = self.hubs_before(plugged["port"]) + plugged["port"]
        self.add(path, address, plugged["device"] + plugged["configuration"], plugged["vendor"], plugged["product"])
        node = f"/dev/bus/usb/001/{address:03}"
        device = self.devices[name] = Device(plugged)
        self.paths[name] = f"{_SYS}/{path}"
        self.testbed.attach_ioctl(node, device.handler)
        self.let_in(node, plugged["mode"])
        self.testbed.uevent(self.paths[name], "add")

    def let_in(self, node: str, mode: int) -> None:
        """Who may open the node is said by its mode alone, and not by that of what umockdev has around it."""
        root = self.testbed.get_root_dir()
        for folder, _, files in os.walk(f"{root}/ioctl"):
            for path in (folder, *(f"{folder}/{file}" for file in files)):
                os.chmod(path, 0o777)  # noqa: S103
        os.chmod(root, 0o755)  # noqa: S103
        os.chmod(root + node, mode)

    def hubs_before(self, port: str) -> str:
        """The path to the last hub on the way to a port such as 1-3.2; hubs that are not there yet are plugged in."""
        path = "usb1/"
        hops = port.split(".")
        for nth in range(1, len(hops)):
            path += ".".join(hops[:nth]) + "/"
            if path not in self.hubs:
                self.hubs.append(path)
                self.add(path[:-1], 100 + len(self.hubs), _HUB, "1d6b", "0002")
        return path

    def add(self, path: str, address: int, descriptors: str, vendor: str, product: str) -> None:
        self.testbed.add_from_string(
            _RECORD.format(
                path=path,
                address=address,
                descriptors=descriptors.upper(),
                vendor=vendor,
                product=product,
                minor=address - 1,
            )
        )

    def unplug(self, told: dict[str, Any]) -> None:
        self.devices[told["name"]].gone = True
        path = self.paths.pop(told["name"])
        self.testbed.uevent(path, "remove")
        self.testbed.remove_device(path)

    def send(self, told: dict[str, Any]) -> None:
        device = self.devices[told["name"]]
        device.reports[told["interface"]].extend(map(bytes.fromhex, told["reports"]))

    def killed(self, told: dict[str, Any]) -> None:
        """Umockdev does not tell, where the kernel would close a killed program's files."""
        self.devices[told["name"]].forget_programs()

    def on_line(self, *_: object) -> bool:
        line = sys.stdin.readline()
        if not line:
            os._exit(0)
        told = json.loads(line)
        try:
            getattr(self, told["do"])(told)
        except BaseException as why:
            say(said="broke", why=repr(why))
            raise
        say(said="done", do=told["do"])
        return True


_SYS = "/sys/devices/pci0000:00/0000:00:14.0"
_HUB = "12010002090001406B1D020002060302010109021900010100E0000904000001090000000705810304000C"
_RECORD = """P: /devices/pci0000:00/0000:00:14.0/{path}
N: bus/usb/001/{address:03}={descriptors}
E: DEVNAME=/dev/bus/usb/001/{address:03}
E: DEVTYPE=usb_device
E: DRIVER=usb
E: BUSNUM=001
E: DEVNUM={address:03}
E: MAJOR=189
E: MINOR={minor}
E: SUBSYSTEM=usb
A: bConfigurationValue=1\\n
A: busnum=1\\n
A: devnum={address}\\n
A: dev=189:{minor}\\n
H: descriptors={descriptors}
A: idVendor={vendor}\\n
A: idProduct={product}\\n
A: speed=12\\n
"""


def main() -> None:
    """Until stdin ends."""
    bus = Bus()
    GLib.unix_fd_add_full(0, sys.stdin.fileno(), GLib.IOCondition.IN | GLib.IOCondition.HUP, bus.on_line)
    say(said="ready", root=bus.testbed.get_root_dir())
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
