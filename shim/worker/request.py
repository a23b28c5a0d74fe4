"""What a worker has received: a call of a task, as receivers of `task_received` see it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from bullrush.core.delivery import Delivery

from ..app.from_settings import explicit
from ..exceptions import InvalidTaskError
from ..ids import task_id_of
from ..message import Message, decode
from ..utils.saferepr import saferepr

if TYPE_CHECKING:
    from ..app.base import Celery
    from ..app.task import Task


class Request:
    """A call in the worker's own process. Its arguments are decoded when they are first asked for.

    Attributes:
        id, name: of the task.
        hostname: the worker's name.
        worker_pid: the process that runs it; None while it waits for a slot.
    """

    worker_pid: int | None = None

    def __init__(self, app: Celery, hostname: str, delivery: Delivery) -> None:
        self.app, self.hostname, self.delivery = app, hostname, delivery
        self.id = task_id_of(delivery.job.id)
        self.name = delivery.job.name

    @cached_property
    def message(self) -> Message:
        """The call as it was sent; an empty one when it cannot be read."""
        job = self.delivery.job
        try:
            return decode(job.raw("data"), job.data)
        except (InvalidTaskError, ValueError, RecursionError):
            return Message()

    @property
    def task_id(self) -> str:
        """As `id`."""
        return self.id

    @property
    def task_name(self) -> str:
        """As `name`."""
        return self.name

    @property
    def type(self) -> str:
        """As `name`."""
        return self.name

    @property
    def task(self) -> Task:
        """The task; raises NotRegistered when there is none."""
        return self.app.tasks[self.name]

    @property
    def args(self) -> list[Any]:
        """The positional arguments."""
        return list(self.message.args)

    @property
    def kwargs(self) -> dict[str, Any]:
        """The keyword arguments."""
        return self.message.kwargs

    @property
    def argsrepr(self) -> str:
        """The positional arguments as the log shows them."""
        return self._header("argsrepr") or self._shown(tuple(self.message.args))

    @property
    def kwargsrepr(self) -> str:
        """The keyword arguments as the log shows them."""
        return self._header("kwargsrepr") or self._shown(self.message.kwargs)

    def _shown(self, value: Any) -> str:
        return saferepr(value, 1024, self.app.conf.task_repr_maxlevels)

    @property
    def eta(self) -> str | None:
        """ISO text."""
        return self._header("eta")

    @property
    def expires(self) -> str | None:
        """ISO text."""
        return self._header("expires")

    @property
    def root_id(self) -> str:
        """Id of the first task of its tree."""
        return self._header("root_id") or self.id

    @property
    def parent_id(self) -> str | None:
        """Id of the task that called it."""
        return self._header("parent_id")

    @property
    def correlation_id(self) -> str:
        """As `id`."""
        return self.id

    @property
    def reply_to(self) -> str | None:
        """What the caller gave."""
        return self._header("reply_to")

    @property
    def request_dict(self) -> dict[str, Any]:
        """The headers of the message."""
        return {"id": self.id, "task": self.name, **self.message.headers}

    @property
    def delivery_info(self) -> dict[str, Any]:
        """Where it came from."""
        job = self.delivery.job
        return {"exchange": "", "routing_key": job.queue_name, "priority": job.priority}

    def on_success(self, failed__retval__runtime: tuple[Any, Any, float], **kwargs: Any) -> Any:
        """The run has ended; of one that failed or is retried, goes on to `on_failure`.

        Args:
            failed__retval__runtime: whether it did, the value or the `ExceptionInfo`, and s.
        """
        failed, value, _ = failed__retval__runtime
        return self.on_failure(value, return_ok=True) if failed else None

    def on_failure(
        self, exc_info: Any, send_failed_event: bool = True, return_ok: bool = False
    ) -> None:
        """The run has failed, or is to be retried; for classes of your own (`Task.Request`)."""

    def on_timeout(self, soft: bool, timeout: float | None) -> None:
        """The run has met its time limit; for classes of your own.

        Args:
            timeout: s.
        """

    @property
    def time_start(self) -> float | None:
        """When it was taken, Unix s; None before."""
        moment = self.delivery.job.processed_on
        return None if moment is None else moment / 1000

    def info(self, safe: bool = False) -> dict[str, Any]:
        """What `inspect` shows of it.

        Args:
            safe: arguments as their repr.
        """
        pid = self.worker_pid
        return {
            "id": self.id,
            "name": self.name,
            "args": self.argsrepr if safe else self.args,
            "kwargs": self.kwargsrepr if safe else self.kwargs,
            "type": self.name,
            "hostname": self.hostname,
            "time_start": self.time_start if pid is not None else None,
            "acknowledged": pid is not None and self._starts_once,
            "delivery_info": {**self.delivery_info, "redelivered": self.redelivered},
            "worker_pid": pid,
        }

    @property
    def redelivered(self) -> bool:
        """Whether a worker that had it was lost."""
        return self.delivery.job.stalled_count > 0

    @property
    def _starts_once(self) -> bool:
        task = self.app.tasks.get(self.name)
        return task is not None and explicit(task, "acks_late") is False

    def __repr__(self) -> str:
        return f"<Request: {self.name}[{self.id}] {self.argsrepr} {self.kwargsrepr}>"

    def _header(self, name: str) -> str | None:
        value: str | None = self.message.headers.get(name)
        return value
