"""What a scanner means by its keys. It sends places of keys, not letters: which letters, its country setting decides.

The same tables as the store's page has for scanners at its own keyboard (layouts.js there); a test holds them together.
"""

from typing import Final

#: The keys that have letters, row by row, as usages of HID's keyboard page (07h): ` 1…= q…\ a…' < z…/
KEYS: Final = (
    0x35, *range(0x1E, 0x28), 0x2D, 0x2E,
    0x14, 0x1A, 0x08, 0x15, 0x17, 0x1C, 0x18, 0x0C, 0x12, 0x13, 0x2F, 0x30, 0x31,
    0x04, 0x16, 0x07, 0x09, 0x0A, 0x0B, 0x0D, 0x0E, 0x0F, 0x33, 0x34, 0x64,
    0x1D, 0x1B, 0x06, 0x19, 0x05, 0x11, 0x10, 0x36, 0x37, 0x38,
)  # fmt: skip

#: Plain, with Shift, with AltGr; a blank is a dead key or none.
ROWS: Final = {
    "us": (
        "`1234567890-=qwertyuiop[]\\asdfghjkl;' zxcvbnm,./",
        '~!@#$%^&*()_+QWERTYUIOP{}|ASDFGHJKL:" ZXCVBNM<>?',
        "",
    ),
    "uk": (
        "`1234567890-=qwertyuiop[]#asdfghjkl;'\\zxcvbnm,./",
        '¬!"£$%^&*()_+QWERTYUIOP{}~ASDFGHJKL:@|ZXCVBNM<>?',
        "",
    ),
    "de": (
        " 1234567890ß qwertzuiopü+#asdfghjklöä<yxcvbnm,.-",
        "°!\"§$%&/()=? QWERTZUIOPÜ*'ASDFGHJKLÖÄ>YXCVBNM;:_",
        "       {[]}\\ @          ~            |",
    ),
    "fr": (
        "²&é\"'(-è_çà)=azertyuiop $*qsdfghjklmù<wxcvbn,;:!",
        " 1234567890°+AZERTYUIOP £µQSDFGHJKLM%>WXCVBN?./§",
        "  ~#{[|`\\^@]}",
    ),
}

#: A second place of the key right of the brackets, on keyboards that have `<` beside Shift.
_NON_US_HASH: Final = 0x32


def _table(row: str) -> dict[int, str]:
    table = {usage: letter for usage, letter in zip(KEYS, row, strict=False) if letter != " "}
    return table | ({_NON_US_HASH: table[0x31]} if 0x31 in table else {})


#: By name: usage → letter, plain, with Shift, and with AltGr.
LAYOUTS: Final = {name: tuple(map(_table, rows)) for name, rows in ROWS.items()}

#: A code to print as Code 128 or QR Code: scanned once, it shows by which layout the scanner means it.
TEST: Final = 'NEARSHELF-TEST ]@"#/_+()AZQWYM019'
