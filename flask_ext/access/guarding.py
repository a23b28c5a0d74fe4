"""A blueprint that is closed unless a view says who may use it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from flask import Blueprint, Response, current_app, g, jsonify, redirect, request, url_for
from werkzeug.exceptions import Forbidden, HTTPException, TooManyRequests, Unauthorized
from werkzeug.wrappers import Response as AnyResponse

from ..binding import current_binding
from .authentication import authenticate, csrf_token_of, sessions_of
from .door import Caller
from .headers import protect
from .limits import check_json, limit_body
from .origin import SAFE, is_own_change, is_own_read
from .roles import Principal, Role

#: The endpoint of the login page.
LOGIN = "bullrush_login.show_login"
View = TypeVar("View", bound=Callable[..., Any])


def needs(role: Role) -> Callable[[View], View]:
    """Say which role a view of a `GuardedBlueprint` needs. Goes below the route."""

    def mark(view: View) -> View:
        view.bullrush_role = role  # type: ignore[attr-defined]
        return view

    return mark


def open_to_all(view: View) -> View:
    """Say that a view of a `GuardedBlueprint` is for everybody: it shows nothing of any queue."""
    view.bullrush_open = True  # type: ignore[attr-defined]
    return view


def role_of(view: object) -> Role | None:
    """The role that `needs` gave a view; None for any other function."""
    role = getattr(view, "bullrush_role", None)
    return role if isinstance(role, Role) else None


def is_open(view: object) -> bool:
    """Whether `open_to_all` marked a view."""
    return getattr(view, "bullrush_open", False) is True


def current_principal() -> Principal:
    """Who is calling, in a view of a `GuardedBlueprint`."""
    caller: Caller = g.bullrush_caller
    return caller.principal


def current_csrf_token() -> str:
    """What a page sends as ``X-CSRF-Token`` with each change, and its forms as ``csrf_token``."""
    return csrf_token_of(g.bullrush_caller)


def is_logged_in() -> bool:
    """Whether the caller came by the login page, and so can log out."""
    caller: Caller = g.bullrush_caller
    return caller.session is not None


class GuardedBlueprint(Blueprint):
    """A blueprint whose every view has a role, so that a new one cannot be left open by accident.

    It also bounds bodies, refuses changes that other sites make with a browser's login, and answers
    errors as ``{"success": false, "error": "..."}``.

    Args:
        pages: the views are pages: whoever opens one without a login is sent to the login page.

    Raises:
        TypeError: a view without a role is added.
    """

    def __init__(self, name: str, import_name: str, *, pages: bool = False, **options: Any) -> None:
        super().__init__(name, import_name, **options)
        self._pages = pages
        self.before_request(self._admit)
        self.after_request(protect)
        self.register_error_handler(HTTPException, _refuse)

    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: Callable[..., Any] | None = None,
        provide_automatic_options: bool | None = None,
        **options: Any,
    ) -> None:
        if role_of(view_func) is None and not is_open(view_func):
            raise TypeError(f"the view of {rule!r} says no role: add @needs(Role.READ) below it")
        super().add_url_rule(rule, endpoint, view_func, provide_automatic_options, **options)

    def _admit(self) -> AnyResponse | None:
        max_body = current_binding().door.policy.max_body
        limit_body(request, max_body)
        view = current_app.view_functions[str(request.endpoint)]
        if is_open(view):
            return None
        caller = _caller()
        if caller is None:
            if self._pages and request.method == "GET" and _is_for_a_reader():
                wanted = request.script_root + request.full_path.rstrip("?")
                return redirect(url_for(LOGIN, next=wanted), 303)
            _note_refusal()
            raise Unauthorized("a valid bearer token is needed")
        g.bullrush_caller = caller  # for whoever writes down who was refused
        needed = role_of(view)
        if needed is None or caller.principal.role < needed:
            raise Forbidden("the role of the caller does not suffice")
        if not caller.principal.explicit:
            _refuse_forgery(caller)
        if request.method not in SAFE:
            check_json(request, max_body)
        return None


def _caller() -> Caller | None:
    try:
        return authenticate()
    except TooManyRequests:
        _note_refusal()
        raise


def _note_refusal() -> None:
    current_binding().door.refusals.note(request.remote_addr or "")


def _refuse_forgery(caller: Caller) -> None:
    """A browser adds its cookies to whatever any page asks of us; pages of ours know a token."""
    if request.method in SAFE:
        if not is_own_read(request):
            raise Forbidden("a page of another site asked for this")
        return
    if not is_own_change(request):
        raise Forbidden("a page of another site sent this")
    sent = request.headers.get("X-CSRF-Token", "")
    if not sessions_of().is_csrf_token(caller.subject, sent):
        raise Forbidden("the header X-CSRF-Token is missing or wrong: load the page again")


def _is_for_a_reader() -> bool:
    return request.accept_mimetypes.best_match(("application/json", "text/html")) == "text/html"


def _refuse(error: HTTPException) -> AnyResponse:
    """What is wrong as JSON; the library's own headers (Allow, Retry-After) stay."""
    if error.response is not None:  # abort(response): the application's own answer
        return cast(AnyResponse, error.response)
    response: Response = jsonify(success=False, error=error.description or error.name)
    response.status_code = error.code or 500
    for name, value in error.get_headers(request.environ):
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    if isinstance(error, Unauthorized):
        response.headers["WWW-Authenticate"] = "Bearer"
    return response
