"""Failures as they are stored."""

from __future__ import annotations

from bullrush.core.outcome import Failed, reason_of, stack_of

from ..failures import record_of


def failure(error: BaseException, reason: str | None = None) -> Failed:
    """A final failure with its typed record."""
    return Failed(reason or reason_of(error), stack_of(error), exception=record_of(error))
