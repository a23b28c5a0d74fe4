"""Where something is wanted to be another way than in Celery, for
``docs/celery-compatibility.md``.
"""

from __future__ import annotations

from .compatibility import Row, differs

_SCENARIO = "tests/oracle/test_scenarios.py"

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
)
