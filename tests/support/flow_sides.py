"""One way to say what either side does to flows, Python or a Node process."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from bullrush.core import Completed, FlowProducer, Job, Queue
from bullrush.core.delivery import Delivery
from bullrush.core.drivers import Driver
from bullrush.core.errors import JobError, JobLocked
from bullrush.core.outcome import decide
from bullrush.core.worker import Worker
from tests.support.node_peer import NodeError, NodePeer
from tests.support.stored import Stored
from tests.support.trips import Hands

Flow = dict[str, Any]


class Refused(Exception):
    """Either side said no; `code` is BullMQ's number."""

    def __init__(self, code: int | None) -> None:
        super().__init__(f"code {code}")
        self.code = code


class Side(Protocol):
    """One language: what it can do to the queues of a test."""

    def add_flow(self, flow: Flow) -> None: ...
    def add(self, queue: str, job_id: str, **opts: Any) -> None: ...
    def finish(self, delivery: Delivery, *, fails: str = "") -> None: ...
    def call(self, queue: str, job_id: str, what: str) -> Any: ...
    def wait_for_children(self, delivery: Delivery) -> bool: ...
    def start(self, *queues: str) -> None: ...


class PythonSide:
    """Python, through the public operations."""

    def __init__(self, driver: Driver, start_worker: Callable[..., Worker]) -> None:
        self.driver = driver
        self.start_worker = start_worker

    def _queue(self, name: str) -> Queue:
        return Queue(name, driver=self.driver)

    def add_flow(self, flow: Flow) -> None:
        with refusals():
            FlowProducer(driver=self.driver).add(flow)

    def add(self, queue: str, job_id: str, **opts: Any) -> None:
        with refusals():
            self._queue(queue).add(job_id, job_id=job_id, **opts)

    def finish(self, delivery: Delivery, *, fails: str = "") -> None:
        hands = Hands(delivery.queue)
        outcome = decide(delivery.job, ValueError(fails)) if fails else Completed("done")
        code = hands.commit(delivery, outcome)
        if code:
            raise Refused(code)

    def call(self, queue: str, job_id: str, what: str) -> Any:
        acts: dict[str, Callable[[str], Any]] = {
            "getChildrenValues": self._queue(queue).get_children_values,
            "removeUnprocessedChildren": self._queue(queue).remove_unprocessed_children,
            "remove": self._remove(queue),
            "retry failed": lambda each: self._queue(queue).retry_job(each, "failed"),
            "retry completed": lambda each: self._queue(queue).retry_job(each, "completed"),
        }
        with refusals():
            return acts[what](job_id)

    def _remove(self, queue: str) -> Callable[[str], int]:
        def remove(job_id: str) -> int:
            try:
                return int(self._queue(queue).remove(job_id))
            except JobLocked:
                return 0

        return remove

    def wait_for_children(self, delivery: Delivery) -> bool:
        with refusals():
            return delivery.queue.move_to_waiting_children(delivery.job.id, delivery.token)

    def start(self, *queues: str) -> None:
        self.start_worker(list(queues), run_member)


class NodeSide:
    """A Node process."""

    def __init__(self, node: NodePeer) -> None:
        self.node = node

    def add_flow(self, flow: Flow) -> None:
        with refusals():
            self.node.request("flowAdd", flow=flow)

    def add(self, queue: str, job_id: str, **opts: Any) -> None:
        with refusals():
            opts["jobId"] = job_id
            self.node.request("add", queue=queue, name=job_id, data={}, opts=opts)

    def finish(self, delivery: Delivery, *, fails: str = "") -> None:
        where = {"queue": delivery.queue.name, "jobId": delivery.job.id}
        with refusals():
            if fails:
                self.node.request("failJob", **where, token=delivery.token, message=fails)
            else:
                args = ["done", delivery.token, False]
                self.node.request("callJob", **where, method="moveToCompleted", args=args)

    def call(self, queue: str, job_id: str, what: str) -> Any:
        with refusals():
            if what == "remove":
                return self.node.request("remove", queue=queue, jobId=job_id)
            method, _, argument = what.partition(" ")
            args = [argument] if argument else []
            return self.node.request("callJob", queue=queue, jobId=job_id, method=method, args=args)

    def wait_for_children(self, delivery: Delivery) -> bool:
        where = {"queue": delivery.queue.name, "jobId": delivery.job.id}
        args = [delivery.token]
        with refusals():
            return bool(
                self.node.request("callJob", **where, method="moveToWaitingChildren", args=args)
            )

    def start(self, *queues: str) -> None:
        for queue in queues:
            self.node.request("startWorker", queue=queue, handler="family")


@contextlib.contextmanager
def refusals() -> Iterator[None]:
    """Errors of either side as one."""
    try:
        yield
    except JobError as error:
        raise Refused(error.code) from error
    except NodeError as error:
        raise Refused(error.code) from error


def run_member(delivery: Delivery) -> Any:
    """The handler that peer.js calls `family`."""
    delivery.log("ran")
    if delivery.data.get("fails"):
        raise ValueError(delivery.data["fails"])
    values = delivery.queue.get_children_values(delivery.job.id)
    return {"own": delivery.data.get("own"), "values": values}


def job(job_id: str, place: Stored, *children: Flow, data: Any = None, **opts: Any) -> Flow:
    """A job of a flow in the shape that both sides take."""
    flow: Flow = {"name": job_id, "queueName": place.keys.queue, "data": data or {}}
    return {**flow, "opts": {**opts, "jobId": job_id}, "children": list(children)}


def take(place: Stored) -> Delivery:
    """The next job, for either side to end: a token is a token."""
    (delivery,) = Hands(Queue(place.keys.queue, driver=place.driver)).take()
    return delivery


def seen(place: Stored, job_id: str) -> Job:
    """A job as it is now."""
    found = Queue(place.keys.queue, driver=place.driver).get_job(job_id)
    assert found is not None
    return found


def state(place: Stored, job_id: str) -> str:
    """The state of a job."""
    return Queue(place.keys.queue, driver=place.driver).get_state(job_id)


def spelled(side: Side, **options: Any) -> dict[str, Any]:
    """Options of `add` in the side's own spelling."""
    if isinstance(side, NodeSide):
        return options
    return {{"failParentOnFailure": "fail_parent_on_failure"}[key]: options[key] for key in options}
