"""What is known of tasks and workers, made from events: ``celery.events.state``."""

from __future__ import annotations

import threading
from bisect import insort
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeAlias, TypeVar
from weakref import WeakSet, ref

from .task_record import TASK_EVENT_TO_STATE as TASK_EVENT_TO_STATE
from .task_record import Task as Task
from .worker_record import HEARTBEAT_DRIFT_MAX as HEARTBEAT_DRIFT_MAX
from .worker_record import HEARTBEAT_EXPIRE_WINDOW as HEARTBEAT_EXPIRE_WINDOW
from .worker_record import Worker as Worker
from .worker_record import heartbeat_expires as heartbeat_expires

__all__ = ("State", "Task", "Worker", "heartbeat_expires")

#: Inside `State` their names are its attributes.
_Task: TypeAlias = Task
_Worker: TypeAlias = Worker
T = TypeVar("T")
Received = tuple[tuple[Any, bool], str]


class Bounded(OrderedDict[str, T]):
    """A dict that forgets what was not used for the longest time.

    Args:
        limit: how many it keeps.
    """

    def __init__(self, limit: int | None = None) -> None:
        super().__init__()
        self.limit = limit

    def __getitem__(self, key: str) -> T:
        value = super().__getitem__(key)
        self.move_to_end(key)
        return value

    def __setitem__(self, key: str, value: T) -> None:
        super().__setitem__(key, value)
        while self.limit is not None and len(self) > self.limit:
            del self[next(iter(self))]

    def peek(self, key: str) -> T | None:
        """A value, not counted as a use."""
        return OrderedDict.__getitem__(self, key) if key in self else None

    def get(self, key: str, default: Any = None) -> Any:
        """See `dict`."""
        try:
            return self[key]
        except KeyError:
            return default

    def __reduce__(self) -> Any:
        return Bounded, (self.limit,), None, None, iter(list(self.items()))


class By(defaultdict[str, "WeakSet[Task]"]):
    """The tasks of each name or worker: ``state.tasks_by_type["add"]``, or called, with their ids
    and the latest first: ``state.tasks_by_type("add", limit=10)``.
    """

    def __init__(self, ordered: Callable[..., Iterator[tuple[str, Task]]]) -> None:
        super().__init__(WeakSet)
        self._ordered = ordered

    def __call__(
        self, name: str, limit: int | None = None, reverse: bool = True
    ) -> Iterator[tuple[str, Task]]:
        """(id, task) of those of that name."""
        return islice(self._ordered(name, reverse), 0, limit)


class State:
    """Tasks and workers, as far as the events tell of them; safe for several threads.

    Args:
        callback: called with this state and each event.
        workers, tasks: what is known already, by name and by id.
        max_workers_in_memory, max_tasks_in_memory: how many are kept.
        on_node_join, on_node_leave: called with a `Worker` that is new or says it is there, or
            leaves; one that left is forgotten then.

    Attributes:
        event_count, task_count: how many there were, and how many of them were ``task-received``.
        tasks, workers: by id, and by name.
        tasks_by_type, tasks_by_worker: by name, see `By`.
    """

    Worker = Worker
    Task = Task
    event_count = 0
    task_count = 0
    heap_multiplier = 4

    def __init__(
        self,
        callback: Callable[[State, dict[str, Any]], Any] | None = None,
        workers: Mapping[str, _Worker] | None = None,
        tasks: Mapping[str, _Task] | None = None,
        taskheap: Iterable[Any] | None = None,
        max_workers_in_memory: int = 5000,
        max_tasks_in_memory: int = 10000,
        on_node_join: Callable[[_Worker], Any] | None = None,
        on_node_leave: Callable[[_Worker], Any] | None = None,
        tasks_by_type: Mapping[str, Iterable[_Task]] | None = None,
        tasks_by_worker: Mapping[str, Iterable[_Task]] | None = None,
    ) -> None:
        self.event_callback = callback
        self.workers: Bounded[_Worker] = Bounded(max_workers_in_memory)
        self.tasks: Bounded[_Task] = Bounded(max_tasks_in_memory)
        self.workers.update(workers or {})
        self.tasks.update(tasks or {})
        for task in self.tasks.values():
            task.cluster_state = self
        self.max_workers_in_memory, self.max_tasks_in_memory = (
            max_workers_in_memory,
            max_tasks_in_memory,
        )
        self.on_node_join, self.on_node_leave = on_node_join, on_node_leave
        self._mutex = threading.RLock()
        self._heap: list[tuple[Any, ...]] = []
        self._most_in_heap = max_tasks_in_memory * self.heap_multiplier
        self._children_of: dict[str, WeakSet[_Task]] = {}
        self.tasks_by_type, self.tasks_by_worker = By(self._of_type), By(self._of_worker)
        for known, given in (
            (self.tasks_by_type, tasks_by_type),
            (self.tasks_by_worker, tasks_by_worker),
        ):
            known.update({name: WeakSet(each) for name, each in (given or {}).items()})
        self.rebuild_taskheap()

    # -- taking events in --

    def event(self, event: dict[str, Any]) -> Received | None:
        """Take in an event.

        Returns:
            ``((the task or worker, whether it is new), what comes after the dash)``; None for
            events of other kinds.
        """
        with self._mutex:
            return self._event(event)

    def task_event(self, type_: str, fields: dict[str, Any]) -> Any:
        """Take in ``task-`` with that."""
        received = self.event({**fields, "type": f"task-{type_}"})
        return received and received[0]

    def worker_event(self, type_: str, fields: dict[str, Any]) -> Any:
        """Take in ``worker-`` with that."""
        received = self.event({**fields, "type": f"worker-{type_}"})
        return received and received[0]

    def _event(self, event: dict[str, Any]) -> Received | None:
        self.event_count += 1
        if self.event_callback is not None:
            self.event_callback(self, event)
        group, _, subject = event["type"].partition("-")
        if group == "worker":
            return self._worker_event(subject, event), subject
        if group == "task":
            return self._task_event(subject, event), subject
        return None

    def _worker_event(self, subject: str, event: dict[str, Any]) -> tuple[_Worker, bool]:
        name = event["hostname"]
        worker, created = self.workers.get(name), False
        if worker is None:
            worker, created = self.Worker(name), subject != "offline"
        worker.event(subject, event.get("timestamp"), event.get("local_received"), event)
        if created:
            self.workers[name] = worker
        if (created or subject == "online") and self.on_node_join is not None:
            self.on_node_join(worker)
        if subject == "offline" and self.on_node_leave is not None:
            self.on_node_leave(worker)
            self.workers.pop(name, None)
        return worker, created

    def _task_event(self, subject: str, event: dict[str, Any]) -> tuple[_Task, bool]:
        task, created = self.get_or_create_task(event["uuid"])
        hostname = event["hostname"]
        if subject == "sent":
            task.client = hostname
        else:
            worker, _ = self.get_or_create_worker(hostname)
            task.worker = worker
            worker.event(None, event.get("local_received"), event.get("timestamp"))
            self.tasks_by_worker[hostname].add(task)
        self.task_count += subject == "received"
        name = event.get("name")
        if name is not None and name != task.name:
            self.tasks_by_type[name].add(task)
        task.event(subject, event.get("timestamp"), event.get("local_received"), event)
        self._place(task, event)
        self._tell_parent(task)
        return task, created

    def _place(self, task: _Task, event: Mapping[str, Any]) -> None:
        """Put a task among the others in order of time."""
        place = (event.get("clock", 0), event.get("timestamp") or 0.0, str(task.origin), id(task))
        if len(self._heap) + 1 > self._most_in_heap:
            del self._heap[0]
        insort(self._heap, (*place, ref(task)))

    def _tell_parent(self, task: _Task) -> None:
        if task.parent_id:
            parent = self.tasks.get(task.parent_id)
            if parent is None:
                self._children_of.setdefault(task.parent_id, WeakSet()).add(task)
            else:
                parent.children.add(task)
        waiting = self._children_of.pop(str(task.uuid), ())
        task.children.update(waiting)

    def get_or_create_worker(self, hostname: str, **kwargs: Any) -> tuple[_Worker, bool]:
        """(the worker of that name, whether it is new), with these fields."""
        if hostname in self.workers:
            worker = self.workers[hostname]
            worker.update(kwargs)
            return worker, False
        worker = self.workers[hostname] = self.Worker(hostname, **kwargs)
        return worker, True

    def get_or_create_task(self, uuid: str) -> tuple[_Task, bool]:
        """(the task of that id, whether it is new)."""
        known = self.tasks.peek(uuid)
        if known is not None:
            return known, False
        task = self.tasks[uuid] = self.Task(uuid, cluster_state=self)
        return task, True

    # -- looking --

    def itertasks(self, limit: int | None = None) -> Iterator[tuple[str, _Task]]:
        """(id, task), in the order in which they were last used."""
        return islice(list(self.tasks.items()), 0, limit or None)

    def tasks_by_time(
        self, limit: int | None = None, reverse: bool = True
    ) -> Iterator[tuple[str, _Task]]:
        """(id, task), the latest first."""
        return islice(self._ordered(reverse), 0, limit)

    tasks_by_timestamp = tasks_by_time

    def _ordered(self, reverse: bool) -> Iterator[tuple[str, _Task]]:
        heap, seen = list(self._heap), set()
        for *_, found in reversed(heap) if reverse else heap:
            task = found()
            if task is not None and task.uuid not in seen:
                seen.add(task.uuid)
                yield task.uuid, task

    def _of_type(self, name: str, reverse: bool = True) -> Iterator[tuple[str, _Task]]:
        return (each for each in self._ordered(reverse) if each[1].name == name)

    def _of_worker(self, hostname: str, reverse: bool = True) -> Iterator[tuple[str, _Task]]:
        for uuid, task in self._ordered(reverse):
            if task.worker is not None and task.worker.hostname == hostname:
                yield uuid, task

    def task_types(self) -> list[str]:
        """The names of all tasks that were seen, sorted."""
        return sorted(self.tasks_by_type)

    def alive_workers(self) -> Iterator[_Worker]:
        """Those that were heard lately."""
        return (each for each in list(self.workers.values()) if each.alive)

    # -- forgetting --

    def freeze_while(self, fun: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Call that while no event is taken in, then forget the tasks that have ended, if
        ``clear_after=True`` is among the arguments.
        """
        clear_after = kwargs.pop("clear_after", False)
        with self._mutex:
            try:
                return fun(*args, **kwargs)
            finally:
                if clear_after:
                    self.clear()

    def clear_tasks(self, ready: bool = True) -> None:
        """Forget the tasks that have ended; with ``ready=False`` all of them."""
        with self._mutex:
            kept = [(k, v) for k, v in self.tasks.items() if ready and not v.ready]
            self.tasks.clear()
            self.tasks.update(kept)
            if not ready:
                self._heap.clear()
                self._children_of.clear()
                self.tasks_by_type.clear()
                self.tasks_by_worker.clear()

    def clear(self, ready: bool = True) -> None:
        """As `clear_tasks`, and forget every worker and every count."""
        with self._mutex:
            self.clear_tasks(ready)
            self.workers.clear()
            self.event_count = self.task_count = 0

    def rebuild_taskheap(self) -> None:
        """Put all tasks in order of time anew."""
        self._heap = []
        for task in self.tasks.values():
            self._place(task, {"clock": task.clock, "timestamp": task.timestamp})

    def __repr__(self) -> str:
        return f"<State: events={self.event_count} tasks={self.task_count}>"

    def __reduce__(self) -> Any:
        given = (
            self.event_callback,
            dict(self.workers),
            dict(self.tasks),
            None,
            self.max_workers_in_memory,
            self.max_tasks_in_memory,
            self.on_node_join,
            self.on_node_leave,
            {name: list(each) for name, each in self.tasks_by_type.items()},
            {name: list(each) for name, each in self.tasks_by_worker.items()},
        )
        return self.__class__, given
