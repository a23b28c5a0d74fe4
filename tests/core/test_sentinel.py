"""A master that the sentinels watch over, with real processes that die."""

from __future__ import annotations

import asyncio

import pytest

from bullrush import Celery
from bullrush.core import AsyncQueue, Queue
from bullrush.core.drivers import connect, open_client
from bullrush.core.environment import redis_url as find_url
from bullrush.core.errors import AuthenticationFailed, ConnectionFailed, InvalidOption, ServerError
from bullrush.core.worker import Worker
from tests.support.redis_fleets import LONG, MASTER, WatchedMaster
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def watched():
    """A master of this test alone: it is killed."""
    with WatchedMaster() as servers:
        yield servers


def url_of(watched: WatchedMaster) -> str:
    """Where it is, by its sentinels."""
    return f"redis+sentinel://{watched.hosts}/0?name={MASTER}"


def persistently(call):
    """What a call gives once it works; None before."""
    try:
        return call()
    except (ConnectionFailed, ServerError):
        return None


@pytest.mark.row(169, 187)
def test_after_the_master_died_enqueueing_works_again_and_no_job_is_lost(watched, queue_name):
    done: set[str] = set()
    queue = Queue(queue_name, url=url_of(watched))
    worker = Worker(
        queue_name, lambda run: done.add(run.job.id), url=url_of(watched), pool="threads"
    )
    acknowledged = {queue.add("early", n).id for n in range(100)}
    worker.start()
    wait_until(lambda: done, 10)
    queue.pause()
    acknowledged |= {queue.add("held", n).id for n in range(100)}
    # Redis acknowledges before its replicas have it; this is what a careful producer can wait for.
    wait_until(watched.in_sync, LONG)
    assert watched.master.client.execute_command("WAIT", 2, 10_000) == 2
    watched.master.kill()
    wait_until(lambda: persistently(lambda: queue.add("late", 0)), 30, "the new master")
    acknowledged |= {queue.add("late", n).id for n in range(100)}
    queue.resume()
    wait_until(lambda: done >= acknowledged, LONG, "every acknowledged job")
    assert len(acknowledged) == 300
    worker.stop()
    queue.close()


def test_asyncio_follows_the_sentinels_as_well(watched, queue_name):
    async def scenario():
        async with AsyncQueue(queue_name, url=url_of(watched)) as queue:
            await queue.add("x")
            assert watched.master.client.execute_command("WAIT", 1, 10_000)
            watched.master.kill()
            for _ in range(600):
                try:
                    await queue.add("y")
                    break
                except ConnectionFailed:
                    await asyncio.sleep(0.05)  # a client is not told of the new master
            return await queue.get_job_counts("waiting")

    assert asyncio.run(scenario())["waiting"] == 2


def test_a_demoted_master_is_left_for_the_new_one(watched, queue_name):
    with Queue(queue_name, url=url_of(watched)) as queue:
        queue.add("x")
        old = watched.master
        watched.sentinels[0].client.execute_command("SENTINEL", "FAILOVER", MASTER)
        wait_until(lambda: watched.master is not old, LONG, "another master")
        # The sentinels would do that within 10 s, and would close its connections as well.
        old.client.replicaof("127.0.0.1", watched.master.port)
        wait_until(lambda: persistently(lambda: queue.add("y")), 30)
        assert watched.master.client.exists(f"bull:{queue_name}:2")


@pytest.mark.row(169)
def test_a_list_of_hosts_and_a_name_in_the_environment_are_sentinels(
    watched, queue_name, monkeypatch
):
    monkeypatch.setenv("REDIS_URL", f"redis://{watched.hosts}")
    monkeypatch.setenv("REDIS_SENTINEL_NAME", MASTER)
    with Queue(queue_name, url=find_url()) as queue:
        assert queue.add("x").id == "1"
    app = Celery("watched", broker=f"redis://{watched.hosts}", set_as_current=False)
    assert app.queue(queue_name).add("y").id == "2"
    app.close()
    monkeypatch.delenv("REDIS_SENTINEL_NAME")
    several = ";".join(f"sentinel://{each}" for each in watched.hosts.split(","))
    app = Celery("celerys", broker=several, set_as_current=False)
    app.conf.broker_transport_options = {"master_name": MASTER}
    assert app.queue(queue_name).add("z").id == "3"
    app.close()


@pytest.mark.row(169, 177)
def test_sentinels_may_ask_for_a_password_of_their_own(watched, queue_name, monkeypatch):
    for sentinel in watched.sentinels:
        sentinel.client.execute_command("ACL", "SETUSER", "default", "on", "resetpass", ">hush")
    monkeypatch.setenv("REDIS_URL", f"redis://{watched.hosts}")
    monkeypatch.setenv("REDIS_SENTINEL_NAME", MASTER)
    with Queue(queue_name, url=find_url()) as queue, pytest.raises(AuthenticationFailed):
        queue.add("x")
    monkeypatch.setenv("REDIS_SENTINEL_PASSWORD", "hush")
    with Queue(queue_name, url=find_url()) as queue:
        assert queue.add("x").id == "1"
        assert "hush" not in repr(queue)


def test_sentinels_that_know_no_such_master_say_so(watched):
    driver = connect(f"redis+sentinel://:hush@{watched.hosts}/0?name=other")
    with pytest.raises(ConnectionFailed, match="knows no master 'other'") as caught:
        driver.execute(("PING",))
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis://s1:26379,s2:26379", "REDIS_SENTINEL_NAME"),
        ("redis+sentinel://s1,s2", "what the sentinels call the master"),
        ("redis+sentinel://s1:x,s2?name=m", "no host:port"),
        ("redis+cluster://:hush@n1,n2/3", "only database 0"),
        ("redis+cluster:///0", "names no host"),
    ],
)
@pytest.mark.row(169, 175)
def test_a_list_of_hosts_that_cannot_be_used_names_the_remedy(url, words):
    with pytest.raises(InvalidOption, match=words) as caught:
        connect(url)
    assert "hush" not in str(caught.value)


def test_a_client_for_code_that_is_not_ours_speaks_to_the_master(watched):
    client = open_client(url_of(watched))
    client.set("by-hand", "1")
    assert watched.master.client.get("by-hand") in (b"1", "1")
    client.close()
