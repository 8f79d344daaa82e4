"""The driver with the real libusb on a bus that isn't there."""

from pathlib import Path

from drivers.usb_line import READ_S
from simulators.usb_scanners import HID_POS, HID_POS_WITHOUT_LENGTH, KEYBOARD, Interface, Model, UsbBus, posted
from tests.core import shop as goods
from tests.drivers.usb_bench import at_bus, needs_usb
from tests.waiting import until

pytestmark = needs_usb

KIND = "barcode_usb_pos"
PEN = b"4006381333931"
HONEYWELL = Model("0c2e:0b87", "18037B4F2A", "Honeywell", "Voyager", (Interface(HID_POS),))


async def test_scans_carry_their_symbology_and_long_ones_are_whole() -> None:
    long = b"01069012345678921021" + b"A" * 200
    async with UsbBus() as bus:
        await bus.plug(HONEYWELL)
        async with at_bus(bus, KIND, usb="0c2e:0b87") as program:
            assert await program.hears("online") == "Honeywell Voyager, serial 18037B4F2A, USB 1-4, HID POS"
            await bus.send([*posted(PEN), *posted(long, b"]d2")])
            await program.hears("scan", 2)
            assert program.every("scan") == [PEN.decode(), long.decode()]
            assert program.every("aim") == ["]E0", "]d2"]
            assert await program.stop() < READ_S, "the loop stood still while libusb waited"
    asked = [(said["request"], said["value"]) for said in bus.said if said["said"] == "asked"]
    assert asked == [(0x0A, 0), (0x09, 0x3FE)]


async def test_of_a_scanner_with_several_interfaces_only_the_one_with_scans_is_kept() -> None:
    keyboard = Interface(KEYBOARD, boot_keyboard=True, report_bytes=8)
    model = Model(interfaces=(keyboard, Interface(b"\x06\x66\xff\xc0"), Interface(HID_POS_WITHOUT_LENGTH)))
    async with UsbBus() as bus:
        await bus.plug(model)
        async with at_bus(bus, KIND, usb="05e0:1200") as program:
            await program.hears("online")
            assert bus.told("detached") == [1, 2], "a boot keyboard is left alone"
            assert bus.told("given_back") == [1]
            await bus.send(posted(PEN, form=HID_POS_WITHOUT_LENGTH), interface=2)
            assert await program.hears("scan") == PEN.decode()
            await program.stop()
    assert bus.told("given_back") == [1, 2]


async def test_the_sample_s_device_books_what_is_scanned_also_after_it_was_pulled_out_in_mid_scan(
    tmp_path: Path,
) -> None:
    milk = goods.gtin_14(goods.MILK)[1:].encode()
    async with UsbBus() as bus, at_bus(bus, KIND, tmp_path / "books.db") as program:
        await until(lambda: any("no USB scanner 0c2e:0b87" in why for why in program.every("why")))
        await bus.plug(HONEYWELL)
        await until(lambda: "up" in program.every("state"))
        await bus.send([*posted(milk), posted(b"0" * 100, b"]Q1")[0]])
        await until(lambda: program.every("stock")[-1].get("MILK BACKROOM") == 1)
        await bus.unplug()
        await until(lambda: program.every("state")[-1] == "down")
        await bus.plug(HONEYWELL, port="1-2.3")
        await until(lambda: program.every("state")[-1] == "up")
        await bus.send(posted(milk))
        await until(lambda: program.every("stock")[-1].get("MILK BACKROOM") == 2)
        await program.stop()
    assert bus.told("given_back") == [0]
