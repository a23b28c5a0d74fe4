"""The snapshot of all queues, over queues that Node has filled and serves."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bullrush.core import Queue
from bullrush.core.drivers import connect
from bullrush.core.exposition import exposition
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


@pytest.mark.row(26)
def test_prometheus_gets_from_us_what_node_would_export(node, redis_url, queue_name):
    with Queue(queue_name, url=redis_url) as queue:
        queue.add("x", priority=2)
        queue.add("x", delay=60_000)
        node.request("add", queue=queue_name, name="x", data={}, opts={})
        queue.driver.execute(("HSET", queue.keys.metrics_completed, "count", 7))
        theirs = node.request(
            "call", queue=queue_name, method="exportPrometheusMetrics", args=[None]
        )
        ours = exposition(take(queue.driver, "bull", [queue_name])).decode()
    wanted = samples(theirs + "\n")
    if node.version.startswith("5."):  # its state of its own for jobs of paused queues
        paused = ("queue", queue_name), ("state", "paused")
        assert wanted.pop(("bullmq_job_count", paused)) == 0
    assert wanted == {key: v for key, v in samples(ours).items() if key[0].startswith("bullmq")}
    headers = [line for line in theirs.splitlines() if line.startswith("#")]
    assert headers == [
        line for line in ours.splitlines() if line.startswith("#") and "bullmq" in line
    ]


def samples(text):
    """(name, labels) -> value."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def headers(text):
    """What it says of the families."""
    return [line for line in text.splitlines() if line.startswith("#")]
