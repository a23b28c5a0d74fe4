"""Random programs with job schedulers, on Node and on bullrush, with a clock that only the program
moves (protocol part 2, section 2).

What `docs/protocol.md` says we do better is left out: upserts of a paused queue, and patterns whose
runs are promoted before their time.
"""

from __future__ import annotations

from itertools import chain
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from bullrush.core.operations import JobScheduler

from .failures import failure
from .ours import Ours, snake
from .runs import OURS, Machine
from .steps import START, Concrete, Ref, Step

PROGRAMS = 120

pytestmark = pytest.mark.timeout(600)

# -- our side --------------------------------------------------------------------------------------


class Schedules(Ours):
    """Does with our queue what Node is told to call."""

    def _call(self, step: Concrete) -> Any:
        queue, args = self.queue(step["queue"]), step["args"]
        if step["method"] == "upsertJobScheduler":
            scheduler, repeat, template = args
            template = {{"opts": "options"}.get(name, name): template[name] for name in template}
            if "options" in template:
                template["options"] = snake(template["options"])
            job = queue.upsert_job_scheduler(scheduler, **snake(repeat), **template)
            return None if job is None else [job.id, job.delay]
        if step["method"] == "removeJobScheduler":
            return queue.remove_job_scheduler(*args)
        if step["method"] == "getJobScheduler":
            found = queue.get_job_scheduler(*args)
            return None if found is None else as_node_tells(found)
        assert step["method"] == "getJobSchedulers"
        return [as_node_tells(each) for each in queue.get_job_schedulers(*args)]


def as_node_tells(scheduler: JobScheduler) -> dict[str, Any]:
    """A scheduler as Node gives it."""
    told = {
        "key": scheduler.id,
        "name": scheduler.name,
        "next": scheduler.next,
        "iterationCount": scheduler.iteration_count,
        "limit": scheduler.limit,
        "startDate": scheduler.start_date,
        "endDate": scheduler.end_date,
        "tz": scheduler.tz,
        "pattern": scheduler.pattern,
        "every": scheduler.every,
        "offset": scheduler.offset,
    }
    names = {"remove_on_complete": "removeOnComplete", "keep_logs": "keepLogs"}
    options = {names.get(name, name): value for name, value in scheduler.options.items()}
    template = {"data": scheduler.data, "opts": options or None}
    told["template"] = {name: value for name, value in template.items() if value is not None}
    return {name: value for name, value in told.items() if value not in (None, {})}


# -- programs --------------------------------------------------------------------------------------

AGES = st.integers(0, 3)
IDS = st.sampled_from(["s", "s", "team:1"])
BOUNDS = {
    "limit": st.integers(1, 3),
    "startDate": st.sampled_from([START - 5000, START, START + 1500, START + 5000]),
    "endDate": st.sampled_from([START + 5000, START + 5877, START + 9877, START + 1_000_000]),
}
REPEATS = {
    "intervals": st.fixed_dictionaries(
        {"every": st.sampled_from([1000, 1000, 2500, 60_000])},
        optional={"offset": st.sampled_from([0, 123, 124, 500, 999]), **BOUNDS},
    ),
    "patterns": st.fixed_dictionaries(
        {"pattern": st.sampled_from(["*/3 * * * * *", "* * * * *", "0 0 L * *", "@hourly"])},
        optional={"tz": st.sampled_from(["UTC", "Europe/Madrid"]), **BOUNDS},
    ),
}
TEMPLATES = st.fixed_dictionaries(
    {},
    optional={
        "name": st.just("tick"),
        "data": st.sampled_from([{"a": 1}, {}, [1], "ä", 0, []]),
        "opts": st.fixed_dictionaries(
            {},
            optional={
                "priority": st.sampled_from([0, 1, 3]),
                "attempts": st.sampled_from([0, 2]),
                "lifo": st.just(True),
                "deduplication": st.just({"id": "d"}),
                "keepLogs": st.just(3),
                "removeOnComplete": st.sampled_from([True, 1]),
            },
        ),
    },
)


def step(op: str, **args: Any) -> st.SearchStrategy[Step]:
    """One kind of step; its arguments are strategies."""
    return st.builds(Step, st.just(op), st.fixed_dictionaries(args))


def call(method: str, *args: Any) -> st.SearchStrategy[Step]:
    """A call of a queue's method."""
    told = st.tuples(*args).map(list)
    return step("call", method=st.just(method), args=told)


def programs(kind: str) -> st.SearchStrategy[list[Step]]:
    """Programs with schedulers of one kind, or of both."""
    kinds = list(REPEATS) if kind == "both" else [kind]
    upsert = call(
        "upsertJobScheduler", IDS, st.one_of([REPEATS[each] for each in kinds]), TEMPLATES
    )
    by_hand, fetch = st.just(True), st.booleans()
    waits = st.sampled_from([1000, 1000, 1000, 1, 500, 877, 3600, 60_000])
    forward = step("advance", ms=waits)
    take = step("take", by_hand=by_hand)
    steps = [
        *(upsert, upsert, upsert, take, take, take, take, forward, forward, forward, forward),
        step("complete", held=AGES, value=st.none(), fetch=fetch, by_hand=by_hand),
        step("fail", held=AGES, failure=st.just(failure("no")), fetch=fetch, by_hand=by_hand),
        step("remove", job=st.builds(Ref, st.sampled_from(["delayed", "wait", "completed"]), AGES)),
        step("add", name=st.just("send"), data=st.just({}), opts=st.just({})),
        step("lose_lock", held=AGES),
        step("sweep"),
        step("expire", suffix=st.just("stalled-check")),
        call("removeJobScheduler", IDS),
        call("getJobScheduler", IDS),
        call("getJobSchedulers", st.integers(-2, 1), st.integers(-2, 3), st.booleans()),
    ]
    if kind == "intervals":
        steps.append(step("promote", job=st.builds(Ref, st.just("delayed"), AGES)))
    # Not one_of, to which a strategy that is there thrice is as good as one.
    part = st.lists(st.integers(0, len(steps) - 1).flatmap(steps.__getitem__), max_size=16)
    # One list of hypothesis is short.
    return st.tuples(part, part, part, part).map(lambda parts: list(chain(*parts)))


@pytest.mark.parametrize("kind", ["intervals", "patterns", "both"])
def test_node_and_bullrush_leave_the_same_schedules(machine: Machine, monkeypatch, kind):
    monkeypatch.setattr(machine, "ours", Schedules(machine.driver, OURS))

    @seed(7)
    @settings(
        max_examples=PROGRAMS,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(programs(kind))
    def compare(program: list[Step]) -> None:
        report = machine.compare(program)
        assert report is None, report

    compare()


def test_a_difference_is_found(machine: Machine, monkeypatch):
    schedules = Schedules(machine.driver, OURS)
    monkeypatch.setattr(machine, "ours", schedules)
    schedules.queue("a").default_job_options = {"priority": 2}
    program = [Step("call", {"method": "upsertJobScheduler", "args": ["s", {"every": 1000}, {}]})]
    report = machine.compare(program)
    assert report is not None
    assert "a:repeat:s opts: node nothing, ours {'priority': 2}" in report
