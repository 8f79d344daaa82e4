"""Finds scanners in HID POS mode: they say themselves what they are, and nothing is asked."""

from drivers.barcode_usb_pos.codec import is_scanner
from drivers.usb_ports import at_usb

find = at_usb("barcode_usb_pos", "HID POS", lambda device: any(is_scanner(one.descriptor) for one in device.interfaces))
