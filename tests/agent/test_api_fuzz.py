"""The store's API under fuzz, over real HTTP: no 500, no hang, and every answer is what its own document says.

`make fuzz ONLY=api` tries more; FUZZ_EXAMPLES says how many of each.
"""

import os
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from agent.web.access import RULES
from tests.agent.serving import Served, served_store

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "2"))
_WITHIN_S = 20.0
FUZZED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
_SECURITY = ("content-security-policy", "x-content-type-options", "referrer-policy", "cache-control")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served_store(tmp_path_factory.mktemp("fuzzed")) as store:
        yield store


@pytest.fixture(scope="module")
def document(served: Served) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{served.url}/v1/openapi.json").json()
    return found


def streams(document: dict[str, Any]) -> set[str]:
    """What goes on for ever; that it begins is tested elsewhere."""
    return {
        path
        for path, methods in document["paths"].items()
        if any("text/event-stream" in one["responses"]["200"]["content"] for one in methods.values())
    }


def test_the_api_keeps_its_own_document_whatever_is_sent(served: Served, document: dict[str, Any]) -> None:
    checks = [not_a_server_error, content_type_conformance, response_schema_conformance]
    asked = 0
    for found in schemathesis.openapi.from_dict(document).get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        if operation.path in streams(document) or (operation.path == "/v1/session" and operation.method == "delete"):
            continue

        @FUZZED
        @given(case=operation.as_strategy())
        def holds(case: Any) -> None:
            nonlocal asked
            asked += 1
            answer = case.call(base_url=served.url, headers=served.headers, timeout=_WITHIN_S)
            case.validate_response(answer, checks=checks)

        holds()
    assert asked >= len(document["paths"])


@FUZZED
@given(data=st.data())
def test_no_bytes_break_it(served: Served, document: dict[str, Any], data: st.DataObject) -> None:
    paths = sorted(set(document["paths"]) - streams(document) - {"/v1/session"})
    problem = {"$ref": "#/components/schemas/Problem", "components": document["components"]}
    path = data.draw(st.sampled_from([*paths, "/v1/session", "/nowhere", "/static/../people.key", "/v1/%00"]))
    given_name = data.draw(st.sampled_from(["1", "x", "%2e%2e", "%00", "a" * 300, "%F0%9F%92%A9"]))
    path = re.sub(r"\{\w+\}", given_name, path)
    headers = served.headers | data.draw(
        st.dictionaries(
            st.sampled_from(["cookie", "x-csrf", "x-proof", "authorization", "content-type", "origin", "accept"]),
            st.text(st.characters(min_codepoint=33, max_codepoint=255, exclude_characters="\x7f"), max_size=80).map(
                lambda text: text.encode("latin-1").strip().decode("latin-1")
            ),
            max_size=2,
        )
    )
    method = data.draw(st.sampled_from(["GET", "POST", "PUT", "HEAD", "OPTIONS", "PATCH"]))
    body = data.draw(
        st.one_of(st.binary(max_size=300), st.sampled_from([b"[" * 60_000, b'{"a":' * 9_000, b"{}", b"1e999"]))
    )
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    answer = httpx.request(method, served.url + path, content=body, headers=raw, timeout=_WITHIN_S)
    assert answer.status_code < 500, (method, path, answer.text)
    assert all(name in answer.headers for name in _SECURITY)
    if answer.status_code >= 400 and method != "HEAD":
        Draft202012Validator(problem).validate(answer.json())


def test_every_route_of_the_api_is_in_the_document(served: Served, document: dict[str, Any]) -> None:
    told = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert told == {(method, re.sub(r":\w+", "", path)) for method, path in RULES if path.startswith("/v1/")}
