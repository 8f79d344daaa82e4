"""What can go wrong with a device, sorted by what the catcher does about it. `hint` says what a person can do."""


class DeviceError(Exception):
    """Raised with the device's trouble in its own words and a hint; only its subclasses are raised."""

    def __init__(self, why: str, hint: str = "") -> None:
        super().__init__(why)
        self.why = why
        self.hint = hint


class DeviceLost(DeviceError):
    """The connection is gone or never came: try again."""


class DeviceSpokeNonsense(DeviceError):
    """The bytes cannot be what this device sends: drop the connection, try again."""


class DeviceRefused(DeviceError):
    """The device answered, and said no: a person must look. Tried again, slowly."""


class BadSettings(Exception):
    """The settings cannot work; `mistakes` names every one, each with the path of its key."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("; ".join(mistakes))
        self.mistakes = mistakes
