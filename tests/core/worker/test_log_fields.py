"""What log records know of the job during which they are made."""

from __future__ import annotations

import asyncio
import io
import json
import logging

import pytest

from bullrush.core import Queue
from bullrush.core.worker.log_fields import JobFields, JsonFormatter, with_log_fields
from tests.support.waiting import wait_until

pytestmark = pytest.mark.row(209)


@pytest.fixture
def log():
    """A logger, and the JSON objects of its lines."""
    stream, logger = io.StringIO(), logging.getLogger("shop.mail")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    handler.addFilter(JobFields())
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield logger, lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logger.removeHandler(handler)


@pytest.mark.parametrize("kind", ["plain", "coroutine"])
def test_a_line_of_a_handler_names_its_job(driver, queue_name, start_worker, log, kind):
    logger, lines = log

    @with_log_fields
    def handle(delivery):
        logger.info("sending to %s", delivery.data["to"])

    @with_log_fields
    async def handle_async(delivery):
        await asyncio.sleep(0)  # lets go of the loop once
        logger.info("sending to %s", delivery.data["to"])

    queue = Queue(queue_name, driver=driver)
    queue.add("send", {"to": "ann"}, priority=2)
    start_worker(handle if kind == "plain" else handle_async)
    wait_until(lambda: queue.get_completed_count() == 1)
    logger.info("outside")
    first, outside = lines()
    assert first.pop("time").endswith("Z")
    assert first == {
        "level": "INFO",
        "logger": "shop.mail",
        "message": "sending to ann",
        "job_id": "1",
        "queue": queue_name,
        "task": "send",
        "attempt": 1,
        "priority": 2,
    }
    assert "job_id" not in outside


def test_what_a_record_says_itself_stays(log):
    logger, lines = log
    logger.info("x", extra={"queue": "mine", "odd": object, "message_id": 5})
    (line,) = lines()
    assert (line["queue"], line["message_id"]) == ("mine", 5)
    assert "object" in line["odd"]


def test_an_exception_is_a_field_of_one_line(log):
    logger, lines = log
    try:
        raise RuntimeError("no\nroute")
    except RuntimeError:
        logger.exception("failed")
    (line,) = lines()
    assert line["exception"].endswith("RuntimeError: no\nroute")
