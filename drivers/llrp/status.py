"""What a reader says when it refuses, in words that are safe to log and to show."""

from typing import Final

from drivers.llrp.values import Values

TEXT_CHARACTERS_MAX: Final = 200

#: StatusCode (LLRP 1.1 §15.2.1).
STATUS: Final = {
    100: "M_ParameterError", 101: "M_FieldError", 102: "M_UnexpectedParameter", 103: "M_MissingParameter",
    104: "M_DuplicateParameter", 105: "M_OverflowParameter", 106: "M_OverflowField", 107: "M_UnknownParameter",
    108: "M_UnknownField", 109: "M_UnsupportedMessage", 110: "M_UnsupportedVersion", 111: "M_UnsupportedParameter",
    112: "M_UnexpectedMessage", 200: "P_ParameterError", 201: "P_FieldError", 202: "P_UnexpectedParameter",
    203: "P_MissingParameter", 204: "P_DuplicateParameter", 205: "P_OverflowParameter", 206: "P_OverflowField",
    207: "P_UnknownParameter", 208: "P_UnknownField", 209: "P_UnsupportedParameter", 300: "A_Invalid",
    301: "A_OutOfRange", 401: "R_DeviceError",
}  # fmt: skip


def quoted(text: str) -> str:
    """Text of a device: at most 200 characters, everything unprintable escaped."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:TEXT_CHARACTERS_MAX])
    return f"{shown}…" if len(text) > TEXT_CHARACTERS_MAX else shown


def status_words(status: Values) -> str:
    """An LLRPStatus in words: its name, and the reader's own description."""
    code = status["Status"]
    name = f"{STATUS[code]} ({code})" if code in STATUS else f"status {code}"
    return f"{name}: {quoted(status['ErrorDescription'])}" if status["ErrorDescription"] else name
