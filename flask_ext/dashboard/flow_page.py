"""A flow: the jobs above and below one of them, over all its queues."""

from __future__ import annotations

from flask import Response

from bullrush.core import FlowProducer, Job, Queue
from bullrush.core.calls import Batch, run
from bullrush.core.errors import InvalidQueueName
from bullrush.core.keys import split_base, split_job_key
from bullrush.core.planting import JobNode

from ..access.guarding import needs
from ..access.roles import Role
from ..binding import current_binding
from .flow_tree import HEIGHT, WIDTH, drawn, nodes_of
from .looking import is_job_id
from .page import asked, missing, page
from .queue_page import find_queue

#: Levels that are climbed up and shown below, and children of each kind that are shown of each job.
UP, DEPTH, CHILDREN = 20, 12, 25


@needs(Role.READ)
def flow() -> Response:
    """The whole tree that a job belongs to."""
    binding = current_binding()
    queue, job_id = find_queue(asked("queue")), asked("id")
    start = queue.get_job(job_id) if queue is not None and is_job_id(job_id) else None
    if start is None:
        return missing(f"There is no job {job_id!r} in {asked('queue')!r}")
    root = _topmost(start)
    flows = FlowProducer(driver=binding.driver, prefix=root.prefix)
    tree = flows.get_flow(root.queue_name, root.id, depth=DEPTH, max_children=CHILDREN)
    if tree is None:
        return missing(f"The job {root.id!r} has gone")
    states = states_of(tree)
    return page(
        "flow.html",
        f"Flow of {root.name}",
        root_job=root,
        start=start,
        picture=drawn(tree, states),
        nodes=nodes_of(tree),
        states=states,
        box=(WIDTH, HEIGHT),
        limits=(DEPTH, CHILDREN),
    )


def states_of(tree: JobNode) -> dict[str, str]:
    """Key of each job -> its state, asked in one round trip."""
    nodes = nodes_of(tree)
    driver = current_binding().driver
    queues = {
        node.job.base: Queue(node.job.queue_name, driver=driver, prefix=node.job.prefix)
        for node in nodes
    }
    get_state = Queue.get_state.build
    calls = [get_state(queues[node.job.base], node.job.id) for node in nodes]
    states = run(driver, Batch(calls, list))
    return {node.key: state for node, state in zip(nodes, states, strict=True)}


def _topmost(job: Job) -> Job:
    """The root of the flow, as far as its jobs are still there."""
    seen = {job.key}
    for _ in range(UP):
        parent = _parent_of(job)
        if parent is None or parent.key in seen:
            break
        seen.add(parent.key)
        job = parent
    return job


def _parent_of(job: Job) -> Job | None:
    if not job.parent_key:
        return None
    base, parent_id = split_job_key(job.parent_key)
    prefix, name = split_base(base)
    if prefix != current_binding().settings.prefix:
        return None
    try:
        return current_binding().look_at(name).get_job(parent_id)
    except InvalidQueueName:
        return None
