"""Who sent the request that is being answered."""

from __future__ import annotations

from flask import current_app, request
from werkzeug.exceptions import Forbidden, TooManyRequests

from ..binding import Binding, current_binding
from .door import Caller, SlowDown
from .origin import has_local_host
from .roles import Principal, Role
from .sessions import Sessions
from .tokens import bearer_of
from .web_tokens import NoRole


def authenticate() -> Caller | None:
    """Who is calling; None for nobody we know.

    A bearer token decides, if there is one; else the application's own callable, then the cookie of
    a login.

    Raises:
        Forbidden: a good JWT gives no role.
        TooManyRequests: too many wrong tokens came from that address.
    """
    binding = current_binding()
    try:
        return _by_bearer(binding) if _bearer() is not None else _by_browser(binding)
    except NoRole:
        raise Forbidden("the token gives no role") from None
    except SlowDown as error:
        raise too_many(error) from None


def too_many(error: SlowDown) -> TooManyRequests:
    """The answer to too many wrong tokens."""
    return TooManyRequests("too many wrong tokens came from there", retry_after=error.seconds)


def sessions_of() -> Sessions:
    """The cookies of the current application."""
    binding = current_binding()
    secret = current_app.secret_key
    fallbacks = current_app.config.get("SECRET_KEY_FALLBACKS") or []
    if not secret:
        binding.warn_once("logins end with this process: SECRET_KEY is not set")
    return binding.door.sessions([secret, *fallbacks] if secret else [])


def cookie_name() -> str:
    """The name of the session's cookie. With https, browsers take it from no other host."""
    return "__Host-bullrush" if is_secure() else "bullrush"


def is_secure() -> bool:
    """Whether cookies travel by https alone."""
    configured = current_binding().door.policy.cookie_secure
    return request.is_secure if configured is None else configured


def csrf_token_of(caller: Caller) -> str:
    """The CSRF token of a caller's pages."""
    return sessions_of().csrf_token(caller.subject)


def _bearer() -> str | None:
    return bearer_of(request.headers.get("Authorization", ""))


def _by_bearer(binding: Binding) -> Caller | None:
    token, address = _bearer() or "", request.remote_addr or ""
    found = binding.door.by_token(token, address) or binding.door.by_application()
    if found is None:
        _warn(binding)
        binding.door.refused(token, address)
        return None
    return _caller(found)


def _by_browser(binding: Binding) -> Caller | None:
    found = binding.door.by_application()
    if found is not None:
        return _caller(found)
    caller = caller_by_cookie()
    if caller is None and binding.door.is_open and has_local_host(request):
        caller = _caller(Principal("anonymous", Role.ADMIN))
    if caller is None:
        _warn(binding)
    return caller


def caller_by_cookie() -> Caller | None:
    """Who is logged in.

    Raises:
        NoRole: with a JWT that gives no role any more.
    """
    binding = current_binding()
    cookie = request.cookies.get(cookie_name())
    if not cookie:
        return None
    sessions = sessions_of()
    session = sessions.read(cookie)
    found = binding.door.by_session(session, sessions) if session is not None else None
    if session is None or found is None:
        return None
    return Caller(found, f"session:{session.id}", session)


def _caller(principal: Principal) -> Caller:
    return Caller(principal, f"caller:{principal.name}")


def _warn(binding: Binding) -> None:
    if binding.door.is_locked and not binding.door.is_open:
        binding.warn_once("the admin routes are closed: BULLRUSH_ADMIN_TOKEN is not set")
