"""One setting of Celery: its default, and what becomes of it here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..compatibility import ACCEPTED, REFUSED, WORKS, Row

ON_OTHERS = "means something to other brokers only"


@dataclass(frozen=True)
class Setting(Row):
    """One setting.

    Args:
        default: its value when nobody sets it.
        check: says what is wrong with a value, or None; what it says is raised as
            ImproperlyConfigured.
        quiet: of one that is accepted, whether what it asks for is met anyway.
        remark: says what a value does not do here, or None; told once in the log.
    """

    default: Any = None
    check: Callable[[Any], str | None] | None = None
    quiet: bool = False
    remark: Callable[[Any], str | None] | None = None


def works(
    name: str,
    default: Any = None,
    proof: str = "",
    note: str = "",
    check: Callable[[Any], str | None] | None = None,
    remark: Callable[[Any], str | None] | None = None,
) -> Setting:
    """It does what it does in Celery."""
    return Setting(name, WORKS, note, proof, default, check, remark=remark)


def accepted(name: str, default: Any = None, note: str = ON_OTHERS) -> Setting:
    """It has no effect, or another one; said once in the log when it is not the default."""
    return Setting(name, ACCEPTED, note, "", default)


def met(name: str, default: Any, note: str) -> Setting:
    """What it asks for is so anyway; told at level INFO only."""
    return Setting(name, ACCEPTED, note, "", default, quiet=True)


def refused(name: str, default: Any, note: str) -> Setting:
    """Any value but the default raises ImproperlyConfigured."""

    def check(value: Any) -> str | None:
        return None if value == default else f"{name}={value!r}: {note}"

    return Setting(name, REFUSED, note, "", default, check)
