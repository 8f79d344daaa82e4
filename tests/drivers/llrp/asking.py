"""Everything our driver asks a reader that has nothing to be removed, in order."""

from drivers.llrp.capabilities import Ability
from drivers.llrp.requests import CAPABILITIES, Request, preparing, setting_up
from drivers.llrp.settings import Settings


def setup(settings: Settings, can: Ability | None = None) -> list[Request]:
    able = can or Ability()
    return [CAPABILITIES, *preparing(settings, able), *setting_up(settings, able, {})]
