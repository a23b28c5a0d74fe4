"""Parcels of jobs are added once, however often they are sent."""

from __future__ import annotations

import pytest

from bullrush.core.calls import run
from bullrush.core.errors import ParentNotFound
from bullrush.core.keys import QueueKeys
from bullrush.core.new_job import new_job
from bullrush.core.nodes import Node
from bullrush.core.parents import Parent
from bullrush.core.spooling import Mark, Parcel, add_once

KEEP = 60_000


@pytest.fixture
def keys(queue_name):
    return QueueKeys(queue_name)


@pytest.fixture
def send(driver):
    """Sends parcels."""
    return lambda *parcels: run(driver, add_once(parcels, 1, keep=KEEP))


@pytest.fixture
def waiting(driver, keys):
    """Gives the ids of the jobs that wait, the next one first."""
    return lambda: [each.decode() for each in driver.execute(("LRANGE", keys.wait, 0, -1))][::-1]


def node(keys, job_id, **options):
    has_children = options.pop("has_children", False)
    return Node(new_job("job", {}, {"job_id": job_id, **options}, now=1), keys, has_children)


def test_a_parcel_that_is_sent_twice_is_added_once(send, keys, waiting, driver):
    parcel = Parcel([node(keys, "a")], [Mark("me", "1", 1)])
    assert send(parcel) == [["a"]]
    driver.execute(("DEL", keys.job("a")))
    driver.execute(("DEL", keys.wait))
    assert send(parcel) == [None]
    assert waiting() == []


def test_one_that_arrives_after_its_repetition_is_not_added(send, keys, waiting, driver):
    """The command was on its way all the time."""
    first, again = Mark("me", "1", 1), Mark("spool", "last", 7)
    nodes = [node(keys, "a")]
    assert send(Parcel(nodes, [again, first])) == [["a"]]
    driver.execute(("DEL", keys.job("a"), keys.wait))
    assert send(Parcel(nodes, [first])) == [None]
    assert waiting() == []


def test_the_next_send_of_a_lane_hides_no_other_lane(send, keys, waiting):
    lost, kept = Parcel([node(keys, "a")], [Mark("me", "1", 1)]), Mark("me", "2", 5)
    assert send(Parcel([node(keys, "b")], [kept])) == [["b"]]
    assert send(lost) == [["a"]]
    assert waiting() == ["b", "a"]


def test_several_parcels_are_added_in_their_order_but_for_those_that_were(send, keys, waiting):
    marks = [Mark("spool", "last", number) for number in range(1, 5)]
    parcels = [Parcel([node(keys, f"j{mark.number}")], [mark]) for mark in marks]
    assert send(parcels[0], parcels[1]) == [["j1"], ["j2"]]
    assert send(*parcels) == [None, None, ["j3"], ["j4"]]
    assert waiting() == ["j1", "j2", "j3", "j4"]


def test_a_flow_over_two_queues_is_one_parcel(send, keys, waiting, driver):
    other = QueueKeys(f"{keys.queue}-2")
    parent = Parent("top", other.queue, other.prefix)
    nodes = [node(other, "top", has_children=True), node(keys, "below", parent=parent)]
    parcel = Parcel(nodes, [Mark("me", "1", 1)])
    assert send(parcel) == [["top", "below"]]
    assert send(parcel) == [None]
    assert waiting() == ["below"]
    assert driver.execute(("ZRANGE", other.waiting_children, 0, -1)) == [b"top"]
    assert driver.execute(("SMEMBERS", other.job_part("top", "dependencies"))) in (
        [keys.job("below").encode()],
        {keys.job("below").encode()},
    )


def test_one_bad_job_stops_all_and_marks_nothing(send, keys, waiting):
    orphan = node(keys, "b", parent=Parent("nobody", keys.queue, keys.prefix))
    good = Parcel([node(keys, "a")], [Mark("spool", "last", 1)])
    with pytest.raises(ParentNotFound):
        send(good, Parcel([orphan], [Mark("spool", "last", 2)]))
    assert waiting() == []
    assert send(good) == [["a"]]


def test_what_redis_remembers_of_it_does_not_stay_for_ever(send, keys, driver):
    send(Parcel([node(keys, "a")], [Mark("me", "1", 1)]))
    assert 0 < driver.execute(("PTTL", keys.turns("sent:me"))) <= KEEP
