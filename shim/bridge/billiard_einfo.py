"""Stands for `billiard.einfo`: what signals tell of an exception is of our class."""

from __future__ import annotations

from ..einfo import ExceptionInfo

__all__ = ["ExceptionInfo", "ExceptionWithTraceback"]


class ExceptionWithTraceback(Exception):
    """An exception on its way between billiard's processes; none is made here.

    Attributes:
        exc: the exception.
        tb: its traceback as text.
    """

    def __init__(self, exc: BaseException, tb: str = "") -> None:
        super().__init__(exc, tb)
        self.exc, self.tb = exc, tb
