"""The page's words on devices, for whoever explains devices without a page."""

import json
from importlib.resources import files
from typing import Any, Final

from agent.doctor_words import Language, Words, as_patterns

_BEGINS: Final = "export const DEVICE_WORDS = "


def device_words(language: Language) -> Words:
    """What the page calls troubles, says to do about them, and says for drivers."""
    script = (files("agent.web") / "static" / "device_words.js").read_text(encoding="utf-8")
    told: dict[str, Any] = json.loads(script.partition(_BEGINS)[2].strip().removesuffix(";"))[language]
    return Words(language, told["strings"], told["troubles"], told["hints"], as_patterns(told["sentences"]))
