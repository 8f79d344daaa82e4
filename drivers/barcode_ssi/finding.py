"""Proposes serial ports that may be its devices: which they are is not seen from outside, and nothing is asked."""

from drivers.finding import at_serial_ports

find = at_serial_ports("barcode_ssi", "scans")
