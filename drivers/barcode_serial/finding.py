"""Finds serial scanners by the name of their port; nothing is asked."""

from drivers.finding import SCANNERS, at_serial_ports

find = at_serial_ports("barcode_serial", "scans", SCANNERS)
