"""The loop of a beat: ask the scheduler, wait, ask again."""

from __future__ import annotations

import logging
import threading
from functools import cached_property
from importlib import import_module
from typing import Any

from bullrush.core.errors import ConnectionFailed

from .. import signals
from ..app.importing import imported
from ..exceptions import ImproperlyConfigured
from .leading import LEASE_MS, Lead
from .persistent import PersistentScheduler
from .scheduler import Scheduler

logger = logging.getLogger("celery.beat")

#: s between two tries while Redis does not answer, and between two questions who leads.
_RETRY = 5.0


class Service:
    """Runs a scheduler until it is stopped.

    Args:
        app: the application.
        max_interval: s between two looks at the schedule, at most.
        schedule_filename: given to the scheduler.
        scheduler_cls: a class or the path of one; else the setting ``beat_scheduler``.
        remote_control, hostname: accepted.
    """

    scheduler_cls: Any = PersistentScheduler

    def __init__(
        self,
        app: Any,
        max_interval: float | None = None,
        schedule_filename: str | None = None,
        scheduler_cls: Any = None,
        remote_control: bool | None = None,
        hostname: str | None = None,
    ) -> None:
        self.app = app
        self.max_interval = max_interval or app.conf.beat_max_loop_interval
        self.schedule_filename = schedule_filename or app.conf.beat_schedule_filename
        self.scheduler_cls = scheduler_cls or app.conf.beat_scheduler or self.scheduler_cls
        self.hostname = hostname
        self._is_shutdown = threading.Event()
        self._is_stopped = threading.Event()
        self._led = True

    def start(self, embedded_process: bool = False) -> None:
        """Run until `stop` is called by another thread or a signal handler.

        Args:
            embedded_process: this beat is part of a worker.

        Raises:
            ImproperlyConfigured: the scheduler's class cannot be found.
        """
        kind = self._class  # a wrong name is told before anybody hears of this beat
        logger.info("beat: Starting...")
        logger.debug("beat: the scheduler is %s", kind)
        if embedded_process:
            signals.beat_embedded_init.send(sender=self)
        signals.beat_init.send(sender=self)
        try:
            while not self._is_shutdown.is_set():
                self._is_shutdown.wait(self._turn())
        finally:
            self._leave()
            self._is_stopped.set()

    def _turn(self) -> float:
        """Do what is due, and say for how many s there is nothing to do."""
        try:
            if not self._leads():
                return _RETRY
            pause: float = self.scheduler.tick()
            if self.scheduler.should_sync():
                self.scheduler._do_sync()
        except ConnectionFailed as error:
            logger.error("beat: %s; trying again in %s s", error, _RETRY)
            return _RETRY
        if pause > 0:
            logger.debug("beat: Waking up in %.2f seconds.", pause)
        return min(pause, LEASE_MS / 3000) if self._alone else pause

    def _leads(self) -> bool:
        """Whether this beat is the one that sends."""
        leads = not self._alone or self._lead.take()
        if leads != self._led:
            logger.info("beat: %s", "this beat sends now" if leads else "another beat sends")
            self._led = leads
        return leads

    def stop(self, wait: bool = False) -> None:
        """End the loop.

        Args:
            wait: until it has ended.
        """
        logger.info("beat: Shutting down...")
        self._is_shutdown.set()
        if wait:
            self._is_stopped.wait()

    def sync(self) -> None:
        """Have the scheduler write what must outlive this process."""
        if "scheduler" in vars(self):
            self.scheduler.close()

    def get_scheduler(self, lazy: bool = False) -> Scheduler:
        """Make the scheduler.

        Args:
            lazy: for looking at it only.
        """
        made: Scheduler = self._class(
            app=self.app,
            schedule_filename=self.schedule_filename,
            max_interval=self.max_interval,
            lazy=lazy,
        )
        return made

    @cached_property
    def scheduler(self) -> Scheduler:
        """The scheduler, made when it is first asked for."""
        return self.get_scheduler()

    @cached_property
    def _class(self) -> type[Scheduler]:
        named = self.scheduler_cls
        return _find_class(named) if isinstance(named, str) else named

    @cached_property
    def _alone(self) -> bool:
        """Whether only one of several beats is to run that scheduler."""
        return bool(getattr(self._class, "alone", True))

    @cached_property
    def _lead(self) -> Lead:
        kind = self._class
        filename = self.schedule_filename
        return Lead(self.app, f"{self.app.main}:{kind.__module__}.{kind.__qualname__}:{filename}")

    def _leave(self) -> None:
        try:
            self.sync()
            if self._alone:
                self._lead.leave()
        except ConnectionFailed as error:
            logger.error("beat: %s", error)


class EmbeddedService:
    """A beat in a thread of its own, for ``worker -B``. Arguments as those of `Service`."""

    def __init__(self, app: Any, max_interval: float | None = None, **kwargs: Any) -> None:
        kwargs.pop("thread", None)
        self.service = Service(app, max_interval=max_interval, **kwargs)
        self._thread = threading.Thread(target=self._run, name="bullrush-beat", daemon=True)

    def start(self) -> None:
        """Start it."""
        self._thread.start()

    def _run(self) -> None:
        try:
            self.service.start(embedded_process=True)
        except Exception:
            logger.exception("beat: the schedule of this worker has ended")

    def stop(self, timeout: float = 5.0) -> None:
        """End it; waits at most `timeout` s."""
        self.service.stop()
        if self._thread.is_alive():
            self._thread.join(timeout)


def _find_class(path: str) -> type[Scheduler]:
    """The class of a dotted path, or of the entry point of that name; Celery's paths are ours."""
    own = (
        path.replace("celery.beat", f"{__package__}", 1) if path.startswith("celery.beat") else path
    )
    try:
        found: type[Scheduler] = imported(own) if ":" in own or "." in own else _entry_point(own)
    except (ImportError, AttributeError, LookupError) as error:
        raise ImproperlyConfigured(f"there is no scheduler {path!r}: {error}") from error
    return found


def _entry_point(name: str) -> type[Scheduler]:
    metadata = import_module("importlib.metadata")  # slow to import, and seldom needed
    for each in metadata.entry_points(group="celery.beat_schedulers"):
        if each.name == name:
            found: type[Scheduler] = each.load()
            return found
    raise LookupError("no entry point of celery.beat_schedulers has that name")
