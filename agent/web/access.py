"""Who may ask what of the store's web server: one table of all routes.

A route that is in no row of it cannot be served: the application refuses to be made.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from starlette.routing import BaseRoute, Mount, Route

from agent.core.people import Role
from agent.web.answers import MOST_BODY_BYTES
from agent.web.limits import Rate

#: anyone: a page or a program, to look. machine: tills and scripts of the store's own network; they need the token
#: where one is set. A role: a person who signed in, of this role or a higher one.
Who = Literal["anyone", "machine"] | Role

_SMALL: Final = 16 * 1024

#: What one address may ask. A person is quick with 50 a second; a till that was off the line catches up with 200.
RATES: Final[Mapping[str, Rate]] = MappingProxyType(
    {
        "look": Rate(per_s=100, burst=600),
        "sign_in": Rate(per_s=0.5, burst=20),
        "person": Rate(per_s=50, burst=300),
        "machine": Rate(per_s=200, burst=2000),
    }
)


@dataclass(frozen=True, slots=True)
class Rule:
    """Of one route: who may, at which rate, how large its body may be, and whether its answer goes on (a stream)."""

    who: Who
    rate: str
    body: int = 0
    stream: bool = False

    @property
    def role(self) -> Role | None:
        """The role it needs, if it needs a person."""
        return None if self.who == "anyone" or self.who == "machine" else self.who


def _look(stream: bool = False) -> Rule:
    return Rule("anyone", "look", stream=stream)


def _machine(body: int = MOST_BODY_BYTES) -> Rule:
    return Rule("machine", "machine", body)


def _person(role: Role, body: int = 0, *, stream: bool = False) -> Rule:
    return Rule(role, "person", body, stream)


RULES: Final[Mapping[tuple[str, str], Rule]] = MappingProxyType(
    {
        ("GET", "/"): _look(),
        ("GET", "/static"): _look(),
        ("GET", "/board"): _look(),
        ("GET", "/handheld"): _look(),
        ("GET", "/handheld/page.js"): _look(),
        ("GET", "/handheld/worker.js"): _look(),
        ("GET", "/v1/pick/codes"): _person("picker"),
        ("GET", "/v1/openapi.json"): _look(),
        ("POST", "/v1/pick/counts/{count:path}/start"): _person("picker", _SMALL),
        ("POST", "/v1/pick/counts/{count:path}/lines"): _person("picker", MOST_BODY_BYTES),
        ("GET", "/v1/stock"): _look(),
        ("GET", "/v1/health"): _look(),
        ("GET", "/v1/events"): _look(stream=True),
        ("GET", "/v1/explain/{sku:path}"): _look(),
        ("GET", "/v1/counts"): _look(),
        ("GET", "/v1/counts/{count:path}"): _look(),
        ("POST", "/v1/sales"): _machine(),
        ("POST", "/v1/deliveries"): _machine(),
        ("POST", "/v1/scans"): _machine(_SMALL),
        ("POST", "/v1/counts"): _machine(),
        ("POST", "/v1/counts/{count:path}/start"): _machine(_SMALL),
        ("POST", "/v1/counts/{count:path}/lines"): _machine(),
        ("POST", "/v1/counts/{count:path}/review"): _machine(),
        ("POST", "/v1/counts/{count:path}/cancel"): _machine(_SMALL),
        ("POST", "/v1/orders"): _person("picker", MOST_BODY_BYTES),
        ("POST", "/v1/orders/{order}/paid"): _person("picker", _SMALL),
        ("POST", "/v1/orders/{order}/cancel"): _person("lead", _SMALL),
        ("POST", "/v1/holds"): _machine(),
        ("POST", "/v1/holds/{hold}/commit"): _machine(_SMALL),
        ("POST", "/v1/holds/{hold}/consume"): _machine(),
        ("POST", "/v1/holds/{hold}/release"): _machine(_SMALL),
        ("POST", "/v1/holds/{hold}/breach"): _machine(_SMALL),
        ("POST", "/v1/grants"): _machine(_SMALL),
        ("POST", "/v1/pause"): _machine(_SMALL),
        ("POST", "/v1/cases/{case:int}/resolve"): _machine(_SMALL),
        ("GET", "/v1/figures"): _person("lead"),
        ("GET", "/v1/figures/orders.csv"): _person("lead"),
        ("GET", "/v1/figures/days.csv"): _person("lead"),
        ("GET", "/v1/paper/pick-list.pdf"): _person("picker"),
        ("GET", "/v1/paper/bags.pdf"): _person("picker"),
        ("GET", "/v1/pick/next"): _person("picker"),
        ("POST", "/v1/pick/claim"): _person("picker", _SMALL),
        ("POST", "/v1/pick/tasks/{task}/reports"): _person("picker", MOST_BODY_BYTES),
        ("POST", "/v1/pick/tasks/{task}/pack"): _person("picker", _SMALL),
        ("POST", "/v1/pick/tasks/{task}/leave"): _person("picker", _SMALL),
        ("POST", "/v1/pick/find"): _person("picker", _SMALL),
        ("POST", "/v1/pick/ask"): _person("picker", _SMALL),
        ("GET", "/v1/pick/substitutes"): _person("picker"),
        ("POST", "/v1/orders/{order}/hand_over"): _person("picker", _SMALL),
        ("GET", "/v1/board"): _person("picker"),
        ("GET", "/v1/board/orders/{order:path}/history"): _person("picker"),
        ("POST", "/v1/board/orders/{order:path}/cancel"): _person("lead", _SMALL),
        ("POST", "/v1/board/orders/{order:path}/courier"): _person("lead", _SMALL),
        ("POST", "/v1/board/tasks/{task:path}/leave"): _person("lead", _SMALL),
        ("POST", "/v1/board/cases/{case:int}/resolve"): _person("lead", _SMALL),
        ("POST", "/v1/session"): Rule("anyone", "sign_in", _SMALL),
        ("GET", "/v1/session"): _person("picker"),
        ("DELETE", "/v1/session"): _person("picker"),
        ("POST", "/v1/session/lang"): _person("picker", _SMALL),
        ("GET", "/v1/people"): _person("lead"),
        ("POST", "/v1/people"): _person("lead", _SMALL),
        ("POST", "/v1/people/{worker}/pin"): _person("lead", _SMALL),
    }
)


class NotInTheTable(Exception):
    """A route has no rule: add one to `RULES`."""


def rules_of(route: BaseRoute) -> dict[str, Rule]:
    """A route's rule by method. Raises NotInTheTable."""
    assert isinstance(route, Route | Mount)
    methods = ({"GET"} if isinstance(route, Mount) else route.methods or {"GET"}) - {"HEAD"}
    absent = [f"{method} {route.path}" for method in sorted(methods) if (method, route.path) not in RULES]
    if absent:
        raise NotInTheTable(f"agent/web/access.py has no rule for {', '.join(absent)}")
    return {method: RULES[method, route.path] for method in methods}
