"""docs/bullmq-api.md says what is true: every name that it claims to be ours is there."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import Any

import bullrush.core
import bullrush.core.drivers
import bullrush.core.errors
import bullrush.core.worker
from bullrush.core.calls import operation, procedure
from tests.support.api_table import code_in, rows

ROWS = list(rows())
CLAIMS = sorted({code for row in ROWS for code in code_in(row.ours)})
#: A name of ours in a remark, unlike one of Node's: a class with something of it.
MENTIONS = sorted(
    code for row in ROWS for code in code_in(row.remark) if re.match(r"[A-Z]\w+\.[a-z]", code)
)
#: Where the document says that our names are, and what needs no import of its own.
PLACES = (bullrush.core, bullrush.core.worker, bullrush.core.drivers, bullrush.core.errors)
IN_BOTH_COLOURS = re.compile(r"(Queue|QueueEvents|QueueEventsProducer|FlowProducer)\b")


def find(name: str) -> Any:
    """A public name by itself.

    Raises:
        AttributeError: there is none.
    """
    for place in PLACES:
        if name in getattr(place, "__all__", dir(place)):
            return getattr(place, name)
    raise AttributeError(f"nothing public is called {name}")


def has(kind: type, attribute: str) -> bool:
    """Whether a class, its objects, or a TypedDict have it."""
    declared = any(attribute in vars(each).get("__annotations__", {}) for each in kind.__mro__)
    assigned = attribute in getattr(getattr(kind.__init__, "__code__", None), "co_names", ())
    return hasattr(kind, attribute) or declared or assigned


def arguments_of(found: Any) -> set[str]:
    """The names of all arguments, those of ``**options: Unpack[...]`` included."""
    if isinstance(found, (operation, procedure)):
        found = found.build
    names = set(inspect.signature(found).parameters)
    function = found.__init__ if inspect.isclass(found) else found
    for annotation in function.__annotations__.values():
        options = re.fullmatch(r"Unpack\[(\w+)\]", str(annotation))
        if options:
            names |= set(function.__globals__[options[1]].__annotations__)
    return names


def check(claim: str) -> None:
    """`Name`, `Name.attribute`, and either with names of arguments in brackets.

    Raises:
        AttributeError: what is not there.
    """
    dotted, _, inside = claim.partition("(")
    name, _, attribute = dotted.partition(".")
    found = find(name)
    if attribute and not has(found, attribute):
        raise AttributeError(f"{name} has no {attribute}")
    for argument in re.findall(r"\w+", inside):
        if argument not in arguments_of(getattr(found, attribute) if attribute else found):
            raise AttributeError(f"{dotted} has no argument {argument}")


def untrue(claims: Iterable[str]) -> list[str]:
    """What is wrong with these claims."""
    wrong = []
    for claim in claims:
        try:
            check(claim)
        except AttributeError as error:
            wrong.append(str(error))
    return wrong


def test_every_name_of_ours_exists_with_its_arguments():
    assert len(CLAIMS) > 150
    assert untrue(CLAIMS) == []


def test_every_operation_exists_for_asyncio_as_well():
    both = [claim for claim in CLAIMS if IN_BOTH_COLOURS.match(claim)]
    assert len(both) > 80
    assert untrue(f"Async{claim}" for claim in both) == []


def test_names_of_ours_in_the_remarks_exist():
    assert untrue(each for each in MENTIONS if each != "Worker.RateLimitError()") == []


def test_every_row_has_a_name_or_says_why_not():
    empty = [row for row in ROWS if not code_in(row.ours)]
    assert [str(row) for row in empty if row.ours != "-" or not row.remark] == []
    assert [row.line for row in ROWS if not row.theirs] == []


def test_the_check_sees_what_is_missing():
    made_up = ["Queue.fly", "Queue.add(wings)", "Bird", "JobOptions.wings", "Job.wings"]
    assert len(untrue(made_up)) == len(made_up)


def test_every_job_option_of_ours_is_in_the_table():
    named = {claim.partition(".")[2] for claim in CLAIMS if claim.startswith("JobOptions.")}
    assert set(bullrush.core.JobOptions.__annotations__) == named


def test_every_worker_option_of_ours_is_in_the_table():
    named = {claim.partition(".")[2] for claim in CLAIMS if claim.startswith("WorkerOptions.")}
    assert set(bullrush.core.worker.WorkerOptions.__annotations__) == named


def test_every_operation_of_a_queue_is_in_the_table():
    named = {re.split(r"[.(]", claim)[1] for claim in CLAIMS if claim.startswith("Queue.")}
    operations = {
        name
        for name in dir(bullrush.core.Queue)
        if isinstance(inspect.getattr_static(bullrush.core.Queue, name), (operation, procedure))
    }
    assert operations - named == set()
