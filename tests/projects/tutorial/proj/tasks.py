"""Its tasks."""

from celery import Task
from celery.exceptions import SoftTimeLimitExceeded
from celery.utils.log import get_task_logger

from .celery import app

logger = get_task_logger(__name__)


@app.task
def add(x, y):
    logger.info("Adding %s and %s", x, y)
    return x + y


@app.task
def mul(x, y):
    return x * y


@app.task
def xsum(numbers):
    return sum(numbers)


@app.task
def fail(text):
    raise ValueError(text)


class Counting(Task):
    """A base class with a state of its own."""

    _runs = 0

    @property
    def runs(self):
        self._runs += 1
        return self._runs


@app.task(base=Counting, bind=True)
def count(self):
    return self.runs


@app.task(bind=True, max_retries=3, default_retry_delay=0)
def flaky(self, needed):
    try:
        if self.request.retries < needed:
            raise ConnectionError("not yet")
    except ConnectionError as exc:
        raise self.retry(exc=exc, countdown=0) from exc
    return self.request.retries


@app.task(bind=True, soft_time_limit=0.2)
def slow(self, released):
    import pathlib

    try:
        while not pathlib.Path(released).exists():
            pass
    except SoftTimeLimitExceeded:
        return f"{self.name} was too slow"
    return "in time"
