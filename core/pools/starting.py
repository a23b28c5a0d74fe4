"""How child processes are started, and how they end, in words."""

from __future__ import annotations

import multiprocessing
import signal

from ..errors import InvalidOption

START_METHODS = ("forkserver", "spawn", "fork")


def available_method(wanted: str) -> str:
    """The start method, or the nearest this system has.

    Raises:
        InvalidOption: no such method.
    """
    if wanted not in START_METHODS:
        raise InvalidOption(f"start_method is one of {', '.join(START_METHODS)}, not {wanted!r}")
    return wanted if wanted in multiprocessing.get_all_start_methods() else "spawn"


def exit_text(code: int | None) -> str:
    """How a process ended, in words."""
    if code is None:
        return "unknown exit code"
    if code < 0:
        try:
            return f"signal {-code} ({signal.Signals(-code).name})"
        except ValueError:
            return f"signal {-code}"
    return f"exit code {code}"
