"""Failures as they are stored."""

from __future__ import annotations

import json

from bullrush.core.outcome import Failed, reason_of, stack_of


def failure(error: BaseException, reason: str | None = None) -> Failed:
    """A final failure with its typed record."""
    return Failed(reason or reason_of(error), stack_of(error), exception=record_of(error))


def record_of(error: BaseException) -> str:
    """What an exception was, as text: its class and its arguments as far as JSON can hold them."""
    args = [
        each if isinstance(each, (str, int, float, bool, type(None))) else repr(each)
        for each in error.args
    ]
    kind = type(error)
    return json.dumps(
        {"exc_type": kind.__qualname__, "exc_module": kind.__module__, "exc_message": args}
    )
