"""What processors raise in programs, and the stack text that both sides store for it."""

from __future__ import annotations

from typing import Any

from bullrush.core import UnrecoverableError
from bullrush.core.outcome import stack_of


class NoLuck(Exception):
    """An attempt that failed."""


def exception(failure: dict[str, Any]) -> Exception:
    """What our side raises."""
    kind = UnrecoverableError if failure["unrecoverable"] else NoLuck
    return kind(failure["reason"])


def failure(reason: str, *, unrecoverable: bool = False) -> dict[str, Any]:
    """What a step says of an attempt that failed."""
    told = {"reason": reason, "unrecoverable": unrecoverable}
    return {**told, "stack": stack_of(exception(told))}
