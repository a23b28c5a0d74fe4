"""The OpenAPI 3.1 document, made of the routes and their models."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, jsonify
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from ..access.guarding import needs
from ..access.roles import Role
from .models import Refusal
from .routing import Route, Routes

ROUTES = Routes()
_REF = "#/components/schemas/{model}"
_PART = re.compile(r"<(?:path:)?(\w+)>")
#: Names with dots in front, slashes or control characters are taken as far as a URL can hold them.
_NAME = r"^[^\u0000-\u001f\u007f/.][^\u0000-\u001f\u007f/]*$"
_REFUSALS = {
    400: "The request is malformed.",
    401: "No valid credential was sent.",
    403: "The role does not suffice.",
    404: "There is no such queue, job, scheduler or snapshot.",
    409: "The state of the job or the queue does not allow it; nothing was changed.",
    413: "The body, or what is to be saved, is too large.",
    415: "The body is not application/json.",
    422: "A field is wrong; the error names it, and nothing was written.",
    429: "Too many wrong tokens came from there.",
    503: "Redis is not available.",
}


def offer(blueprint: Blueprint, routes: Sequence[Route]) -> None:
    """Serve the document of these routes."""

    @needs(Role.READ)
    def show_openapi() -> Response:
        """This document."""
        return jsonify(document(routes, blueprint.url_prefix or ""))

    blueprint.get("/admin/openapi.json")(show_openapi)


def document(routes: Sequence[Route], url_prefix: str) -> dict[str, Any]:
    """The document.

    Args:
        routes: what there is.
        url_prefix: what every path starts with.
    """
    refs, schemas = _schemas(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        path = _PART.sub(r"{\1}", url_prefix + route.rule)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, refs)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Bullrush admin API",
            "version": "1",
            "description": "Queues, jobs, schedulers and workers: how they are, and every action.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


_Key = tuple[type[BaseModel], JsonSchemaMode]


def _schemas(routes: Sequence[Route]) -> tuple[dict[_Key, Any], dict[str, Any]]:
    wanted: list[_Key] = [(Refusal, "serialization")]
    for route in routes:
        wanted += [
            (model, "serialization" if part == "return" else "validation")
            for part, model in route.hints.items()
            if part in ("return", "body")
        ]
    unique = list(dict.fromkeys(wanted))
    refs, definitions = models_json_schema(unique, ref_template=_REF)
    return {key: refs[key] for key in unique}, definitions.get("$defs", {})


def _operation(route: Route, refs: dict[_Key, Any]) -> dict[str, Any]:
    text = " ".join((route.view.__doc__ or "").split())
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": text,
        "description": f"Needs the role `{route.role.name.lower()}`.",
        "parameters": [*_path_parameters(route), *_query_parameters(route)],
        "responses": {"200": _answer(route, refs)},
    }
    refusal = {"application/json": {"schema": refs[(Refusal, "serialization")]}}
    for status, words in _REFUSALS.items():
        operation["responses"][str(status)] = {"description": words, "content": refusal}
    if "body" in route.hints:
        model = route.hints["body"]
        operation["requestBody"] = {
            "required": any(each.is_required() for each in model.model_fields.values()),
            "content": {"application/json": {"schema": refs[(model, "validation")]}},
        }
    return operation


def _answer(route: Route, refs: dict[_Key, Any]) -> dict[str, Any]:
    schema = refs[(route.hints["return"], "serialization")]
    if not route.bare:
        schema = {
            "type": "object",
            "properties": {"success": {"const": True}, "data": schema},
            "required": ["success", "data"],
        }
    return {"description": "Done.", "content": {"application/json": {"schema": schema}}}


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "pattern": _NAME},
        }
        for name in _PART.findall(route.rule)
    ]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    model = route.hints.get("query")
    if model is None:
        return []
    schema = model.model_json_schema(ref_template=_REF)
    required = schema.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _not_null(part)}
        for name, part in schema["properties"].items()
    ]


def _not_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A query has no null: what is left out is."""
    kinds = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    if len(kinds) != 1:
        return schema
    rest = {name: part for name, part in schema.items() if name not in ("anyOf", "default")}
    return {**kinds[0], **rest}
