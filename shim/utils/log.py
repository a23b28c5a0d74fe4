"""Loggers of tasks and workers, by Celery's names, so that a project's set-up finds them."""

from __future__ import annotations

import logging
import multiprocessing
import numbers
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

base_logger = logging.getLogger("celery")
task_logger = logging.getLogger("celery.task")
worker_logger = logging.getLogger("celery.worker")
for _logger in (base_logger, task_logger, worker_logger):
    _logger.addHandler(logging.NullHandler())

RESERVED_LOGGER_NAMES = frozenset({"celery", "celery.task"})
LOG_LEVELS: dict[Any, Any] = {
    **{logging.getLevelName(level): level for level in (10, 20, 30, 40, 50)},
    **{level: logging.getLevelName(level) for level in (10, 20, 30, 40, 50)},
    "FATAL": logging.FATAL,
}
_COLOURS = {"DEBUG": 34, "WARNING": 33, "ERROR": 31, "CRITICAL": 35}
_in_handler = threading.local()


def get_logger(name: str) -> logging.Logger:
    """A logger below ``celery``."""
    return _below(base_logger, logging.getLogger(name))


def get_task_logger(name: str) -> logging.Logger:
    """A logger for the code of tasks, below ``celery.task``: a worker's log shows the name and the
    id of the task that runs.

    Raises:
        RuntimeError: one of Celery's own names.
    """
    if name in RESERVED_LOGGER_NAMES:
        raise RuntimeError(f"Logger name {name!r} is reserved!")
    return _below(task_logger, logging.getLogger(name))


def mlevel(level: Any) -> int:
    """A level by its name or its number.

    Raises:
        KeyError: no such level.
    """
    if not level or isinstance(level, numbers.Integral):
        return int(level or 0)
    found: int = LOG_LEVELS[str(level).upper()]
    return found


class ColorFormatter(logging.Formatter):
    """Colours a line by its level.

    Args:
        fmt, datefmt: as `logging.Formatter`.
        use_color: whether to.
    """

    def __init__(
        self, fmt: str | None = None, use_color: bool = True, datefmt: str | None = None
    ) -> None:
        super().__init__(fmt, datefmt)
        self.use_color = use_color

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        text = super().format(record)
        colour = _COLOURS.get(record.levelname) if self.use_color else None
        return text if colour is None else f"\033[1;{colour}m{text}\033[0m"


class LoggingProxy:
    """A text file that writes into a logger.

    Args:
        logger: where to.
        loglevel: of what has none.
    """

    mode = "w"
    name = None
    encoding = "utf-8"
    errors = "replace"

    def __init__(self, logger: logging.Logger, loglevel: Any = None) -> None:
        self.logger = logger
        self.loglevel = mlevel(loglevel or logger.level or logging.WARNING)
        self.closed = False
        self._busy = threading.local()

    def write(self, data: Any) -> int:
        """Log each line that is not empty. What a handler itself writes is left out: it would
        come here again.
        """
        if getattr(self._busy, "now", False) or self.closed:
            return 0
        self._busy.now = True
        try:
            text = data.decode("utf-8", "replace") if isinstance(data, bytes) else str(data)
            for line in text.rstrip().splitlines():
                if line.strip():
                    self.logger.log(self.loglevel, "%s", line)
            return len(data)
        finally:
            self._busy.now = False

    def writelines(self, sequence: Iterable[Any]) -> None:
        """As `write` for each."""
        for part in sequence:
            self.write(part)

    def flush(self) -> None:
        """Nothing is kept back."""

    def close(self) -> None:
        """Write no more."""
        self.closed = True

    def isatty(self) -> bool:
        """It is none."""
        return False

    def writable(self) -> bool:
        """It is."""
        return True


def in_sighandler() -> bool:
    """Whether this thread is in a signal handler, as `set_in_sighandler` has said."""
    return bool(getattr(_in_handler, "now", False))


def set_in_sighandler(value: bool) -> None:
    """Say that this thread is in a signal handler, or no more."""
    _in_handler.now = value


@contextmanager
def sighandler() -> Iterator[None]:
    """Around the body of a signal handler."""
    set_in_sighandler(True)
    try:
        yield
    finally:
        set_in_sighandler(False)


def iter_open_logger_fds() -> Iterator[TextIO]:
    """The open files of all loggers; each once."""
    seen: set[int] = set()
    for logger in (logging.getLogger(), *logging.root.manager.loggerDict.values()):
        for handler in getattr(logger, "handlers", ()):
            stream = getattr(handler, "stream", None)
            if stream is not None and id(stream) not in seen:
                seen.add(id(stream))
                yield stream


def get_multiprocessing_logger() -> logging.Logger:
    """The logger of `multiprocessing`."""
    return logging.getLogger("multiprocessing")


def reset_multiprocessing_logger() -> None:
    """Take its handlers away."""
    get_multiprocessing_logger().handlers[:] = []


def current_process_index(base: int = 1) -> int | None:
    """The number of this child process of a worker, counted from `base`; None elsewhere."""
    _, dash, number = multiprocessing.current_process().name.rpartition("-")
    return int(number) - 1 + base if dash and number.isdigit() else None


def _below(parent: logging.Logger, logger: logging.Logger) -> logging.Logger:
    above: logging.Logger | None = logger
    while above is not None:
        if above is parent:
            return logger
        above = above.parent
    logger.parent = parent
    return logger
