"""Failures are grouped by their cause, jobs by whose they are."""

from __future__ import annotations

import json

from bullrush.core import Failed, Job
from bullrush.flask_ext.admin.fingerprints import fingerprint_of
from tests.support.trips import Hands

PYTHON = """Traceback (most recent call last):
  File "/srv/shop/mail.py", line {line}, in send
    client.post(url)
  File "/usr/lib/python3/site-packages/http/client.py", line 9, in post
    raise TimeoutError(...)
TimeoutError: order {line} took too long
"""
NODE = """TypeError: order {line} is undefined
    at Object.post (/srv/node_modules/http/index.js:1:2)
    at async send (/srv/shop/mail.js:{line}:7)"""


def fail(queue, reason, stack="", **options):
    """Add a job and fail it."""
    queue.add("send", lifo=True, **options)
    hands = Hands(queue)
    (delivery,) = hands.take()
    hands.commit(delivery, Failed(reason, stack))


def failed(reason, stack):
    """A failed job."""
    values = {b"failedReason": reason.encode(), b"stacktrace": json.dumps([stack]).encode()}
    return Job("bull:emails:", "1", values)


def test_a_fingerprint_is_the_kind_the_text_and_the_own_place():
    for text, kind, frame in (
        (PYTHON, "TimeoutError", "shop/mail.py send"),
        (NODE, "TypeError", "shop/mail.js send"),
    ):
        one, two = (failed(f"order {n} failed", text.format(line=n)) for n in (7, 123456))
        found = fingerprint_of(one)
        assert (found.kind, found.frame, found.message) == (kind, frame, "order # failed")
        assert found == fingerprint_of(two)
        assert found.id != fingerprint_of(failed("other", text)).id


def test_failures_are_grouped_over_all_queues(get, binding):
    emails, orders = binding.queue("emails"), binding.queue("orders")
    for number in range(3):
        fail(emails, f"user {number} unknown", PYTHON.format(line=number))
    fail(orders, "user 9 unknown", PYTHON.format(line=9))
    fail(orders, "password=hush", NODE.format(line=1))
    found = get("/errors")
    assert [group["count"] for group in found["errors"]] == [4, 1]
    most, least = found["errors"]
    assert most["queues"] == {"emails": 3, "orders": 1}
    assert (most["kind"], most["frame"]) == ("TimeoutError", "shop/mail.py send")
    assert least["message"] == "password=[redacted]"
    assert (found["scanned"], found["complete"]) == (5, True)
    assert get("/queues/emails/errors?scan=2")["complete"] is False


def test_the_jobs_of_a_cause_are_listed_and_run_again(get, post, binding):
    queue = binding.queue("emails")
    fail(queue, "user 1 unknown")
    fail(queue, "disk full")
    errors = get("/queues/emails/errors")["errors"]
    cause = next(each["fingerprint"] for each in errors if each["message"] == "disk full")
    (job,) = get(f"/queues/emails/jobs?state=failed&fingerprint={cause}")["jobs"]
    assert job["failedReason"] == "disk full"
    assert post("/queues/emails/retry", {"fingerprint": cause})["changed"] == 1
    assert queue.get_job_counts()["failed"] == 1


def test_jobs_are_counted_by_tenant(get, binding):
    queue = binding.queue("emails")
    for tenant in ("acme", "acme", "zeta"):
        queue.add("send", {"args": [], "celery": {"headers": {"tenant": tenant}}})
    queue.add("send", {"tenantId": "acme"}, priority=1)
    queue.add("send", {"tenant": "not a header"}, delay=60_000)
    found = get("/queues/emails/tenants")
    assert found["tenants"] == [
        {"tenant": "acme", "jobs": {"waiting": 2, "prioritized": 1}, "total": 3},
        {"tenant": None, "jobs": {"delayed": 1}, "total": 1},
        {"tenant": "zeta", "jobs": {"waiting": 1}, "total": 1},
    ]
