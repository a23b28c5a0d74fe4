"""An exception with its traceback as text, as handlers and signals get it."""

from __future__ import annotations

from bullrush.core.outcome import stack_of


class ExceptionInfo:
    """What went wrong.

    Attributes:
        exception: the exception.
        type: its class.
        tb: its traceback object.
        traceback: the traceback as text.
        internal: whether it arose outside of the task's own code.
    """

    internal = False

    def __init__(self, exception: BaseException, traceback: str | None = None) -> None:
        self.exception = exception
        self.type = type(exception)
        self.tb = exception.__traceback__
        self.traceback = stack_of(exception) if traceback is None else traceback

    @property
    def exc_info(self) -> tuple[type[BaseException], BaseException, object]:
        """As that of `sys.exc_info`."""
        return self.type, self.exception, self.tb

    def __str__(self) -> str:
        return self.traceback

    def __repr__(self) -> str:
        return f"<ExceptionInfo: {self.exception!r}>"
