"""``app.log``: how a worker sets up its log."""

from __future__ import annotations

import logging
import logging.handlers
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bullrush.core.worker.log_fields import JobFields, JsonFormatter, details_of

from .. import signals
from ..local import running
from ..utils.log import (
    ColorFormatter,
    LoggingProxy,
    base_logger,
    current_process_index,
    get_logger,
    mlevel,
    task_logger,
)
from ..utils.nodenames import node_format

if TYPE_CHECKING:
    from .base import Celery

_REDIRECTED = "celery.redirected"
#: A format that is no pattern: each record is a JSON object.
JSON = "json"
#: Attributes of the worker's own records that show arguments of tasks.
_HIDDEN = ("data",)


class TaskFormatter(ColorFormatter):
    """Knows ``%(task_name)s`` and ``%(task_id)s`` of the task that runs; ``???`` outside of one."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        stack = running.get()
        task, request = stack[-1] if stack else (None, None)
        if task is not None and request is not None:
            record.__dict__.update(task_id=request.id, task_name=task.name)
        else:
            record.__dict__.setdefault("task_name", "???")
            record.__dict__.setdefault("task_id", "???")
        return super().format(record)


class TaskFields(JobFields):
    """As `JobFields`, for tasks: knows the one that runs here."""

    def fields(self) -> dict[str, Any]:
        """See `JobFields`."""
        stack = running.get()
        if not stack:
            return super().fields()
        task, request = stack[-1]
        delivery = getattr(request, "delivery", None)
        known = {} if delivery is None else details_of(delivery)
        return {**known, "job_id": request.id, "task": task.name}


class Logging:
    """The log of a worker or a beat.

    Args:
        app: whose settings ``worker_log_format`` and their like are meant.

    Attributes:
        already_setup: whether it was set up in this process.
    """

    already_setup = False

    def __init__(self, app: Celery) -> None:
        self.app = app

    @property
    def loglevel(self) -> int:
        """What counts when nobody says."""
        return logging.WARNING

    @property
    def format(self) -> str:
        """The setting ``worker_log_format``."""
        return str(self.app.conf.worker_log_format)

    @property
    def task_format(self) -> str:
        """The setting ``worker_task_log_format``."""
        return str(self.app.conf.worker_task_log_format)

    @property
    def colorize(self) -> bool | None:
        """The setting ``worker_log_color``."""
        value: bool | None = self.app.conf.worker_log_color
        return value

    def setup(
        self,
        loglevel: Any = None,
        logfile: Any = None,
        redirect_stdouts: bool = False,
        redirect_level: Any = "WARNING",
        colorize: bool | None = None,
        hostname: str | None = None,
    ) -> Any:
        """Set up the loggers, and standard output and error with `redirect_stdouts`.

        Args:
            loglevel: a name or a number.
            logfile: a path, with ``%n``, ``%h``, ``%p``, ``%d``, ``%i`` and ``%I``; a file; None
                for standard error.

        Returns:
            What receivers of `setup_logging` returned; when there are any, nothing else is done.
        """
        level = mlevel(loglevel)
        handled = self.setup_logging_subsystem(level, logfile, colorize=colorize, hostname=hostname)
        if not handled and redirect_stdouts:
            self.redirect_stdouts(redirect_level)
        os.environ["CELERY_LOG_LEVEL"] = str(level or "")
        os.environ["CELERY_LOG_FILE"] = str(logfile or "")
        return handled

    def setup_logging_subsystem(
        self,
        loglevel: Any = None,
        logfile: Any = None,
        format: str | None = None,
        colorize: bool | None = None,
        hostname: str | None = None,
        datefmt: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """The loggers alone; see `setup`. A second call does nothing."""
        if self.already_setup:
            return []
        self.already_setup = True
        level = mlevel(loglevel) or self.loglevel
        if isinstance(logfile, str):
            logfile = log_path(logfile, hostname)
        given = {
            "loglevel": level,
            "logfile": logfile,
            "format": format or self.format,
            "colorize": self.supports_color(colorize, logfile),
        }
        handled = signals.setup_logging.send(sender=None, **given)
        if handled:
            return handled
        root = logging.getLogger()
        if self.app.conf.worker_hijack_root_logger:
            root.handlers[:] = []
        base_logger.handlers[:] = []
        root.setLevel(level)
        datefmt = datefmt or self.app.conf.worker_log_datefmt
        self.setup_handlers(root, formatter=ColorFormatter, datefmt=datefmt, **given, **kwargs)
        signals.after_setup_logger.send(sender=None, logger=root, **given)
        self.setup_task_loggers(level, logfile, colorize=colorize, **kwargs)
        return []

    def setup_task_loggers(
        self,
        loglevel: Any = None,
        logfile: Any = None,
        format: str | None = None,
        colorize: bool | None = None,
        propagate: bool = False,
        datefmt: str | None = None,
        **kwargs: Any,
    ) -> logging.Logger:
        """The logger above all that `get_task_logger` gives."""
        given = {
            "loglevel": mlevel(loglevel) or self.loglevel,
            "logfile": logfile,
            "format": format or self.task_format,
            "colorize": self.supports_color(colorize, logfile),
        }
        datefmt = datefmt or self.app.conf.worker_task_log_datefmt
        task_logger.handlers[:] = []
        self.setup_handlers(
            task_logger, formatter=TaskFormatter, datefmt=datefmt, **given, **kwargs
        )
        task_logger.setLevel(given["loglevel"])
        task_logger.propagate = propagate
        signals.after_setup_task_logger.send(sender=None, logger=task_logger, **given)
        return task_logger

    def setup_handlers(
        self,
        logger: logging.Logger,
        logfile: Any,
        format: str,
        colorize: bool | None,
        formatter: type[ColorFormatter] = ColorFormatter,
        datefmt: str | None = None,
        **kwargs: Any,
    ) -> logging.Logger:
        """Give a logger that has none a handler for that file."""
        if any(not isinstance(each, logging.NullHandler) for each in logger.handlers):
            return logger
        handler = _handler(logfile)
        if format == JSON:
            handler.setFormatter(JsonFormatter(hidden=_HIDDEN))
        else:
            handler.setFormatter(formatter(format, bool(colorize), datefmt))
        handler.addFilter(TaskFields())
        logger.addHandler(handler)
        return logger

    def supports_color(self, colorize: bool | None = None, logfile: Any = None) -> bool:
        """Whether lines should be coloured: on a terminal, unless the settings say otherwise."""
        colorize = self.colorize if colorize is None else colorize
        if isinstance(logfile, str):
            return False
        if colorize is None:
            stream = logfile or sys.__stderr__
            return "NO_COLOR" not in os.environ and bool(stream and stream.isatty())
        return colorize

    def redirect_stdouts(self, loglevel: Any = None, name: str = _REDIRECTED) -> None:
        """What is printed from now on is logged by that logger."""
        self.redirect_stdouts_to_logger(get_logger(name), loglevel=loglevel)
        os.environ["CELERY_LOG_REDIRECT"] = "1"
        os.environ["CELERY_LOG_REDIRECT_LEVEL"] = str(loglevel or "")

    def redirect_stdouts_to_logger(
        self,
        logger: logging.Logger,
        loglevel: Any = None,
        stdout: bool = True,
        stderr: bool = True,
    ) -> LoggingProxy:
        """The same for a logger of yours."""
        proxy = LoggingProxy(logger, loglevel)
        if stdout:
            sys.stdout = proxy
        if stderr:
            sys.stderr = proxy
        return proxy

    def get_default_logger(self, name: str = "celery", **kwargs: Any) -> logging.Logger:
        """A logger below ``celery``."""
        return get_logger(name)


@dataclass(frozen=True)
class LogSettings:
    """How a worker's processes set up their log; can be sent to a child.

    Args:
        loglevel, logfile, colorize, hostname: as `Logging.setup`.
        format: instead of the formats of the settings; ``json`` for a JSON object a line.
    """

    loglevel: Any = None
    logfile: str | None = None
    colorize: bool | None = None
    hostname: str | None = None
    format: str | None = None

    def set_up(self, app: Celery) -> None:
        """Set up this process' log."""
        conf = app.conf
        if self.format is not None:
            conf.worker_log_format = conf.worker_task_log_format = self.format
        app.log.setup(
            self.loglevel,
            self.logfile,
            bool(conf.worker_redirect_stdouts),
            conf.worker_redirect_stdouts_level,
            self.colorize,
            self.hostname,
        )

    def set_up_child(self, app: Celery) -> None:
        """The same in a child process, which may be a copy of one that has set up its own."""
        app.log.already_setup = False
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
        if _has_index(self.logfile):
            for logger in (logging.getLogger(), task_logger):
                logger.handlers[:] = []
        self.set_up(app)


def log_path(pattern: str, hostname: str | None) -> str:
    """The path that a pattern stands for in this process: ``%n`` and ``%h`` as in names of workers,
    ``%p`` the whole name, ``%i`` the number of the child, ``%I`` the same after a dash, and nothing
    in the worker itself.
    """
    index = current_process_index() or 0
    return node_format(pattern, hostname or "", i=str(index), I=f"-{index}" if index else "")


def _has_index(pattern: str | None) -> bool:
    return pattern is not None and ("%i" in pattern or "%I" in pattern)


def _handler(logfile: Any) -> logging.Handler:
    if logfile is None:
        return logging.StreamHandler(sys.__stderr__)
    if hasattr(logfile, "write"):
        return logging.StreamHandler(logfile)
    return logging.handlers.WatchedFileHandler(logfile, encoding="utf-8")
