"""What a customer, a photographer and the warehouse do, and what must come of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import partial

from opening import Shop
from photos import take_photo
from report import Row, row_of
from warehouse import produce, running_worker

from bullrush.core import Job

logger = logging.getLogger("shop")

EMAIL = "ann@example.org"
ORDER = 1001
#: s between an order and the request for a review.
REVIEW_AFTER = 2.0
PHOTOS = 3

Check = Callable[[], Row]


class Unexpected(Exception):
    """A job did not do what it should; the message says what."""


def visit(shop: Shop) -> Iterator[Check]:
    """Order something and upload photos; gives one check for each job that comes of it."""
    order = {"number": ORDER, "email": EMAIL, "amount": "12.50 EUR", "review_after": REVIEW_AFTER}
    jobs = shop.post("/orders", order)
    logger.info("an order by web request: %s", ", ".join(jobs))
    photos = [shop.post(f"/photos/{number}.png", take_photo(number)) for number in range(PHOTOS)]
    yield partial(check_confirmation, shop, jobs["confirmation"])
    yield partial(check_payment, shop, jobs["payment"])
    yield from (partial(check_photo, shop, photo["photo"]) for photo in photos)
    yield partial(check_review, shop, jobs["review"])


def visit_warehouse(shop: Shop, node: str) -> Iterator[Check]:
    """Both directions between Python and Node."""
    yield partial(check_stock, shop, node)
    yield partial(check_label, shop, node)


def check_confirmation(shop: Shop, job_id: str) -> Row:
    """The e-mail is really at the mail server."""
    job = _completed(shop, "email-queue", job_id)
    arrived = {str(mail["Message-ID"]): str(mail["To"]) for mail in shop.mail.messages}
    if arrived.get(job.returnvalue["messageId"]) != EMAIL:
        raise Unexpected("the confirmation is not at the mail server")
    return row_of(job, f"delivered to {EMAIL} by SMTP")


def check_payment(shop: Shop, job_id: str) -> Row:
    """The card was charged at the third attempt."""
    job = _completed(shop, "payments", job_id)
    if job.attempts_made != 3:
        raise Unexpected(f"the payment took {job.attempts_made} attempts, not 3")
    return row_of(job, f"{job.returnvalue} at the third attempt")


def check_photo(shop: Shop, job_id: str) -> Row:
    """Both pictures are there, and smaller than the photo."""
    job = _completed(shop, "images", job_id)
    sizes: dict[str, int] = job.returnvalue
    if not 0 < sizes["thumbnail"] < sizes["full"] < sizes["original"]:
        raise Unexpected(f"the pictures have odd sizes: {sizes}")
    kilobytes = {name: f"{size / 1000:.0f} kB" for name, size in sizes.items()}
    return row_of(job, "{original} -> {full}, thumbnail {thumbnail}".format_map(kilobytes))


def check_review(shop: Shop, job_id: str) -> Row:
    """The customer was asked for a review, and not before its time."""
    job = _completed(shop, "reminders", job_id)
    waited = ((job.processed_on or 0) - job.timestamp) / 1000
    if waited < REVIEW_AFTER:
        raise Unexpected(f"the review was asked for after {waited} s, not {REVIEW_AFTER}")
    return row_of(job, f"scheduled for {REVIEW_AFTER:.3f} s, started after {waited:.3f} s")


def check_stock(shop: Shop, node: str) -> Row:
    """A Node producer has added a job, and a Python task has run it."""
    answer = produce(node, shop.redis_port)
    job = _completed(shop, "stock", answer["id"])
    if answer["result"] != {"sku": "teapot-7", "reserved": 3}:
        raise Unexpected(f"the Node producer got {answer['result']}")
    return row_of(job, "added by Node, run by Python")


def check_label(shop: Shop, node: str) -> Row:
    """A Node worker has run a job that Python added and waited for."""
    with running_worker(node, shop.redis_port):
        result = shop.celery.send_task(
            "print-label", args=[ORDER], kwargs={"carrier": "mule"}, queue="labels"
        )
        label = result.get(timeout=10)
    if label["label"] != f"LABEL-{ORDER}" or label["carrier"] != "mule":
        raise Unexpected(f"the Node worker printed {label}")
    return row_of(_completed(shop, "labels", result.id), f"added by Python, run by {label['by']}")


def _completed(shop: Shop, queue: str, job_id: str) -> Job:
    try:
        job, state = shop.finished(queue, job_id)
    except TimeoutError as late:
        raise Unexpected(str(late)) from None
    if state != "completed":
        raise Unexpected(f"{job.name} ended as {state}: {job.failed_reason}")
    return job
