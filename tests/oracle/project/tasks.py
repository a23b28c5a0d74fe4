"""The application that both sides run, and its tasks. Imports Celery's names only."""

import datetime
import decimal
import os
import time
import uuid

import celery
from celery import Celery, Task, chain, group, shared_task
from celery.app.task import Context
from celery.exceptions import Ignore, Reject, SoftTimeLimitExceeded
from celery.result import allow_join_result

app = Celery(
    "oracle",
    broker=os.environ["ORACLE_REDIS"],
    backend=os.environ["ORACLE_REDIS"],
)
app.conf.update(
    task_default_queue=os.environ["ORACLE_QUEUE"],
    result_extended=True,
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
    result_expires=3600,
)


class Refusing(Exception):
    """Its arguments are not those of its constructor."""

    def __init__(self, first, second):
        self.first = first
        super().__init__(f"{first} and {second}")


class Expected(Exception):
    """A task says that it may raise it."""


@app.task
def add(x, y=0):
    return x + y


@app.task
def mul(x, y):
    return x * y


@app.task
def identity(x=None):
    return x


@app.task
def as_list(*args, **kwargs):
    return [list(args), kwargs]


@app.task
def xsum(numbers):
    return sum(_flat(numbers))


@app.task
def total(*args):
    return sum(_flat(list(args)))


@app.task
def keep(*args):
    return list(args)


def _flat(value):
    return [n for each in value for n in _flat(each)] if isinstance(value, list) else [value]


@app.task
def fail(*args, text="no good"):
    raise ValueError(text)


@app.task
def fail_with(kind, *args):
    raise {
        "value": ValueError,
        "key": KeyError,
        "refusing": Refusing,
        "expected": Expected,
        "zero": ZeroDivisionError,
        "unicode": UnicodeError,
        "os": OSError,
        "exit": celery.exceptions.TaskError,
    }[kind](*args)


@app.task
def unserializable():
    return {1, 2, 3}


@app.task
def typed():
    return [
        datetime.datetime(2024, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc),
        datetime.date(2024, 1, 2),
        decimal.Decimal("1.50"),
        uuid.UUID(int=5),
        b"bytes",
        (1, 2),
        {1: 2},
    ]


@app.task(bind=True, max_retries=3)
def flaky(self, needed, countdown=0):
    if self.request.retries < needed:
        raise self.retry(exc=ConnectionError(f"try {self.request.retries}"), countdown=countdown)
    return self.request.retries


@app.task(bind=True, max_retries=1)
def never(self):
    raise self.retry(countdown=0)


@app.task(
    bind=True,
    autoretry_for=(ValueError,),
    max_retries=2,
    retry_backoff=False,
    default_retry_delay=0,
)
def auto(self, fails):
    if self.request.retries < fails:
        raise ValueError(f"run {self.request.retries}")
    return self.request.retries


@app.task(bind=True, autoretry_for=(Exception,), max_retries=2, default_retry_delay=0)
def auto_all(self, what):
    if what == "ignore":
        raise Ignore()
    if what == "reject":
        raise Reject("because")
    raise KeyError(self.request.retries)


@app.task(bind=True)
def rejected(self):
    raise Reject("no", requeue=False)


@app.task(bind=True, acks_late=True)
def requeued(self):
    if not self.request.delivery_info.get("redelivered"):
        raise Reject("again", requeue=True)
    return "second time"


@app.task(bind=True)
def state_then_ignore(self):
    self.update_state(state="PARKED", meta={"why": "asked to"})
    raise Ignore()


@app.task(bind=True)
def progress(self, n):
    for i in range(n):
        self.update_state(state="PROGRESS", meta={"i": i})
    return n


@app.task(bind=True)
def request_of(self):
    r = self.request
    return {
        "retries": r.retries,
        "args": list(r.args),
        "kwargs": dict(r.kwargs),
        "root_is_own": r.root_id == r.id,
        "parent": r.parent_id is not None,
        "group": r.group is not None,
        "is_eager": r.is_eager,
        "called_directly": r.called_directly,
        "expires": r.expires is not None,
        "eta": r.eta is not None,
        "timelimit": list(r.timelimit) if r.timelimit else r.timelimit,
        "headers": r.headers,
        "correlation": r.correlation_id == r.id,
        "task": r.task,
        "lang": r.lang,
        "ignore_result": r.ignore_result,
        "routing": r.delivery_info["routing_key"] == app.conf.task_default_queue,
        "delivery": sorted(r.delivery_info),
        "callbacks": len(r.callbacks or []),
        "errbacks": len(r.errbacks or []),
        "chord": r.chord is not None,
        "chain": len(r.chain or []),
        "argsrepr": r.argsrepr,
        "kwargsrepr": r.kwargsrepr,
        "origin": bool(r.origin),
        "shadow": r.shadow,
        "custom": getattr(r, "color", None),
    }


@app.task(bind=True, ignore_result=True)
def ignored(self):
    return 7


@app.task(bind=True)
def joins(self, allowed):
    result = add.delay(1, 1)
    try:
        if allowed:
            with allow_join_result():
                return result.get(timeout=10)
        return result.get(timeout=10)
    except RuntimeError as error:
        return str(error).split("\n")[0]


@app.task(bind=True)
def starts_others(self, n):
    return [add.delay(i, 1).id is not None for i in range(n)]


@app.task(bind=True)
def replaced(self, x):
    raise self.replace(add.s(x, 10))


@app.task(bind=True)
def replaced_by_group(self, n):
    raise self.replace(group(add.s(i, 1) for i in range(n)))


@app.task(bind=True)
def replaced_by_chain(self, x):
    raise self.replace(chain(add.s(x, 1), mul.s(2)))


@app.task(bind=True)
def adds_to_chord(self, x):
    self.add_to_chord(add.s(x, 100))
    return x


@app.task(soft_time_limit=0.3)
def soft():
    try:
        time.sleep(20)  # What the limit ends.
    except SoftTimeLimitExceeded:
        return "soft"
    return "never"


@app.task(throws=(Expected,))
def throws():
    raise Expected("as said")


class Counting(Task):
    """Keeps a state from run to run."""

    def __init__(self):
        self.seen = 0

    def __call__(self, *args, **kwargs):
        self.seen += 1
        return super().__call__(*args, **kwargs)


@app.task(base=Counting, bind=True)
def counting(self):
    return [self.seen > 0, self.request.called_directly, self.request.id is not None]


class ClassBased(Task):
    """A task that is a class."""

    name = "oracle.class_based"

    def run(self, x):
        return [self.name, x]


class_based = app.register_task(ClassBased())

#: What the handlers and callbacks of the runs have seen, in this worker: asked for by `seen`.
_seen = []


class Handled(Task):
    """Notes its handlers."""

    def before_start(self, task_id, args, kwargs):
        self.note("before_start", list(args), kwargs)

    def on_success(self, retval, task_id, args, kwargs):
        self.note("on_success", retval, list(args), kwargs)

    def on_retry(self, exc, task_id, args, kwargs, einfo):
        self.note("on_retry", repr(exc), type(einfo).__name__)

    def on_failure(self, exc, task_id, args, kwargs, einfo):
        self.note("on_failure", repr(exc), str(einfo).strip().split("\n")[-1])

    def after_return(self, status, retval, task_id, args, kwargs, einfo):
        self.note("after_return", status, repr(retval), einfo)

    def note(self, *what):
        _seen.append(what)


@app.task(base=Handled, bind=True, max_retries=1)
def handled(self, what):
    self.note("run", what)
    if what == "fail":
        raise ValueError("handled")
    if what == "retry" and not self.request.retries:
        raise self.retry(exc=ValueError("again"), countdown=0.2)
    return what


@app.task
def seen():
    noted = list(_seen)
    _seen.clear()
    return noted


@app.task
def note(*args, **kwargs):
    """A callback or an old errback."""
    _seen.append(["note", len(args), kwargs])
    return "noted"


@app.task
def errback_new(request, exc, traceback):
    _seen.append(
        ["errback_new", isinstance(request, Context), repr(exc), "ValueError" in traceback]
    )


@app.task
def errback_old(failed_id):
    _seen.append(["errback_old", isinstance(failed_id, str)])


@app.task
def errback_with(failed_id, why):
    _seen.append(["errback_with", isinstance(failed_id, str), why])


@shared_task(name="oracle.shared")
def shared(x):
    return [celery.current_app.main, x]


@app.task(bind=True, max_retries=1)
def again_once(self):
    """Runs twice, in vain the first time."""
    if self.request.retries:
        return "at last"
    raise self.retry(exc=KeyError("early"), countdown=0)


@app.task(bind=True)
def telling(self):
    """Sends an event of its own."""
    self.send_event("task-progress", done=1)
