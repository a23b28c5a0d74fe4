"""One classifier of what a client library raises, and one table of what may be tried again."""

from __future__ import annotations

from typing import NoReturn

from redis import exceptions

from ..errors import AuthenticationFailed, BullrushError, ConnectionFailed, ServerError

#: What redis-py raises in place of the first word of an error.
_KINDS: tuple[tuple[type[Exception], str], ...] = (
    (exceptions.NoScriptError, "NOSCRIPT"),
    (exceptions.ReadOnlyError, "READONLY"),
    (exceptions.BusyLoadingError, "LOADING"),
    (exceptions.OutOfMemoryError, "OOM"),
    (exceptions.NoPermissionError, "NOPERM"),
    (exceptions.ExecAbortError, "EXECABORT"),
    (exceptions.MasterDownError, "MASTERDOWN"),
    (exceptions.TryAgainError, "TRYAGAIN"),
    (exceptions.ClusterDownError, "CLUSTERDOWN"),
    (exceptions.MovedError, "MOVED"),
    (exceptions.AskError, "ASK"),
)

#: Errors of a server that pass: it loads its data, fails over, or is full for the moment.
TRANSIENT_KINDS = frozenset(
    {
        "LOADING",
        "READONLY",
        "MASTERDOWN",
        "CLUSTERDOWN",
        "TRYAGAIN",
        "BUSY",
        "OOM",
        "NOREPLICAS",
        "MISCONF",
        "UNBLOCKED",
    }
)

_REFUSED = (exceptions.AuthenticationError, exceptions.AuthenticationWrongNumberOfArgsError)


def translate(error: Exception, location: str) -> BullrushError:
    """The error of ours for an error of the client library.

    Args:
        location: where the server is, without secrets.
    """
    if isinstance(error, BullrushError):
        return error
    if isinstance(error, _REFUSED) or _is_login(str(error)):
        return _refused(location)
    for kind, word in _KINDS:
        if isinstance(error, kind):
            text = str(error)
            return ServerError(text if text.startswith(word) else f"{word} {text}")
    if isinstance(error, exceptions.ResponseError):
        return ServerError(str(error))
    if isinstance(error, exceptions.DataError):
        return ServerError(f"ARGUMENT {error}")
    late = isinstance(error, BlockingIOError)  # what a bound of the kernel on a wait looks like
    reason = "the time is up" if late else str(error) or type(error).__name__
    return ConnectionFailed(f"Redis at {location} did not answer: {reason}")


def reply_error(text: str, location: str) -> BullrushError:
    """The error of ours for an error reply, read without the client library."""
    if _is_login(text):
        return _refused(location)
    return ServerError(text)


def raise_translated(error: BaseException, location: str) -> NoReturn:
    """Raise what an error on a connection means for the caller; ours, and those that are none of
    the connection's, as they are.
    """
    if isinstance(error, (exceptions.RedisError, OSError)) and not isinstance(error, BullrushError):
        raise translate(error, location) from error
    raise error


def is_demotion(error: BullrushError) -> bool:
    """Whether the server became a replica: another one is the master now."""
    return isinstance(error, ServerError) and error.kind == "READONLY"


def is_transient(error: BaseException) -> bool:
    """Whether the same call may succeed a little later."""
    if isinstance(error, AuthenticationFailed):
        return False
    if isinstance(error, ServerError):
        return error.kind in TRANSIENT_KINDS
    return isinstance(error, ConnectionFailed)


def is_refusal(error: BaseException) -> bool:
    """Whether the server answered, and what it was asked is wrong: the same call will fail again
    whoever makes it, and whenever.
    """
    if isinstance(error, ServerError):
        return error.kind not in TRANSIENT_KINDS and not _is_access(str(error), error.kind)
    return not isinstance(error, ConnectionFailed)


def _is_access(text: str, kind: str) -> bool:
    """Whether the user may not ask that. A key that only this call's data names is its own fault;
    Redis speaks of it from within the script.
    """
    if "access a key script:" in text:
        return False
    return kind == "NOPERM" or "can't run this command" in text


def _refused(location: str) -> AuthenticationFailed:
    return AuthenticationFailed(
        f"Redis at {location} refused the user name or the password; "
        "check the URL's user:password part"
    )


def _is_login(text: str) -> bool:
    """Whether a server wants another password, or one at all: a long command without it is not even
    read.
    """
    first = text.split(" ", 1)[0]
    return first in ("WRONGPASS", "NOAUTH") or "Protocol error: unauthenticated" in text
