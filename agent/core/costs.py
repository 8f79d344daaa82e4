"""What an order costs the store."""

from dataclasses import dataclass
from typing import Final

_HOUR_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class Costs:
    """In the store's own money; 0: not known, and not reckoned."""

    wage_per_hour: float = 0.0
    per_bag: float = 0.0
    per_question: float = 0.0

    @property
    def are_known(self) -> bool:
        return self.wage_per_hour > 0

    def cents(self, worked_ms: int, bags: int, questions: int) -> int:
        """People's time, packaging, and asking the customer; hundredths."""
        money = worked_ms / _HOUR_MS * self.wage_per_hour + bags * self.per_bag + questions * self.per_question
        return round(100 * money)


NO_COSTS: Final = Costs()
