"""What is found on the USB bus without opening a device, as the kernel's files have it."""

from pathlib import Path

from drivers.barcode_usb_keyboard.finding import find as find_keyboards
from drivers.barcode_usb_pos.finding import find as find_pos
from drivers.finding import Where
from drivers.usb_ports import instead, plugged_in
from simulators.usb_scanners import HID_POS, KEYBOARD, Interface, Model


def plug(devices: Path, place: str, model: Model) -> None:
    """A device as the kernel shows it."""
    vendor, product = model.usb.split(":")
    texts = {"idVendor": vendor, "idProduct": product, "manufacturer": model.maker, "product": model.product}
    if model.serial:
        texts["serial"] = model.serial
    (devices / place).mkdir(parents=True)
    for name, text in texts.items():
        (devices / place / name).write_text(f"{text}\n")
    for nth, one in enumerate(model.interfaces):
        interface = devices / f"{place}:1.{nth}"
        (interface / "0003:0000.0001").mkdir(parents=True)
        (interface / "bInterfaceClass").write_text("03\n")
        (interface / "bInterfaceProtocol").write_text("01\n" if one.boot_keyboard else "00\n")
        (interface / "0003:0000.0001" / "report_descriptor").write_bytes(one.descriptor)


def keyboard(
    usb: str = "05e0:1200", *, serial: str = "S1", maker: str = "Symbol", product: str = "Simulated Scanner"
) -> Model:
    return Model(usb, serial, maker, product, (Interface(KEYBOARD, boot_keyboard=True),))


async def test_scanners_are_found_by_what_they_say_and_people_s_keyboards_are_none(tmp_path: Path) -> None:
    plug(tmp_path, "1-1", keyboard("046d:c31c", maker="Logitech", product="USB Keyboard"))
    plug(tmp_path, "1-2", keyboard(product="Bar Code Scanner"))
    plug(tmp_path, "1-3.4", Model("1234:5678", "S9", "Nobody", "Thing", (Interface(HID_POS),)))
    plug(tmp_path, "1-5", keyboard("ffff:0001", maker="", product="2D Barcode Reader"))
    where = Where(0.1, usb_devices=tmp_path)
    found = [(one.kind, one.where, one.settings) for one in [*await find_keyboards(where), *await find_pos(where)]]
    assert found == [
        ("barcode_usb_keyboard", "USB 1-2", {"usb": "05e0:1200"}),
        ("barcode_usb_keyboard", "USB 1-5", {"usb": "ffff:0001"}),
        ("barcode_usb_pos", "USB 1-3.4", {"usb": "1234:5678"}),
    ]


async def test_two_of_a_model_are_proposed_by_serial_number_or_place(tmp_path: Path) -> None:
    for place, serial in (("1-1", "A"), ("1-2", "B"), ("1-3", ""), ("1-4", "")):
        plug(tmp_path, place, keyboard(serial=serial))
    found = await find_keyboards(Where(0.1, usb_devices=tmp_path))
    assert [one.settings for one in found] == [
        {"usb": "05e0:1200", "serial": "A"},
        {"usb": "05e0:1200", "serial": "B"},
        {"usb": "05e0:1200", "port": "1-3"},
        {"usb": "05e0:1200", "port": "1-4"},
    ]


def test_somebody_whose_scanner_is_not_there_is_told_which_are(tmp_path: Path) -> None:
    assert instead(tmp_path / "none") == "No USB scanner is plugged in."
    plug(tmp_path, "1-2", keyboard())
    assert instead(tmp_path) == "Plugged in now: 05e0:1200 Symbol Simulated Scanner at 1-2."


def test_files_that_are_odd_break_nothing(tmp_path: Path) -> None:
    plug(tmp_path, "1-2", keyboard())
    (tmp_path / "1-2" / "product").write_bytes(b"\xff\x1b[31m")
    (tmp_path / "1-2:1.0" / "bInterfaceProtocol").unlink()
    (tmp_path / "1-3").write_text("no folder")
    (one,) = plugged_in(tmp_path)
    assert one.name.startswith("Symbol \\xff")
    assert not one.interfaces[0].boot_keyboard
