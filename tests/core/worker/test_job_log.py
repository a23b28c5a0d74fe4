"""The lines that a team reads while its worker runs."""

from __future__ import annotations

import logging

import pytest

from bullrush.core import Queue
from bullrush.core.errors import ConnectionFailed, InvalidOption
from bullrush.core.worker import Worker
from bullrush.core.worker.job_log import log_jobs, title_of
from tests.support.waiting import wait_until


@pytest.fixture
def records(caplog):
    """The records of the jobs' logger."""
    caplog.set_level(logging.INFO, logger="bullrush.jobs")
    return lambda: [each for each in caplog.records if each.name == "bullrush.jobs"]


def handle(delivery):
    if delivery.job.name == "bad":
        raise RuntimeError("no route")


@pytest.fixture
def work(driver, queue_name, records):
    """Works two jobs off in a worker that logs; gives (level, message) of each line."""

    def run(**options):
        queue = Queue(queue_name, driver=driver)
        queue.add("bad")
        queue.add("send", priority=3)
        worker = Worker(queue_name, handle, driver=driver)
        log_jobs(worker, **options)
        worker.start()
        wait_until(lambda: len(records()) == 5)
        worker.stop(timeout=10)
        return [(each.levelname, each.getMessage()) for each in records()]

    return run


@pytest.mark.row(207, 208, 209)
def test_the_plain_lines(work, queue_name):
    assert work(titles={queue_name: "Email"}) == [
        ("INFO", "Email queue initialized"),
        ("INFO", "Processing email job"),
        ("ERROR", "Email job failed: no route"),
        ("INFO", "Processing email job"),
        ("INFO", "Email job completed"),
    ]


@pytest.mark.row(210, 212)
def test_the_lines_with_signs(work):
    lines = work(style="emoji")
    assert [text for _, text in lines[1:]] == [
        "🔄 Worker: Processing job 1 of type bad",
        "❌ Job 1 failed: no route",
        "🔄 Worker: Processing job 2 of type send",
        "✅ Job 2 completed",
    ]


@pytest.mark.row(209)
def test_each_line_knows_its_job(work, records, queue_name):
    work()
    last = records()[-1]
    found = last.job_id, last.queue, last.task, last.attempt, last.priority
    assert found == ("2", queue_name, "send", 1, 3)


@pytest.mark.row(207)
def test_errors_and_stalls_have_their_lines(driver, records):
    worker = Worker("email-queue", handle, driver=driver)
    detach = log_jobs(worker)
    worker._listeners.tell("error", ConnectionFailed("away"))
    worker._listeners.tell("stalled", "email-queue", "7")
    detach()
    worker._listeners.tell("error", ConnectionFailed("away"))
    assert [(each.levelname, each.getMessage()) for each in records()] == [
        ("ERROR", "Email worker error: away"),
        ("WARNING", "Job stalled"),
    ]
    assert records()[1].job_id == "7"


@pytest.mark.parametrize(
    ("queue", "title"),
    [("email-queue", "Email"), ("queue", "Queue"), ("image_resizing", "Image resizing")],
)
def test_titles_come_from_the_names_of_queues(queue, title):
    assert title_of(queue) == title


def test_another_style_is_refused(driver):
    with pytest.raises(InvalidOption, match="plain, emoji"):
        log_jobs(Worker("mail", handle, driver=driver), style="loud")
