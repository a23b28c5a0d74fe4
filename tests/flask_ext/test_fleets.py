"""The Flask face on a Redis Cluster and on a master that sentinels watch, with servers that die."""

from __future__ import annotations

import re

import pytest

from bullrush.core.budgets import Tally
from bullrush.core.calls import run
from bullrush.core.drivers import connect
from bullrush.core.drivers.slots import slot_of
from bullrush.core.new_job import new_job
from bullrush.core.nodes import Node
from bullrush.core.spooling import Mark, Parcel, add_once
from tests.support.outage import empty, values_in
from tests.support.redis_fleets import LONG, MASTER, Cluster, WatchedMaster
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(240)
PREFIX = "{bull}"


class OnCluster:
    """Three masters with a replica each."""

    fleet, replicas = Cluster, 1

    @staticmethod
    def url(servers):
        """Where they are."""
        return f"redis+cluster://{servers.hosts}"

    @staticmethod
    def master(servers):
        """The one that has the keys."""
        return servers.owner(slot_of(PREFIX))


class BehindSentinel:
    """A master with two replicas, and three sentinels."""

    fleet, replicas = WatchedMaster, 2

    @staticmethod
    def url(servers):
        """Where the sentinels are."""
        return f"redis+sentinel://{servers.hosts}/0?name={MASTER}"

    @staticmethod
    def master(servers):
        """The one that the sentinels name."""
        return servers.master


@pytest.fixture(params=[OnCluster, BehindSentinel])
def kind(request):
    """What sort of fleet it is."""
    return request.param


@pytest.fixture
def servers(kind):
    """A fleet of this test alone: servers of it are killed."""
    with kind.fleet() as started:
        yield started


@pytest.fixture
def make(make_app, kind, servers, tmp_path):
    """Makes applications on the fleet."""
    config = {
        "BULLRUSH_REDIS_URL": kind.url(servers),
        "BULLRUSH_PREFIX": PREFIX,
        "BULLRUSH_SPOOL": str(tmp_path / "spool.sqlite3"),
    }
    return lambda **more: make_app(**config, **more)


@pytest.fixture
def driver(kind, servers):
    """A connection to the fleet."""
    with_tag = connect(kind.url(servers))
    yield with_tag
    with_tag.close()


def test_a_parcel_for_several_queues_is_added_once(make, driver, queue_name):
    queues = [make().extensions["bullrush"].queue(f"{queue_name}-{each}") for each in "ab"]
    nodes = [Node(new_job("x", {}, {"job_id": "one"}, now=1), queue.keys) for queue in queues]
    parcel = Parcel(nodes, [Mark("me", "1", 1)])
    assert run(driver, add_once([parcel], 1, keep=60_000)) == [["one", "one"]]
    for queue in queues:
        queue.drain()
    assert run(driver, add_once([parcel], 1, keep=60_000)) == [None]
    assert [queue.get_job_counts("waiting")["waiting"] for queue in queues] == [0, 0]


def test_counts_of_many_processes_are_summed(driver):
    counts = Tally(f"{PREFIX}:open", f"{PREFIX}:closed", 3_600_000, 10, 100, 60_000)
    for name in ("a", "b", "a"):
        run(driver, counts.count(name))
    run(driver, counts.close())
    rows = [row[1] for row in driver.execute(("XRANGE", counts.closed, "-", "+"))]
    found = [dict(zip(row[::2], row[1::2], strict=True)) for row in rows]
    assert {each[b"name"]: each[b"count"] for each in found} == {b"a": b"2", b"b": b"1"}


def test_who_was_refused_is_in_the_audit_log(make, ask_of):
    app = make()
    wrong = {"Authorization": "Bearer a wrong one"}
    for _ in range(3):
        assert app.test_client().get("/api/admin/queues", headers=wrong).status_code == 401
    binding = app.extensions["bullrush"]
    wait_until(lambda: binding.door.refusals._untold.total() == 0, 10)
    entries = ask_of(app, "/api/admin/audit").json["data"]["entries"]
    assert sum(each["attempts"] for each in entries) >= 1
    assert {each["action"] for each in entries} == {"sign_in"}


def test_every_page_and_route_that_only_reads_answers(make, ask_of):
    app = make()
    queue = app.extensions["bullrush"].queue("emails")
    queue.upsert_job_scheduler("1", every=60_000, name="tick")
    job_id = queue.add("send", {"to": "ann"}).id
    home, place = "/admin/queues", f"?queue=emails&id={job_id}"
    queries = {f"{home}/queue": "?name=emails", f"{home}/job": place, f"{home}/flow": place}
    answers = {}
    for rule in app.url_map.iter_rules():
        if "GET" not in rule.methods or rule.endpoint.endswith(
            ("static", "files.file", "dashboard.live")
        ):
            continue
        path = re.sub(r"<[^>]*queue>", "emails", rule.rule)
        path = re.sub(r"<[^>]*job[^>]*>", job_id, path)
        path = re.sub(r"<[^>]*>", "1", path) + queries.get(rule.rule, "")
        answers[path] = ask_of(app, path).status_code
    assert len(answers) > 35
    assert set(answers.values()) == {200}, answers


def test_calls_while_the_master_dies_are_spooled_and_sent_once(make, kind, servers):
    app = make(BULLRUSH_ON_BROKER_DOWN="spool")
    celery = app.extensions["bullrush"].celery
    note = celery.task(name="note")(lambda value: value)
    sent = list(range(300))
    for number in sent[:100]:
        note.delay(number)
    master = kind.master(servers)
    # Redis acknowledges before its replicas have it; this is what a careful producer waits for.
    if kind is BehindSentinel:
        wait_until(servers.in_sync, LONG)
    assert master.client.execute_command("WAIT", kind.replicas, 10_000) == kind.replicas
    master.kill()
    for number in sent[100:]:
        note.delay(number)
    assert celery.outage.counts["spooled"] > 0
    wait_until(lambda: empty(celery), LONG, "the new master")
    assert kind.master(servers) is not master
    assert values_in(celery.queue("celery")) == sent
