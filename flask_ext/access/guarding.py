"""A blueprint that is closed unless a view says who may use it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Blueprint, Response, current_app, g, jsonify, request

from ..binding import current_binding
from .roles import Principal, Role
from .tokens import is_authorized

View = TypeVar("View", bound=Callable[..., Any])
#: What is wrong, or None.
Refusal = tuple[Response, int, dict[str, str]]


def needs(role: Role) -> Callable[[View], View]:
    """Say which role a view of a `GuardedBlueprint` needs. Goes below the route."""

    def mark(view: View) -> View:
        view.bullrush_role = role  # type: ignore[attr-defined]
        return view

    return mark


def role_of(view: object) -> Role | None:
    """The role that `needs` gave a view; None for any other function."""
    role = getattr(view, "bullrush_role", None)
    return role if isinstance(role, Role) else None


def current_principal() -> Principal:
    """Who is calling, in a view of a `GuardedBlueprint`."""
    principal: Principal = g.bullrush_principal
    return principal


class GuardedBlueprint(Blueprint):
    """A blueprint whose every view has a role, so that a new one cannot be left open by accident.

    Raises:
        TypeError: a view without a role is added.
    """

    def __init__(self, name: str, import_name: str, **options: Any) -> None:
        super().__init__(name, import_name, **options)
        self.before_request(_require_role)
        self.after_request(_keep_private)

    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: Callable[..., Any] | None = None,
        provide_automatic_options: bool | None = None,
        **options: Any,
    ) -> None:
        if role_of(view_func) is None:
            raise TypeError(f"the view of {rule!r} says no role: add @needs(Role.READ) below it")
        super().add_url_rule(rule, endpoint, view_func, provide_automatic_options, **options)


def _require_role() -> Refusal | None:
    principal = _authenticate()
    if principal is None:
        refusal = jsonify(success=False, error="a valid bearer token is needed")
        return refusal, 401, {"WWW-Authenticate": "Bearer"}
    needed = role_of(current_app.view_functions[str(request.endpoint)])
    if needed is None or principal.role < needed:
        return jsonify(success=False, error="the role of the caller does not suffice"), 403, {}
    g.bullrush_principal = principal
    return None


def _authenticate() -> Principal | None:
    binding = current_binding()
    digests = binding.settings.token_digests
    if is_authorized(request.headers.get("Authorization", ""), digests):
        return Principal("token", Role.ADMIN)
    if not digests:
        binding.warn_once("the admin routes are closed: BULLRUSH_ADMIN_TOKEN is not set")
    return None


def _keep_private(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
