"""A task as the events tell of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakSet

from ..states import PENDING, READY_STATES, RECEIVED, RETRY, precedence

if TYPE_CHECKING:
    from .state import State
    from .worker_record import Worker

#: What an event says has happened -> the state it leads to.
TASK_EVENT_TO_STATE = {
    "sent": PENDING,
    "received": RECEIVED,
    "started": "STARTED",
    "failed": "FAILURE",
    "retried": RETRY,
    "succeeded": "SUCCESS",
    "revoked": "REVOKED",
    "rejected": "REJECTED",
}


class Task:
    """What is known of a task: the fields of its events; ``received``, ``started`` and so on are
    when that was, Unix s.

    Attributes:
        worker: what runs it.
        client: what has sent it, when that is known.
        children: tasks that it sent.
    """

    name: str | None = None
    state = PENDING
    received: float | None = None
    sent: float | None = None
    started: float | None = None
    rejected: float | None = None
    succeeded: float | None = None
    failed: float | None = None
    retried: float | None = None
    revoked: float | None = None
    args: str | None = None
    kwargs: str | None = None
    eta: str | None = None
    expires: str | None = None
    retries: int | None = None
    worker: Worker | None = None
    result: str | None = None
    exception: str | None = None
    timestamp: float | None = None
    runtime: float | None = None
    traceback: str | None = None
    exchange: str | None = None
    routing_key: str | None = None
    root_id: str | None = None
    parent_id: str | None = None
    client: str | None = None
    clock = 0

    _fields = (
        "uuid",
        "name",
        "state",
        *TASK_EVENT_TO_STATE,
        "args",
        "kwargs",
        "eta",
        "expires",
        "retries",
        "worker",
        "result",
        "exception",
        "timestamp",
        "runtime",
        "traceback",
        "exchange",
        "routing_key",
        "clock",
        "client",
        "root",
        "root_id",
        "parent",
        "parent_id",
        "children",
    )
    _info_fields = (
        "args",
        "kwargs",
        "retries",
        "result",
        "eta",
        "runtime",
        "expires",
        "exception",
        "exchange",
        "routing_key",
        "root_id",
        "parent_id",
    )
    #: What a late event of such a state may still say of a task that is further on.
    merge_rules: ClassVar[dict[str, tuple[str, ...]]] = {
        RECEIVED: (
            "name",
            "args",
            "kwargs",
            "parent_id",
            "root_id",
            "retries",
            "eta",
            "expires",
        )
    }

    def __init__(
        self,
        uuid: str | None = None,
        cluster_state: State | None = None,
        children: Iterable[Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.uuid, self.cluster_state = uuid, cluster_state
        self.children: WeakSet[Task] = WeakSet()
        if cluster_state is not None:
            self.children.update(
                cluster_state.tasks[each] if isinstance(each, str) else each
                for each in children or ()
                if not isinstance(each, str) or each in cluster_state.tasks
            )
        self.__dict__.update(kwargs)

    def event(
        self,
        type_: str,
        timestamp: float | None = None,
        local_received: float | None = None,
        fields: Mapping[str, Any] | None = None,
    ) -> None:
        """Take in an event. One that comes after others that lead further does not take the state
        back.

        Args:
            type_: what comes after ``task-``.
            timestamp: when it happened, Unix s.
            fields: of the event.
        """
        told = dict(fields or {})
        state = TASK_EVENT_TO_STATE.get(type_)
        if state is None:
            state = type_.upper()
        else:
            setattr(self, type_, timestamp)
        is_late = precedence(state) > precedence(self.state)
        if is_late and RETRY not in (state, self.state):
            kept = self.merge_rules.get(state)
            told = told if kept is None else {each: told[each] for each in kept if each in told}
        else:
            told.update(state=state, timestamp=timestamp)
        self.__dict__.update(told)

    def info(
        self, fields: Iterable[str] | None = None, extra: Iterable[str] | None = None
    ) -> dict[str, Any]:
        """Those of these fields that are known."""
        names = [*(self._info_fields if fields is None else fields), *(extra or ())]
        return {each: value for each in names if (value := getattr(self, each, None)) is not None}

    def as_dict(self) -> dict[str, Any]:
        """Every field; other tasks as their ids."""
        shown = {each: getattr(self, each) for each in self._fields}
        return {
            **shown,
            "root": self.root_id,
            "parent": self.parent_id,
            "children": [each.id for each in self.children],
        }

    @property
    def id(self) -> str | None:
        """As `uuid`."""
        return self.uuid

    @property
    def origin(self) -> str | None:
        """The worker that runs it, else what has sent it."""
        return self.client if self.worker is None else self.worker.id

    @property
    def ready(self) -> bool:
        """Whether it has ended."""
        return self.state in READY_STATES

    @property
    def parent(self) -> Task | None:
        """The task that sent it, if it is known."""
        return self._other(self.parent_id)

    @property
    def root(self) -> Task | None:
        """The first task of its tree, if it is known."""
        return self._other(self.root_id)

    def _other(self, uuid: str | None) -> Task | None:
        if uuid is None or self.cluster_state is None:
            return None
        return self.cluster_state.tasks.peek(uuid)

    def __reduce__(self) -> Any:
        known = {k: v for k, v in self.__dict__.items() if k not in ("cluster_state", "children")}
        return _rebuilt, (self.__class__, known)

    def __eq__(self, other: object) -> bool:
        return self.uuid == other.uuid if isinstance(other, Task) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.uuid)

    def __repr__(self) -> str:
        return f"<Task: {self.name}({self.uuid}) {self.state} clock:{self.clock}>"


def _rebuilt(kind: type[Task], known: dict[str, Any]) -> Task:
    return kind(**known)
