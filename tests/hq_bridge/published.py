"""Holds what HQ's API answers to its own OpenAPI document, to the letter: no field more, none less."""

import re
from typing import Any
from urllib.parse import urlsplit

import httpx
from jsonschema import Draft202012Validator

from hq_bridge.web.api import openapi

DOCUMENT = openapi()
_EXACT = {
    name: schema | ({"additionalProperties": False} if "properties" in schema else {})
    for name, schema in DOCUMENT["components"]["schemas"].items()
}


def is_as_published(answer: httpx.Response) -> None:
    """An answer in JSON is what the document says of its path, method and status."""
    path, method = urlsplit(str(answer.request.url)).path, answer.request.method.lower()
    found = [
        methods[method]["responses"]
        for template, methods in DOCUMENT["paths"].items()
        if method in methods and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path)
    ]
    responses = found[0] if found else {"default": {"content": {"application/json": {"schema": _ref("Problem")}}}}
    told = responses.get(str(answer.status_code), responses["default"])["content"]["application/json"]["schema"]
    holds_to(told, answer.json())


def is_a(name: str, value: Any) -> None:
    """A value is what the document says of this name."""
    holds_to(_ref(name), value)


def holds_to(schema: dict[str, Any], value: Any) -> None:
    Draft202012Validator({**schema, "components": {"schemas": _EXACT}}).validate(value)


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}
