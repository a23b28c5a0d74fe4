"""The exceptions that a Celery user catches."""

from __future__ import annotations

import builtins
import pickle
import socket

import kombu.exceptions
import pytest

from bullrush import Celery, exceptions
from bullrush.exceptions import (
    AlwaysEagerIgnored,
    CeleryCommandException,
    CeleryError,
    CeleryWarning,
    MaxRetriesExceededError,
    NotRegistered,
    QueueNotFound,
    Reject,
    Retry,
    SoftTimeLimitExceeded,
    TaskError,
    TaskPredicate,
    Terminated,
    TimeLimitExceeded,
    TimeoutError,
    WorkerLostError,
    WorkerShutdown,
    WorkerTerminate,
)

#: Class -> a class that it is caught by.
BASES = [
    (Retry, TaskPredicate),
    (Retry, CeleryError),
    (Reject, TaskPredicate),
    (NotRegistered, KeyError),
    (NotRegistered, TaskError),
    (QueueNotFound, KeyError),
    (TimeoutError, TaskError),
    (WorkerShutdown, SystemExit),
    (WorkerTerminate, SystemExit),
    (AlwaysEagerIgnored, CeleryWarning),
    (CeleryWarning, UserWarning),
    (exceptions.CDeprecationWarning, DeprecationWarning),
    (exceptions.BackendStoreError, exceptions.BackendError),
]


@pytest.mark.parametrize(("kind", "base"), BASES)
def test_each_class_is_caught_by_celerys_base(kind, base):
    assert issubclass(kind, base)


@pytest.mark.parametrize(
    "kind", [SoftTimeLimitExceeded, TimeLimitExceeded, WorkerLostError, Terminated]
)
def test_what_ends_a_run_from_outside_is_no_celery_error(kind):
    assert not issubclass(kind, CeleryError)


def test_the_timeout_is_not_pythons():
    assert not issubclass(TimeoutError, builtins.TimeoutError)


def test_retry_says_when_and_why():
    assert str(Retry(exc=ValueError("a"), when=5)) == "Retry in 5s: ValueError('a')"
    assert str(Retry("in words", ValueError("a"), 5)) == "in words"
    assert str(Retry()) == "Retry at None"


@pytest.mark.parametrize(
    "error",
    [
        Retry("m", ValueError("a"), 5),
        Reject("r", requeue=True),
        MaxRetriesExceededError("x", task_args=(1,), task_kwargs={"a": 1}),
        NotRegistered("proj.x"),
    ],
)
def test_they_can_be_pickled(error):
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy)) == (type(error), str(error))
    assert vars(copy).keys() == vars(error).keys()


def test_the_command_lines_error_has_an_exit_code():
    assert CeleryCommandException("no", exit_code=7).exit_code == 7


def test_an_argument_without_a_form_raises_kombus_error_at_the_caller(app):
    @app.task
    def echo(value):
        return value

    with pytest.raises(kombu.exceptions.EncodeError):
        echo.delay({1, 2})


@pytest.fixture
def closed_port():
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_an_unreachable_broker_raises_kombus_error_at_the_caller(closed_port):
    with Celery(broker=f"redis://127.0.0.1:{closed_port}/0", set_as_current=False) as app:

        @app.task
        def echo(value):
            return value

        with pytest.raises(kombu.exceptions.OperationalError):
            echo.delay(1)
        with pytest.raises(echo.OperationalError):
            echo.delay(1)
