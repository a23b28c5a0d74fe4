"""Routes with typed bodies, queries and answers. What a view says of itself is checked here, and
told to the audit log and to whoever asks for the OpenAPI document.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar, get_type_hints

from flask import Response, g, jsonify, request
from pydantic import BaseModel, ValidationError
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest, NotFound, UnprocessableEntity

from bullrush.core import Queue

from ..access.guarding import current_principal
from ..access.roles import Principal, Role
from ..binding import Binding, current_binding
from .places import find_queue

View = TypeVar("View", bound=Callable[..., BaseModel])


@dataclass
class Asked:
    """What was asked, for a view.

    Attributes:
        binding: of the application.
        principal: who asks.
        path: the parts of the path by name.
        action: its name in the audit log; empty for what changes nothing.
        count: how many jobs the action changed; for the audit log.
        note: a word on how it went, likewise.
    """

    binding: Binding
    principal: Principal
    path: dict[str, str]
    action: str = ""
    count: int | None = None
    note: str = "done"

    @cached_property
    def queue(self) -> Queue:
        """The queue that the path names, by its name or alias.

        Raises:
            NotFound: nobody has ever used it, and the application does not name it.
        """
        name = self.path["queue"]
        found = find_queue(self.binding, name)
        if found is None:
            raise NotFound(f"there is no queue {name[:100]!r}")
        return found

    @property
    def job_id(self) -> str:
        """The id of the job that the path names."""
        return self.path["job_id"]


@dataclass(frozen=True)
class Route:
    """One route.

    Attributes:
        method, rule: as Flask has them.
        role: who may use it.
        view: gets an `Asked`, and `body` and `query` if it has such parameters.
        action: its name in the audit log; None for one that changes nothing.
        bare: the answer has no envelope.
        fresh: s for which the answer may be kept by who asked; 0 for not at all.
    """

    method: str
    rule: str
    role: Role
    view: Callable[..., BaseModel]
    action: str | None = None
    bare: bool = False
    fresh: int = 0

    @property
    def name(self) -> str:
        """Unique among all routes."""
        return self.view.__name__

    @property
    def bullrush_role(self) -> Role:
        """As `needs` marks a view."""
        return self.role

    @cached_property
    def hints(self) -> dict[str, Any]:
        """The models: ``body``, ``query`` and ``return``."""
        return get_type_hints(self.view)

    def __call__(self, **path: str) -> Response:
        asked = Asked(current_binding(), current_principal(), path, self.action or "")
        g.bullrush_asked = asked
        arguments: dict[str, Any] = {}
        if "query" in self.hints:
            arguments["query"] = _checked(self.hints["query"], _flat(self.hints["query"]))
        elif request.args:
            raise BadRequest(f"{next(iter(request.args))[:50]!r}: this route takes no query")
        if "body" in self.hints:
            arguments["body"] = _checked(self.hints["body"], _json_body())
        elif request.get_data().strip() not in (b"", b"{}"):  # clients send that for nothing
            raise BadRequest("this route takes no body")
        answer = self.view(asked, **arguments)
        shown = answer.model_dump(mode="json", by_alias=True)
        response = jsonify(shown if self.bare else {"success": True, "data": shown})
        if self.fresh:
            response.headers["Cache-Control"] = f"private, max-age={self.fresh}"
        return response


@dataclass
class Routes:
    """The routes of one subject."""

    all: list[Route] = field(default_factory=list)

    def get(
        self, rule: str, role: Role = Role.READ, *, bare: bool = False, fresh: int = 0
    ) -> Callable[[View], View]:
        """A view that changes nothing."""

        def add(view: View) -> View:
            self.all.append(Route("GET", rule, role, view, bare=bare, fresh=fresh))
            return view

        return add

    def action(
        self, rule: str, role: Role = Role.OPERATE, *, method: str = "POST"
    ) -> Callable[[View], View]:
        """A view that changes something. Its name is what the audit log has."""

        def add(view: View) -> View:
            self.all.append(Route(method, rule, role, view, view.__name__))
            return view

        return add


def _json_body() -> Any:
    text = request.get_data()
    if not text:
        return {}
    try:
        return json.loads(text.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise BadRequest("the body is no JSON") from None


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _flat(model: type[BaseModel]) -> dict[str, Any]:
    """The query as a dict; a name that was given twice is a list, which no field takes."""
    given: MultiDict[str, str] = request.args
    return {
        name: values[0] if len(values) == 1 else values
        for name, values in given.to_dict(flat=False).items()
    }


def _checked(model: type[BaseModel], value: Any) -> BaseModel:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        # Not the value itself: it may be a secret in the wrong place.
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part)[:50] for part in first["loc"]) or "body"
        raise UnprocessableEntity(f"{place}: {first['msg']}") from None
