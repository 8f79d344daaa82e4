"""Proposes serial ports where a ThingMagic module may be, and is sure of those that have the maker's name."""

import re

from drivers.finding import at_serial_ports

find = at_serial_ports("thingmagic", "tags", re.compile(r"thingmagic|jadak|m6e|m7e", re.IGNORECASE))
