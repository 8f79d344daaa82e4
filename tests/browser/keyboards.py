"""A scanner that plays keyboard, before a real Chromium: each key as the browser gets it from the system."""

import asyncio
import string
from collections.abc import Iterable
from typing import Any, NamedTuple

from playwright.async_api import CDPSession, Page

_SHIFT, _CONTROL = 8, 2
_DIGITS = [f"Digit{digit}" for digit in "1234567890"]
_ROWS = [
    "Backquote", *_DIGITS, "Minus", "Equal", *(f"Key{key}" for key in "QWERTYUIOP"), "BracketLeft", "BracketRight",
    "Backslash", *(f"Key{key}" for key in "ASDFGHJKL"), "Semicolon", "Quote", *(f"Key{key}" for key in "ZXCVBNM"),
    "Comma", "Period", "Slash",
]  # fmt: skip
#: What keys of a US, a German and a French keyboard mean, with and without Shift; "\0": no letter.
_MEAN = {
    "us": ("`1234567890-=qwertyuiop[]\\asdfghjkl;'zxcvbnm,./", '~!@#$%^&*()_+QWERTYUIOP{}|ASDFGHJKL:"ZXCVBNM<>?'),
    "de": ("\x001234567890ß\0qwertzuiopü+#asdfghjklöäyxcvbnm,.-", '°!"§$%&/()=?\0QWERTZUIOPÜ*\'ASDFGHJKLÖÄYXCVBNM;:_'),
    "fr": ("²&é\"'(-è_çà)=azertyuiop\0$*qsdfghjklmùwxcvbn,;:!", "\x001234567890°+AZERTYUIOP\0£µQSDFGHJKLM%WXCVBN?./§"),
}  # fmt: skip


class Key(NamedTuple):
    """A key as it goes down: its place, what the system's layout makes of it, and what is held with it."""

    code: str
    key: str
    modifiers: int = 0


ENTER, TAB = Key("Enter", "Enter"), Key("Tab", "Tab")
#: What scanners play for GS.
F8, CONTROL_BRACKET = Key("F8", "F8"), Key("BracketRight", "]", _CONTROL)


def played(text: str, scanner: str = "us", system: str = "us") -> list[Key]:
    """The keys of a scanner set to one country before a system set to another."""
    keys = []
    for letter in text:
        if letter == " ":
            keys.append(Key("Space", " "))
            continue
        row = next(nth for nth in (0, 1) if letter in _MEAN[scanner][nth])
        at = _MEAN[scanner][row].index(letter)
        keys.append(Key(_ROWS[at], _MEAN[system][row][at], _SHIFT * row))
    return keys


class Keyboard:
    """Plays keys, all at once as a scanner does, or one by one as a person."""

    def __init__(self, session: CDPSession) -> None:
        self._session = session

    @classmethod
    async def of(cls, page: Page) -> "Keyboard":
        return cls(await page.context.new_cdp_session(page))

    async def burst(self, keys: Iterable[Key]) -> None:
        """Every key right behind the one before, none waits for the page."""
        await asyncio.gather(*(self._session.send("Input.dispatchKeyEvent", event) for event in _events(keys)))

    async def typed(self, keys: Iterable[Key], pause_s: float = 0.11) -> None:
        """As fast as somebody who types well: 110 words a minute."""
        for key in keys:
            for event in _events([key]):
                await self._session.send("Input.dispatchKeyEvent", event)
            await asyncio.sleep(pause_s)  # the pace is what is tested


def _events(keys: Iterable[Key]) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    for code, key, modifiers in keys:
        text = "\r" if key == "Enter" else key if len(key) == 1 and not modifiers & _CONTROL and key != "\0" else ""
        number = ord(key.upper()) if key.upper() in string.ascii_uppercase + string.digits else 0
        number = {"Enter": 13, "Tab": 9, "F8": 119, " ": 32}.get(key, number)
        said = {"code": code, "key": "Dead" if key == "\0" else key, "modifiers": modifiers}
        said["windowsVirtualKeyCode"] = number
        down = {**said, "type": "keyDown" if text else "rawKeyDown"}
        events += [{**down, "text": text} if text else down, {**said, "type": "keyUp"}]
    return events
