"""Where something is wanted to be another way than in Celery, for
``docs/celery-compatibility.md``.
"""

from __future__ import annotations

from .compatibility import Row, differs

_SCENARIO = "tests/oracle/test_scenarios.py"
_RETRY, _VALUES = "tests/shim/test_retry.py", "tests/shim/test_serializers.py"

DIFFERENCES: tuple[Row, ...] = (
    differs(
        "behind an expired or revoked step of a chain",
        "the later steps are REVOKED with the same TaskRevokedError, and whoever waits for them is "
        "told; in Celery they stay PENDING for ever",
        "tests/shim/canvas/test_ahead.py::test_what_follows_an_expired_step_ends_too",
    ),
    differs(
        "behind a task that raised Ignore",
        "the later steps of the chain and the body of the chord never run, as in Celery, but are "
        "REVOKED, and whoever waits for them is told; in Celery they stay PENDING for ever",
        "tests/shim/canvas/test_ahead.py::"
        "test_what_follows_a_step_that_raised_ignore_never_runs_and_is_told",
    ),
    differs(
        "changes of request.chain",
        "None or an empty list ends the chain, and what would have followed is REVOKED; a "
        "step that is added or taken out has no effect, see Task.replace",
        "tests/shim/canvas/test_ahead.py::test_a_task_ends_its_chain_with_a_request_that_has_none",
    ),
    differs(
        "a group in the header of a chord",
        "its values come in the order in which it was written; in Celery in an order of its own",
        _SCENARIO,
    ),
    differs(
        "a soft limit above the hard one",
        "refused where it is written, with both values",
        _SCENARIO,
    ),
    differs(
        "chord | group",
        "the group goes into the body of the chord, as any other step; what comes out is the same",
        _SCENARIO,
    ),
    differs(
        "parent of the result of a chord whose body is a chord",
        "leads back through every step, and get raises what a task of one of them raised; in "
        "Celery to the header at once, and get raises the ChordError of a later one",
        "tests/oracle/test_canvas.py",
    ),
    differs(
        "errors of several members of a group",
        "get raises that of the member that ended first, as in Celery, but a chord whose header "
        "failed ends when a worker takes its body, and not with the last of the header: another "
        "member may be the first. Asked for later, the first in order raises on both",
        "tests/oracle/test_canvas.py",
    ),
    differs("repr of signatures", "names are shown in full, wherever they stand", _SCENARIO),
    differs(
        "a second message for a retry",
        "there is none, the job itself runs again: Retry.sig is None, Task.signature_from_request "
        "is refused, and request.eta stays that of the call",
        f"{_RETRY}::test_no_second_message_is_made_for_a_retry",
    ),
    differs(
        "Task.bind(app), annotate(), add_around(), from_config",
        "refused by name, or not there: on_bound(app), task_annotations and a base class of tasks "
        "do the same",
        "tests/shim/test_task_classes.py::test_hooks_of_celerys_registry_say_what_to_use",
    ),
    differs(
        "request.reply_to",
        "None, unless the call gave one: nobody answers to a queue",
        "tests/shim/test_request.py::test_nobody_is_answered_to_unless_the_call_says_so",
    ),
    differs(
        "a dict of __type__ and __value__ whose type nobody has registered",
        "stays that dict; in Celery the worker drops the task",
        f"{_VALUES}::test_a_json_round_trip_gives_what_celery_gives",
    ),
    differs(
        "half of a surrogate pair in text",
        "an EncodeError at the caller, since neither UTF-8 nor every reader of JSON can hold it",
        f"{_VALUES}::test_what_json_cannot_hold_is_refused_at_the_caller",
    ),
)
