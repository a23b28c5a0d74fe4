"""The snapshot of all queues, over queues that Node has filled and serves."""

from __future__ import annotations

from bullrush.core import Queue
from bullrush.core.drivers import connect
from bullrush.core.snapshot import take
from tests.support.waiting import wait_until


def test_what_node_pauses_and_holds_is_counted_as_waiting(node, redis_url, queue_name):
    with Queue(queue_name, url=redis_url) as queue:
        node.request("call", queue=queue_name, method="pause", args=[])
        node.request("add", queue=queue_name, name="x", data={}, opts={})
        (found,) = take(queue.driver, "bull", [queue_name])
    assert found.paused
    assert found.waiting == 1
    assert found.oldest_waiting is not None


def test_node_workers_are_told_from_ours(node, redis_url, queue_name):
    node.request("startWorker", queue=queue_name, handler="echo", concurrency=2, options={})
    driver = connect(redis_url)
    try:
        wait_until(lambda: take(driver, "bull", [queue_name])[0].worker_count == 1)
        (found,) = take(driver, "bull", [queue_name])
        assert (found.other_workers, found.slots, found.workers) == (1, 0, ())
    finally:
        driver.close()
