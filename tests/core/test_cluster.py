"""A Redis Cluster of real processes."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import pytest

from bullrush import Celery
from bullrush.core import (
    AsyncQueue,
    AsyncQueueEvents,
    BulkJob,
    FlowJob,
    FlowProducer,
    Queue,
    QueueEvents,
)
from bullrush.core.drivers import connect, connect_async, open_client
from bullrush.core.drivers.slots import slot_of
from bullrush.core.environment import key_prefix
from bullrush.core.environment import redis_url as find_url
from bullrush.core.errors import BullrushError, ConnectionFailed, InvalidOption, ServerError
from bullrush.core.snapshot import take
from bullrush.core.views import list_queues
from bullrush.core.worker import Worker
from bullrush.core.workers import list_workers
from tests.support.handlers import double
from tests.support.node_peer import VERSIONS, NodePeer
from tests.support.redis_fleets import LONG, Cluster
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(240)
PREFIX = "{bull}"
SLOT = slot_of(PREFIX)


@pytest.fixture(scope="module")
def cluster():
    """Three masters with a replica each."""
    with Cluster() as nodes:
        yield nodes


@pytest.fixture
def url(cluster):
    """Where it is; the first node need not have the slot."""
    return f"redis+cluster://{cluster.hosts}"


def persistently(call):
    """What a call gives once it works; None before."""
    try:
        return call()
    except (ConnectionFailed, ServerError):
        return None


@pytest.mark.row(170, 189)
def test_jobs_run_on_a_cluster_when_the_prefix_has_a_tag(url, queue_name):
    done: list[str] = []
    with Queue(queue_name, url=url, prefix=PREFIX) as queue:
        worker = Worker(
            queue_name, lambda run: done.append(run.job.id), url=url, prefix=PREFIX, pool="threads"
        )
        worker.start()
        for n in range(20):
            queue.add("x", n)
        queue.add("later", delay=50)
        wait_until(lambda: len(done) == 21, 20)
        worker.stop()
        assert queue.get_job_counts("completed")["completed"] == 21


@pytest.mark.row(170)
def test_a_prefix_without_a_tag_is_one_clear_error(url, queue_name):
    with (
        Queue(queue_name, url=url) as queue,
        pytest.raises(InvalidOption, match=r"put the prefix 'bull' into braces, as '\{bull\}'"),
    ):
        queue.add("x")


@pytest.mark.row(170)
def test_the_mode_in_the_environment_forces_the_tag(cluster, queue_name, monkeypatch):
    monkeypatch.setenv("REDIS_URL", f"redis://{cluster.hosts}")
    monkeypatch.setenv("REDIS_CLUSTER_MODE", "true")
    monkeypatch.delenv("BULLRUSH_PREFIX", raising=False)
    assert key_prefix() == "{bull}"
    assert key_prefix("{mine}x") == "{mine}x"
    app = Celery("clustered", set_as_current=False)
    assert app.prefix == "{bull}"
    assert app.queue(queue_name).add("x").id == "1"
    app.close()
    monkeypatch.setenv("REDIS_SENTINEL_NAME", "m")
    with pytest.raises(InvalidOption, match="exclude each other"):
        find_url()


@pytest.mark.row(170, 189)
def test_a_worker_of_several_queues_runs_flows_and_schedules_in_child_processes(url, queue_name):
    names = [f"{queue_name}-{n}" for n in range(2)]
    with ExitStack() as stack:
        queues = [stack.enter_context(Queue(n, url=url, prefix=PREFIX)) for n in names]
        producer = stack.enter_context(FlowProducer(url=url, prefix=PREFIX))
        child = FlowJob("child", names[1], 2)
        producer.add(FlowJob("parent", names[0], 1, children=[child]))
        queues[0].upsert_job_scheduler("often", every=200, name="tick", data=3)
        for queue in queues:
            queue.add_bulk([BulkJob("x", n) for n in range(10)])
        options = {"url": url, "prefix": PREFIX, "pool": "prefork", "concurrency": 2}
        stack.enter_context(Worker(names, double, **options))
        wait_until(lambda: queues[1].get_completed_count() == 11, 40)
        kinds = lambda: {job.name for job in queues[0].get_completed()}  # noqa: E731
        wait_until(lambda: kinds() == {"parent", "tick", "x"}, 40)
        assert len(list_workers(queues[0].driver, queues[0].keys)) == 1
        assert set(list_queues(queues[0].driver, PREFIX)) >= set(names)
        taken = lambda: take(queues[0].driver, PREFIX, names)[1]  # noqa: E731
        assert taken().counts["completed"] == 11
        wait_until(lambda: taken().connected == 1, 40)


@pytest.mark.row(170)
def test_queues_with_tags_of_their_own_are_on_different_nodes(cluster, url, queue_name):
    nodes = [cluster.owner(slot_of("{a}")), cluster.owner(slot_of("{b}"))]
    assert nodes[0] is not nodes[1], "these two tags are on two masters"
    driver = connect(url)
    for tag, node in zip("ab", nodes, strict=True):
        queue = Queue(queue_name, driver=driver, prefix=f"{{{tag}}}")
        queue.add("x")
        assert node.client.exists(f"{{{tag}}}:{queue_name}:1")
        assert queue.get_next_job("token", block=False).id == "1"
    driver.close()


@pytest.mark.row(170)
def test_events_reach_asyncio_on_a_cluster(url, queue_name):
    async def scenario():
        heard = asyncio.Queue()
        async with (
            AsyncQueue(queue_name, url=url, prefix=PREFIX) as queue,
            AsyncQueueEvents(queue_name, url=url, prefix=PREFIX) as events,
        ):
            events.on("waiting", heard.put_nowait)
            await queue.add("x")
            return await asyncio.wait_for(heard.get(), 20)

    assert asyncio.run(scenario()).job_id == "1"


@pytest.mark.row(170)
def test_node_and_python_share_a_queue_on_a_cluster(url, queue_name, node_version):
    done: list[str] = []
    with (
        NodePeer(VERSIONS[node_version][0], url) as node,
        Queue(queue_name, url=url, prefix=PREFIX) as queue,
    ):
        node.request("add", queue=queue_name, prefix=PREFIX, name="of-node", data={"n": 1})
        with Worker(
            queue_name,
            lambda run: done.append(run.job.name),
            url=url,
            prefix=PREFIX,
            pool="threads",
        ):
            wait_until(lambda: done == ["of-node"], 20)
        queue.add("of-python", {"n": 2})
        node.request("startWorker", queue=queue_name, prefix=PREFIX, handler="echo")
        wait_until(lambda: queue.get_job_counts("completed")["completed"] == 2, 20)


def test_tasks_give_results_on_a_cluster(url, queue_name):
    app = Celery("clustered", broker=url, backend=url, set_as_current=False)
    app.conf.task_default_queue = queue_name
    app.conf.bullrush_prefix = PREFIX

    @app.task(name="add")
    def add(x, y):
        return x + y

    from bullrush.contrib.testing.worker import start_worker  # noqa: PLC0415

    with start_worker(app, perform_ping_check=False, pool="threads"):
        assert (add.s(1, 2) | add.s(3)).delay().get(timeout=20) == 6
    app.close()


def test_a_batch_over_several_nodes_comes_back_in_order(url):
    driver = connect(url)
    keys = [f"batch-{n}" for n in range(50)]
    driver.execute_many([("SET", key, key) for key in keys])
    assert driver.execute_many([("GET", key) for key in keys]) == [k.encode() for k in keys]
    assert len({driver.owner(slot_of(key)) for key in keys}) == 3
    pending = [driver.begin(("GET", key)) for key in keys]
    assert [each.wait() for each in pending] == [k.encode() for k in keys]
    driver.close()

    async def the_same():
        driver = connect_async(url)
        replies = await driver.execute_many([("GET", key) for key in keys])
        await driver.close()
        return replies

    assert asyncio.run(the_same()) == [k.encode() for k in keys]


def test_a_slot_that_moves_is_followed(cluster, url):
    key, driver = "moving", connect(url)
    driver.execute(("SET", key, "1"))
    waiting = driver.dedicated("", 30)
    waiting.send([("BZPOPMIN", "{moving}z", 20)])
    move(cluster, slot_of(key), lambda: driver.execute(("SET", key, "2")))
    assert driver.execute(("GET", key)) == b"2"
    assert driver.execute_many([("GET", key)]) == [b"2"]
    [reply] = waiting.receive(1)
    assert isinstance(reply, ServerError)
    assert reply.kind == "TRYAGAIN"
    assert waiting.execute(("GET", key)) == b"2"
    waiting.close()
    driver.close()


def move(cluster: Cluster, slot: int, meanwhile) -> None:
    """Take a slot to another master, key by key, and do something while it has not all moved."""
    source = cluster.owner(slot)
    target = next(
        node
        for node in cluster.nodes
        if node is not source and node.client.info("replication")["role"] == "master"
    )
    ids = {node: node.client.execute_command("CLUSTER MYID") for node in (source, target)}
    ask = [(target, "IMPORTING", ids[source]), (source, "MIGRATING", ids[target])]
    for node, word, other in ask:
        node.client.execute_command("CLUSTER", "SETSLOT", slot, word, other)
    for key in source.client.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 100):
        source.client.execute_command("MIGRATE", "127.0.0.1", target.port, key, 0, 5000)
    meanwhile()
    for node in (target, source):
        node.client.execute_command("CLUSTER", "SETSLOT", slot, "NODE", ids[target])


def test_after_the_node_died_its_replica_is_used_and_no_job_is_lost(url, cluster, queue_name):
    done: set[str] = set()
    events = QueueEvents(queue_name, url=url, prefix=PREFIX).start()
    queue = Queue(queue_name, url=url, prefix=PREFIX)
    worker = Worker(
        queue_name, lambda run: done.add(run.job.id), url=url, prefix=PREFIX, pool="threads"
    )
    acknowledged = {queue.add("early", n).id for n in range(50)}
    worker.start()
    wait_until(lambda: done >= acknowledged, 20)
    queue.pause()
    acknowledged |= {queue.add("held", n).id for n in range(50)}
    node = cluster.owner(SLOT)
    assert node.client.execute_command("WAIT", 1, 10_000) == 1
    node.kill()
    wait_until(lambda: persistently(lambda: queue.add("late", 0)), LONG, "the replica")
    acknowledged |= {queue.add("late", n).id for n in range(50)}
    queue.resume()
    wait_until(lambda: done >= acknowledged, LONG, "every acknowledged job")
    assert len(acknowledged) == 150
    assert cluster.owner(SLOT) is not node
    worker.stop()
    events.close()
    asyncio.run(still_there(url, queue_name, 151))
    queue.close()


async def still_there(url: str, queue_name: str, least: int) -> None:
    """Asyncio finds its way although the first seed may be dead."""
    async with AsyncQueue(queue_name, url=url, prefix=PREFIX) as queue:
        assert (await queue.get_job_counts("completed"))["completed"] >= least


@pytest.mark.row(190)
def test_one_server_taken_for_a_cluster_names_the_remedy(redis_url):
    driver = connect(redis_url.replace("redis://", "redis+cluster://"))
    with pytest.raises(BullrushError, match="leave REDIS_CLUSTER_MODE away"):
        driver.execute(("PING",))


def test_a_client_for_code_that_is_not_ours_finds_the_node_of_a_key(url):
    client, driver = open_client(url), connect(url)
    for key in ("a", "b", "c", "d"):  # of several nodes
        client.set(key, key)
        assert driver.execute(("GET", key)) == key.encode()
    driver.close()
    client.close()
