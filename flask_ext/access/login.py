"""The login page: a token in, a cookie out. Works without JavaScript."""

from __future__ import annotations

import logging
import re
import secrets
from functools import cache
from pathlib import Path

from flask import Blueprint, Response, make_response, redirect, request, url_for
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from werkzeug.exceptions import Forbidden
from werkzeug.wrappers import Response as AnyResponse

from ..binding import current_binding
from .authentication import caller_by_cookie, cookie_name, is_secure, sessions_of
from .door import SlowDown
from .guarding import LOGIN, GuardedBlueprint, open_to_all
from .limits import limit_body
from .origin import is_own_change
from .sessions import Sessions
from .tokens import digest_of
from .web_tokens import NoRole, looks_like_web_token

logger = logging.getLogger(__name__)

HERE = Path(__file__).parent
#: Bytes that a form may have.
LONGEST_FORM = 16_384
#: What an address of a page consists of; browsers read a backslash as a slash.
_ADDRESS = re.compile(r"/[!#-;=?-\[\]-~]{0,2000}")


def login_blueprint(url_prefix: str) -> Blueprint:
    """The login page and the way out.

    Args:
        url_prefix: what the path of every page of the dashboard starts with.
    """
    name, _, _ = LOGIN.partition(".")
    blueprint = GuardedBlueprint(name, __name__, url_prefix=url_prefix)
    blueprint.get("/login")(show_login)
    blueprint.post("/login")(log_in)
    blueprint.post("/logout")(log_out)
    blueprint.get("/login.css")(show_style)
    return blueprint


@open_to_all
def show_login() -> AnyResponse:
    """The form; whoever is in already goes on."""
    wanted = safe_target(request.args.get("next", ""))
    if caller_by_cookie() is not None:
        return redirect(wanted, 303)
    return _form(wanted)


@open_to_all
def log_in() -> AnyResponse:
    """Take the token, and set the cookie if it is right."""
    limit_body(request, LONGEST_FORM)
    wanted = safe_target(request.form.get("next", ""))
    sessions = sessions_of()
    nonce = request.cookies.get(_form_cookie(), "")
    sent = request.form.get("csrf_token", "")
    if not is_own_change(request) or not sessions.is_csrf_token(f"form:{nonce}", sent):
        return _form(wanted, "The page was open for too long. Please try again.", 403)
    token = request.form.get("token", "").strip()
    try:
        cookie = _cookie_for(token, sessions)
    except SlowDown as error:
        _note_refusal()
        refusal = _form(wanted, "Too many wrong tokens. Please wait a little.", 429)
        refusal.headers["Retry-After"] = str(error.seconds)
        return refusal
    except ValueError as error:
        _note_refusal()
        return _form(wanted, f"This token cannot be used here: {error}.", 401)
    if cookie is None:
        _note_refusal()
        return _form(wanted, "This token is not valid.", 401)
    answer = redirect(wanted, 303)
    lifetime = current_binding().door.policy.session_lifetime
    _set_cookie(answer, cookie_name(), cookie, lifetime)
    answer.delete_cookie(_form_cookie(), secure=is_secure(), httponly=True, samesite="Lax")
    return answer


@open_to_all
def log_out() -> AnyResponse:
    """End the session of the cookie."""
    limit_body(request, LONGEST_FORM)
    caller = caller_by_cookie()
    if caller is not None and caller.session is not None:
        sent = request.headers.get("X-CSRF-Token") or request.form.get("csrf_token", "")
        if not is_own_change(request) or not sessions_of().is_csrf_token(caller.subject, sent):
            raise Forbidden("the CSRF token is missing or wrong: load the page again")
        current_binding().door.ended.add(caller.session.id)
    answer = redirect(url_for(LOGIN), 303)
    answer.delete_cookie(cookie_name(), secure=is_secure(), httponly=True, samesite="Lax")
    return answer


@open_to_all
def show_style() -> Response:
    """The style of the login page."""
    response = make_response((HERE / "static" / "login.css").read_bytes())
    response.headers["Content-Type"] = "text/css; charset=utf-8"
    response.headers["Cache-Control"] = "max-age=3600"
    return response


def safe_target(wanted: str) -> str:
    """Where to go after the login: a page of the dashboard, never another site.

    Args:
        wanted: what the request asks for; anybody may have written it.
    """
    home = _root()
    inside = wanted == home or wanted.startswith((f"{home}/", f"{home}?"))
    if inside and _ADDRESS.fullmatch(wanted) and not wanted.startswith("//"):
        path = wanted.partition("?")[0]
        if ".." not in path and "%" not in path and path.removeprefix(home) not in _OWN:
            return wanted
    return f"{home}/"


_OWN = ("/login", "/logout")


def _root() -> str:
    """What the path of every page of the dashboard starts with."""
    return url_for(LOGIN).removesuffix("/login")


def _cookie_for(token: str, sessions: Sessions) -> str | None:
    """A new session, so that nobody can plant one before; None when the token is wrong.

    Raises:
        SlowDown: too many wrong tokens came from there.
        ValueError: the token is good and of no use.
    """
    door, address = current_binding().door, request.remote_addr or ""
    try:
        found = door.by_token(token, address) if token else None
    except NoRole:
        raise ValueError("it gives no role") from None
    if found is None:
        door.refused(token, address)
        logger.warning("login: a wrong token from %s", address)
        return None
    logger.info("login: %r from %s", found.name, address)
    if looks_like_web_token(token) and door.is_web_token(token):
        return sessions.open(None, token)
    return sessions.open(digest_of(token))


def _note_refusal() -> None:
    current_binding().door.refusals.note(request.remote_addr or "")


def _form(wanted: str, problem: str = "", status: int = 200) -> Response:
    door = current_binding().door
    nonce = secrets.token_urlsafe(16)
    html = _template().render(
        action=url_for(LOGIN),
        root=_root(),
        style=url_for("bullrush_login.show_style"),
        wanted=wanted,
        problem=problem,
        locked=door.is_locked,
        takes_tokens=door.takes_tokens,
        csrf_token=sessions_of().csrf_token(f"form:{nonce}"),
    )
    response = make_response(html, status)
    _set_cookie(response, _form_cookie(), nonce, None)
    return response


def _form_cookie() -> str:
    return f"{cookie_name()}-form"


def _set_cookie(response: AnyResponse, name: str, value: str, lifetime: int | None) -> None:
    response.set_cookie(
        name, value, max_age=lifetime, secure=is_secure(), httponly=True, samesite="Lax"
    )


@cache
def _template() -> Template:
    loader = FileSystemLoader(HERE / "templates")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    return environment.get_template("login.html")
