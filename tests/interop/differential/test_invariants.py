"""Every invariant can be broken, and then says so."""

from __future__ import annotations

import pytest

from .invariants import violations
from .runs import MIXED, Machine
from .snapshot import read
from .writing import add, complete, fail, take

#: What somebody does to the data -> what is said of it.
BROKEN = {
    ("LPUSH", "wait", "1"): "job 1 is in wait, wait",
    ("LPUSH", "wait", "9"): "id 9 in wait has no job",
    ("DEL", "delayed"): "job 2 is in no state",
    ("SET", "1:lock", "t"): "1:lock locks a job that is not active",
    ("HDEL", "3", "processedOn"): "active job 3 was never started",
    ("HSET", "4", "finishedOn", "1"): "completed job 4 has finishedOn 1",
    ("HDEL", "4", "returnvalue"): "completed job 4 has no returnvalue",
    ("HSET", "4", "returnvalue", "done"): "completed job 4 has a returnvalue that is no JSON",
    ("HSET", "5", "defa", "late"): "failed job 5 still has its deferred failure",
    ("HSET", "1", "finishedOn", "1"): "job 1 in wait has finishedOn",
    ("HSET", "6", "priority", "3"): "job 6 of priority 3 is scored as 2",
    ("ZADD", "delayed", "1.5", "2"): "job 2 is due at the score 1.5",
    ("HSET", "1", "opts", "[1]"): "the options of job 1 are",
    ("HSET", "1", "opts", '{"keepLogs":1}'): "the options of job 1 have long names: keepLogs",
    ("HSET", "5", "stacktrace", "{}"): "the stacktrace of job 5 is",
    ("SET", "id", "5"): "job 6 is beyond the counter 5",
    ("SADD", "1:dependencies", f"{MIXED}:a:9"): "job 1 waits for bull:a:9, which is gone",
    ("SADD", "1:dependencies", f"{MIXED}:a:2"): "job 1 waits for bull:a:2, whose parent is None",
    ("SET", "de:d", "5"): "de:d is owned by 5 in failed",
    ("DEL", "marker"): "nobody is woken for",
    ("ZADD", "marker", "1", "2"): "the marker has the member 2",
    ("SET", "nonsense", "1"): "key nonsense is of no known kind",
    ("RPUSH", "9:logs", "row"): "key 9:logs belongs to no job",
    ("ZADD", "repeat", "1", "s"): "scheduler s has no record",
    ("XADD", "events", "*", "event", "active", "jobId", "1"): "job 1 is in wait, and its last",
    ("XADD", "events", "*", "event", "progress", "jobId", "1", "data", "x"): "an event progress",
}


@pytest.fixture
def well_formed(machine: Machine) -> Machine:
    """A queue with a job in every state: 1 waits, 2 is delayed, 3 is active, 4 has completed, 5 has
    failed, 6 has a priority.
    """
    program = [add(), add(delay=5000), *(add(lifo=True) for _ in range(3)), add(priority=2)]
    program += [take(), fail(), take(), complete(), take()]
    assert machine.take_turns(program) is None
    return machine


@pytest.mark.parametrize(("command", "sentence"), BROKEN.items(), ids=BROKEN.values())
def test_a_broken_invariant_is_told(well_formed: Machine, command, sentence):
    verb, key, *rest = command
    well_formed.driver.execute((verb, f"{MIXED}:a:{key}", *rest))
    found = violations(read(well_formed.driver, MIXED))
    assert any(sentence in each for each in found), found
