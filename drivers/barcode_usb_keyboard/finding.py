"""Finds scanners among the keyboards by their maker or name; nothing is asked."""

from drivers.usb_ports import at_usb

find = at_usb(
    "barcode_usb_keyboard",
    "plays keyboard",
    lambda device: device.may_scan and any(one.boot_keyboard for one in device.interfaces),
)
