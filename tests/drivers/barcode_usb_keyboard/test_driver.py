"""The driver with the real libusb on a bus that isn't there: taken, read, given back, pulled out, told apart."""

from pathlib import Path

from drivers.usb_line import READ_S
from simulators.usb_scanners import HID_POS, KEYBOARD, Interface, Model, UsbBus, typed
from tests.core import shop as goods
from tests.drivers.usb_bench import Program, at_bus, needs_usb
from tests.waiting import until

pytestmark = needs_usb

KIND = "barcode_usb_keyboard"
PEN = "4006381333931"


async def missed(program: Program, times: int) -> None:
    """Wait until it has said so often that its scanner is not there."""
    await until(lambda: sum("no USB scanner" in why for why in program.every("lost")) >= times)


async def test_a_scanner_is_taken_read_and_given_back() -> None:
    async with UsbBus() as bus:
        await bus.plug(Model())
        async with at_bus(bus, KIND, usb="05e0:1200") as program:
            assert await program.hears("online") == "Symbol Simulated Scanner, serial S1, USB 1-4, layout us"
            codes = [f"]E0978020137{nth:04}" for nth in range(6)]
            await bus.send([report for code in codes for report in typed(code)])
            await program.hears("scan", len(codes))
            assert program.every("scan") == [code[3:] for code in codes]
            assert set(program.every("aim")) == {"]E0"}
            assert await program.stop() < READ_S, "the loop stood still while libusb waited"
    assert [said["said"] for said in bus.said if "interface" in said] == [
        "detached",
        "claimed",
        "released",
        "given_back",
    ]


async def test_only_the_scanner_s_keyboard_is_taken() -> None:
    composite = Model(interfaces=(Interface(HID_POS), Interface(KEYBOARD, boot_keyboard=True, report_bytes=8)))
    async with UsbBus() as bus:
        await bus.plug(composite)
        await bus.plug(Model(usb="046d:c31c", product="A person's keyboard"), port="1-5", name="keyboard")
        async with at_bus(bus, KIND, usb="05e0:1200") as program:
            await program.hears("online")
            await bus.send(typed(PEN), interface=1)
            assert await program.hears("scan") == PEN
            await program.stop()
    assert bus.told("detached") == bus.told("given_back") == [1]
    assert bus.told("detached", "keyboard") == []


async def test_pulled_out_while_scanning_it_comes_back_at_another_address() -> None:
    async with UsbBus() as bus:
        await bus.plug(Model(every_ms=4))
        async with at_bus(bus, KIND, usb="05e0:1200") as program:
            await program.hears("online")
            await bus.send([report for _ in range(50) for report in typed(PEN)])
            await program.hears("scan", 2)
            await bus.unplug()
            await missed(program, 1)
            assert set(program.every("scan")) == {PEN}
            await bus.plug(Model(), port="1-7")
            assert "USB 1-7" in await program.hears("online", 2)
            before = len(program.every("scan"))
            await bus.send(typed("2"))
            assert await program.hears("scan", before + 1) == "2", "what was half typed is not glued to it"
            await program.stop()


async def test_a_scanner_that_is_pulled_out_again_and_again_costs_nothing_that_stays() -> None:
    async with UsbBus() as bus, at_bus(bus, KIND, usb="05e0:1200") as program:
        for nth in range(1, 7):
            await bus.plug(Model(), port=f"1-{4 + nth % 2}")
            await program.hears("online", nth)
            await bus.send([*typed(f"{nth:06}"), *typed("half a code", end="")])
            assert await program.hears("scan", nth) == f"{nth:06}"
            await bus.unplug()
            await missed(program, nth)
        assert program.every("held")[-1] == program.every("held")[1], "files and threads"
        assert await program.stop() < READ_S, "the loop stood still while libusb waited"


async def test_two_of_a_model_in_one_agent_are_told_apart_by_serial_number_or_port() -> None:
    codes = [f"978020137{nth:04}" for nth in range(5)]
    async with UsbBus() as bus:
        await bus.plug(Model(serial="A7"), port="1-4", name="left")
        await bus.plug(Model(serial="B8"), port="1-3.2", name="right")
        async with at_bus(
            bus, KIND, also=[{"usb": "05e0:1200", "port": "1-3.2"}], usb="05e0:1200", serial="A7"
        ) as program:
            assert "serial A7, USB 1-4" in await program.hears("online")
            assert "serial B8, USB 1-3.2" in await program.hears("online1")
            await bus.send([report for code in codes for report in typed(code)], "left")
            await bus.send([report for code in codes for report in typed(f"2{code}")], "right")
            await program.hears("scan", len(codes))
            await program.hears("scan1", len(codes))
            assert (program.every("scan"), program.every("scan1")) == (codes, [f"2{code}" for code in codes])
            await bus.unplug("left")
            await program.hears("lost")
            await bus.send(typed("3"), "right")
            assert await program.hears("scan1", len(codes) + 1) == "3", "one that is gone costs the other nothing"
            assert await program.stop() < READ_S, "the loop stood still while libusb waited"
    assert (bus.told("given_back", "left"), bus.told("given_back", "right")) == ([], [0])


async def test_of_two_of_a_model_one_must_say_which() -> None:
    async with UsbBus() as bus:
        await bus.plug(Model(serial="A7"), port="1-4", name="left")
        await bus.plug(Model(serial=""), port="1-3", name="right")
        async with at_bus(bus, KIND, usb="05e0:1200") as program:
            assert await program.hears("lost") == "2 scanners are 05e0:1200: serial A7 at 1-4 and serial none at 1-3"
            assert program.every("kind")[0] == "DeviceRefused"
            await bus.unplug("left")
            assert "USB 1-3" in await program.hears("online")


async def test_a_scanner_that_another_program_has_is_refused_and_taken_when_it_is_free() -> None:
    async with UsbBus() as bus:
        await bus.plug(Model())
        async with at_bus(bus, KIND, usb="05e0:1200") as first, at_bus(bus, KIND, usb="05e0:1200") as second:
            await until(lambda: first.every("online") or second.every("online"), within_s=20)
            holder, other = (first, second) if first.every("online") else (second, first)
            assert "used by another program" in await other.hears("lost")
            assert other.every("trouble")[0] == "taken"
            await holder.stop()
            await other.hears("online")


async def test_a_scanner_that_another_program_takes_just_before_us_is_used_and_not_pulled_out() -> None:
    async with UsbBus() as bus:
        await bus.plug(Model(contested=True))
        async with at_bus(bus, KIND, usb="05e0:1200") as program:
            await program.hears("online")
            assert program.every("trouble") == ["taken"], program.every("lost")
            await program.stop()


async def test_an_agent_that_was_killed_leaves_a_scanner_that_the_next_takes_and_gives_back() -> None:
    async with UsbBus() as bus:
        await bus.plug(Model())
        async with at_bus(bus, KIND, usb="05e0:1200") as killed:
            await killed.hears("online")
            await killed.kill()
        await bus.killed()
        assert (bus.told("left"), bus.told("given_back")) == ([0], [])
        async with at_bus(bus, KIND, usb="05e0:1200") as program:
            await program.hears("online")
            await bus.send(typed(PEN))
            assert await program.hears("scan") == PEN
            await program.stop()
        assert bus.told("given_back") == [0]


async def test_a_scanner_one_may_not_open_is_refused_in_words_of_who_must_act() -> None:
    async with UsbBus() as bus:
        await bus.plug(Model(mode=0o600))
        async with at_bus(bus, KIND, user="nobody", usb="05e0:1200") as program:
            assert await program.hears("lost") == "the scanner at 1-4: this user may not open it"
            assert (program.every("kind")[0], program.every("trouble")[0]) == ("DeviceRefused", "not_allowed")
            assert "60-nearshelf-scanners.rules" in program.every("hint")[0]
            assert "dialout" in program.every("hint")[0]


async def test_a_scanner_in_another_mode_is_left_alone() -> None:
    async with UsbBus() as bus:
        await bus.plug(Model(interfaces=(Interface(HID_POS),)))
        async with at_bus(bus, KIND, usb="05e0:1200") as program:
            assert await program.hears("lost") == "the scanner at 1-4 is not in the mode USB HID keyboard"
    assert bus.told("detached") == []


async def test_an_endpoint_that_halts_is_set_going_again_and_one_that_stays_so_is_lost() -> None:
    async with UsbBus() as bus:
        await bus.plug(Model())
        async with at_bus(bus, KIND, usb="05e0:1200") as program:
            await program.hears("online")
            await bus.send([*typed("12", end=""), b"", *typed("3")])
            assert await program.hears("scan") == "123"
            await bus.send([b""] * 4)
            assert "its cable is bad" in await program.hears("lost")
            await program.hears("online", 2)


async def test_a_scanner_that_refuses_every_request_is_read_all_the_same() -> None:
    async with UsbBus() as bus:
        await bus.plug(Model(serial="", refuses=(0x0A, 0x0B)))
        async with at_bus(bus, KIND, usb="05e0:1200") as program:
            assert await program.hears("online") == "Symbol Simulated Scanner, USB 1-4, layout us"
            await bus.send(typed(PEN))
            assert await program.hears("scan") == PEN


async def test_the_sample_s_device_books_what_is_scanned(tmp_path: Path) -> None:
    async with UsbBus() as bus, at_bus(bus, KIND, tmp_path / "books.db") as program:
        await until(lambda: any("no USB scanner 05e0:1200" in why for why in program.every("why")))
        await bus.plug(Model())
        await until(lambda: "up" in program.every("state"))
        await bus.send(typed(f"]E0{goods.gtin_14(goods.MILK)[1:]}", "de"))
        await until(lambda: program.every("stock")[-1].get("MILK FLOOR") == 1)
        await bus.send(typed("Hello", "de"))
        await until(lambda: program.every("refusal")[-1] == "holds no GTIN")
        await program.stop()
    assert bus.told("given_back") == [0]
