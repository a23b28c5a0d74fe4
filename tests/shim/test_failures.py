"""How exceptions are stored, and what comes back."""

from __future__ import annotations

import datetime
import json
import sys
import types

import pytest

from bullrush.core.errors import JobFailed
from bullrush.exceptions import (
    MaxRetriesExceededError,
    SecurityError,
    SoftTimeLimitExceeded,
    TaskRevokedError,
    WorkerLostError,
)
from bullrush.failures import exception_of, note_of, read_record, record_of
from bullrush.utils.serialization import UnpickleableExceptionWrapper


class Plain(Exception):
    """Takes what it was given."""


class Picky(Exception):
    """Takes other arguments than those it has."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


class PickyError(KeyError):
    """The same, of a class that can be made."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


def there_and_back(error: BaseException) -> BaseException:
    return exception_of(read_record(record_of(error)))


@pytest.mark.parametrize(
    "error",
    [
        ValueError("boom", 3, None, 1.5, ["list", {"a": 1}]),
        Plain("a", datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc)),
        KeyError("k"),
        OSError(2, "No such file"),
        TaskRevokedError("expired"),
        SoftTimeLimitExceeded(),
        WorkerLostError("lost"),
        MaxRetriesExceededError("no more"),
        SystemExit(3),
    ],
)
def test_an_exception_comes_back_as_its_class_with_its_arguments(error):
    back = there_and_back(error)
    assert (type(back), back.args) == (type(error), error.args)


@pytest.mark.parametrize(
    ("error", "module"),
    [
        (TaskRevokedError("revoked"), "celery.exceptions"),
        (WorkerLostError("lost"), "billiard.exceptions"),
        (ValueError("x"), "builtins"),
        (Plain("x"), Plain.__module__),
    ],
)
def test_what_is_stored_has_the_names_that_celery_knows(error, module):
    assert json.loads(record_of(error)) == {
        "exc_type": type(error).__qualname__,
        "exc_module": module,
        "exc_message": list(error.args),
    }


def test_an_argument_without_a_json_form_becomes_its_text():
    assert there_and_back(ValueError({1, 2}, object)).args == ("{1, 2}", "<class 'object'>")


def test_a_class_that_cannot_be_made_anew_is_wrapped():
    back = there_and_back(Picky(1, 2))
    assert isinstance(back, UnpickleableExceptionWrapper)
    assert (back.exc_cls_name, str(back)) == ("Picky", "Picky('1 and 2')")
    assert json.loads(record_of(Picky(1, 2)))["exc_module"] == "celery.utils.serialization"


def test_a_class_that_cannot_be_made_anew_is_its_nearest_base_that_can():
    back = there_and_back(PickyError(1, 2))
    assert (type(back), back.args) == (KeyError, ("1 and 2",))


def test_a_module_that_is_not_imported_is_not_imported_for_a_record():
    record = {"exc_type": "Bad", "exc_module": "antigravity", "exc_message": ["x"]}
    back = exception_of(record)
    assert "antigravity" not in sys.modules
    assert (type(back).__name__, back.args, isinstance(back, Exception)) == ("Bad", ("x",), True)
    assert type(back) is type(exception_of(record))


def test_what_is_no_exception_is_never_called():
    called = []
    sys.modules["evil"] = types.SimpleNamespace(run=called.append, Kind=dict)
    try:
        for name in ("run", "Kind"):
            record = {"exc_type": name, "exc_module": "evil", "exc_message": ["x"]}
            with pytest.raises(SecurityError):
                exception_of(record)
    finally:
        del sys.modules["evil"]
    assert called == []


def test_a_class_that_refuses_its_arguments_is_an_exception_with_their_text():
    record = {"exc_type": "Picky", "exc_module": __name__, "exc_message": [1]}
    back = exception_of(record)
    assert (type(back), str(back)) == (Exception, f"{Picky}(1)")


@pytest.mark.parametrize("module", ["celery.exceptions", None])
def test_a_record_of_a_celery_worker_is_understood(module):
    record = {"exc_type": "TaskRevokedError", "exc_module": module, "exc_message": ["terminated"]}
    assert isinstance(exception_of(record), TaskRevokedError)
    record = {"exc_type": "ValueError", "exc_module": None, "exc_message": "text"}
    assert (type(exception_of(record)), exception_of(record).args) == (ValueError, ("text",))


@pytest.mark.parametrize("record", [None, {}, {"exc_type": 3}, "text", []])
def test_without_a_record_there_is_the_text_of_the_failure(record):
    back = exception_of(record, "why", "7")
    assert (type(back), str(back)) == (JobFailed, str(JobFailed("7", "why")))


@pytest.mark.parametrize("text", [None, "", "rubbish", "[1]", "3"])
def test_a_damaged_record_is_none(text):
    assert read_record(text) == {}


def test_a_note_adds_the_children_to_a_record(app):
    child = app.AsyncResult("child")
    assert json.loads(note_of([child])) == {"children": [[["child", None], None]]}
    record = json.loads(note_of([child], record_of(ValueError("x"))))
    assert record == {**json.loads(record_of(ValueError("x"))), **json.loads(note_of([child]))}
