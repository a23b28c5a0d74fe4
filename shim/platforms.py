"""What the operating system has to do with it: of `celery.platforms`, what others use."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterable
from typing import Any

from .exceptions import SecurityError, SecurityWarning
from .serialization import content_types

IS_WINDOWS = os.name == "nt"
IS_macOS = sys.platform == "darwin"
EX_OK, EX_FAILURE, EX_UNAVAILABLE, EX_USAGE, EX_CANTCREAT = 0, 1, 69, 64, 73
_PICKLE = frozenset({"application/x-python-serialize", "application/x-python"})


def check_privileges(accept_content: Iterable[str]) -> None:
    """Refuse to run as root what anybody who writes to Redis can make run any code.

    Args:
        accept_content: the serializers that are accepted.

    Raises:
        SecurityError: pickle is one of them, this is root, and ``C_FORCE_ROOT`` is not set.
    """
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return
    if not _PICKLE & content_types(accept_content):
        return
    if not os.environ.get("C_FORCE_ROOT"):
        raise SecurityError(
            "a worker that accepts pickle does not run as root: who can write to Redis could run "
            "anything; use --uid or another user, take pickle out of accept_content, or set "
            "C_FORCE_ROOT"
        )
    warnings.warn(SecurityWarning("a worker that accepts pickle runs as root"), stacklevel=2)


class Signals:
    """The process's signals by names without ``SIG``: ``signals["TERM"] = handler``. A name that
    this system has not is passed over.
    """

    ignored, default = signal.SIG_IGN, signal.SIG_DFL

    def supported(self, name: str) -> bool:
        """Whether this system has it."""
        return isinstance(getattr(signal, _full(name), None), signal.Signals)

    def signum(self, name: int | str) -> int:
        """The number of a signal.

        Raises:
            TypeError: it is no name in upper case.
            AttributeError: this system has none of that name.
        """
        if isinstance(name, int):
            return name
        if not isinstance(name, str) or not name.isupper():
            raise TypeError("signal name must be uppercase string.")
        return int(getattr(signal, _full(name)))

    def ignore(self, *names: str) -> None:
        """Do nothing when they come."""
        self.update(dict.fromkeys(names, self.ignored))

    def reset(self, *names: str) -> None:
        """Do what the system does by itself when they come."""
        self.update(dict.fromkeys(names, self.default))

    def update(self, handlers: Any = (), **named: Any) -> None:
        """Set several handlers."""
        for name, handler in {**dict(handlers), **named}.items():
            self[name] = handler

    def arm_alarm(self, seconds: float) -> None:
        """Have SIGALRM come once, after so many s."""
        signal.setitimer(signal.ITIMER_REAL, seconds)

    def reset_alarm(self) -> int:
        """Have it not come; how many s were left."""
        return signal.alarm(0)

    def __getitem__(self, name: str) -> Any:
        return signal.getsignal(self.signum(name))

    def __setitem__(self, name: str, handler: Callable[..., Any] | signal.Handlers) -> None:
        if self.supported(name):
            signal.signal(self.signum(name), handler)


def _full(name: str) -> str:
    return name if name.startswith("SIG") else f"SIG{name}"


signals = Signals()
