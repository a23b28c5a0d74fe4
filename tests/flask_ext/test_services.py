"""What an application's code does with queues by name."""

from __future__ import annotations

import datetime
import logging
import subprocess
import sys
import threading
from contextlib import closing

import pytest
from flask import Flask

from bullrush.core import QueueEvents
from bullrush.core.drivers import connect
from bullrush.core.drivers.server_binary import ServerProcess
from bullrush.core.errors import InvalidOption, JobNotFound, WrongState
from bullrush.flask_ext import (
    Bullrush,
    QueueNotReady,
    QueueService,
    add_job,
    assert_queue_is_ready,
    clean_queue,
    close_queues,
    create_queue,
    create_queue_events,
    get_queue,
    get_queue_service,
    get_queue_stats,
    pause_queue,
    resume_queue,
)
from tests.support.waiting import wait_until

UTC = datetime.timezone.utc


@pytest.fixture
def context(app):
    """The context of an application is active."""
    with app.app_context():
        yield app


@pytest.fixture
def service(context):
    return get_queue_service("emails")


def fail(binding, queue, count):
    """Let so many jobs fail, one after the other; their ids."""

    def explode(delivery):
        raise ValueError(f"no {delivery.data}")

    ids = [queue.add("send", number, attempts=1).id for number in range(count)]
    with (
        binding.worker(queue.name, explode, concurrency=1),
        QueueEvents(queue.name, driver=queue.driver, prefix=queue.keys.prefix) as events,
    ):
        for each in ids:
            with pytest.raises(Exception, match="no"):
                events.wait_until_finished(each, 20)
    return ids


@pytest.mark.row(73, 83)
def test_a_service_and_a_queue_are_the_same_objects_every_time(service):
    assert get_queue_service("emails") is service
    assert get_queue("emails") is create_queue("emails") is service.queue
    assert get_queue_service("email").queue.name == "email-queue", "an alias names its queue"


@pytest.mark.row(74)
def test_an_urgent_job_runs_before_those_that_wait_with_a_priority(service, binding):
    service.add("send", "normal", priority=5)
    service.urgent("send", "urgent")
    order = []
    last = service.add("send", "last", priority=9)
    events = create_queue_events("emails")
    with events, binding.worker("emails", lambda job: order.append(job.data), concurrency=1):
        events.wait_until_finished(last.id, 20)
    assert order == ["urgent", "normal", "last"]


@pytest.mark.row(75)
@pytest.mark.parametrize("zone", [None, UTC, datetime.timezone(datetime.timedelta(hours=5))])
def test_a_job_is_scheduled_at_a_time_which_is_utc_when_it_names_no_zone(service, zone):
    due = datetime.datetime.now(UTC) + datetime.timedelta(hours=1)
    given = due.replace(tzinfo=None) if zone is None else due.astimezone(zone)
    job = service.queue.get_job(service.schedule("send", {}, given).id)
    assert abs(job.timestamp + job.delay - due.timestamp() * 1000) < 1000


@pytest.mark.row(76, 84)
def test_options_of_a_job_are_those_of_the_queue(service):
    job = add_job("emails", "send", {"to": "ann"}, priority=5)
    stored = service.queue.get_job(job.id)
    assert (stored.name, stored.data, stored.priority) == ("send", {"to": "ann"}, 5)


@pytest.mark.row(85)
def test_the_lower_priority_number_runs_first(service, binding):
    order = []
    for number in (3, 1, 2):
        service.add("send", number, priority=number)
    last = service.add("send", 9, priority=9)
    events = create_queue_events("emails")
    with events, binding.worker("emails", lambda job: order.append(job.data), concurrency=1):
        events.wait_until_finished(last.id, 20)
    assert order == [1, 2, 3, 9]


@pytest.mark.row(87)
def test_a_delay_of_nothing_is_now(service):
    service.add("send", {}, delay=0)
    assert service.queue.get_job_counts("waiting", "delayed") == {"waiting": 1, "delayed": 0}


@pytest.mark.row(77)
def test_stats_have_exactly_these_keys(service):
    service.add("send")
    service.add("send", priority=3)
    service.add("send", delay=60_000)
    service.pause()
    assert service.get_stats() == {
        "waiting": 1,
        "active": 0,
        "completed": 0,
        "failed": 0,
        "delayed": 1,
        "prioritized": 1,
        "waiting-children": 0,
        "paused": True,
        "total": 3,
    }


@pytest.mark.row(88)
def test_the_stats_of_a_queue_by_name_have_exactly_five_keys(service):
    service.add("send")
    service.add("send", priority=3)
    assert get_queue_stats("emails") == {
        "waiting": 2,
        "active": 0,
        "completed": 0,
        "failed": 0,
        "delayed": 0,
    }


@pytest.mark.row(79, 80)
def test_failed_jobs_are_listed_newest_first_with_nodes_names(service, binding):
    ids = fail(binding, service.queue, 3)
    assert [job.id for job in service.get_failed()] == ids[::-1]
    (newest,) = service.get_failed(limit=1)
    shown = newest.model_dump(by_alias=True)
    assert shown == {
        "id": ids[2],
        "name": "send",
        "data": 2,
        "failedReason": "no 2",
        "attemptsMade": 1,
        "timestamp": shown["timestamp"],
    }
    assert service.get_failed(limit=0) == []
    fail(binding, service.queue, 48)
    assert len(service.get_failed()) == 50


@pytest.mark.row(81)
def test_one_failed_job_is_retried_and_what_cannot_be_is_told_apart(service, binding):
    first, _ = fail(binding, service.queue, 2)
    service.retry(first)
    assert service.queue.get_state(first) == "waiting"
    with pytest.raises(WrongState):
        service.retry(first)
    with pytest.raises(JobNotFound):
        service.retry("nobody")


@pytest.mark.row(78)
def test_all_failed_jobs_are_retried_and_counted(service, binding):
    fail(binding, service.queue, 5)
    assert service.retry_all() == 5
    assert service.queue.get_job_counts("waiting", "failed") == {"waiting": 5, "failed": 0}


@pytest.mark.row(82, 90)
def test_cleanup_takes_away_what_is_old_alone(service, binding):
    old, new = fail(binding, service.queue, 4), fail(binding, service.queue, 2)
    finish_earlier(service.queue, old[:2], 86_400_001)
    finish_earlier(service.queue, old[2:], 86_300_000)
    assert service.cleanup(86_400_000) == 2
    assert {job.id for job in service.get_failed()} == {*old[2:], *new}
    assert set(clean_queue("emails", 3_600_000, type="failed")) == set(old[2:])
    assert service.cleanup(0) == 2


def finish_earlier(queue, ids, ms):
    """As if these jobs had failed so long ago."""
    for each in ids:
        queue.driver.execute(("ZINCRBY", queue.keys.failed, -ms, each))


@pytest.mark.row(89)
def test_a_queue_is_paused_and_resumed_by_name(service):
    pause_queue("emails")
    assert service.queue.is_paused()
    resume_queue("emails")
    assert not service.queue.is_paused()


@pytest.mark.row(91)
def test_closed_queues_leave_no_connection(make_app):
    with ServerProcess() as server, closing(connect(server.url)) as watcher:

        def connected():
            return len(watcher.execute(("CLIENT", "LIST")).splitlines()) - 1

        with make_app(BULLRUSH_REDIS_URL=server.url).app_context():
            get_queue_service("emails").add("send")
            assert connected() > 0
            close_queues()
            wait_until(lambda: connected() == 0)
            assert get_queue_service("emails").get_stats()["waiting"] == 1, "and are opened anew"
            close_queues()


PROCESS = """
import sys
from flask import Flask
from bullrush.flask_ext import Bullrush, close_queues, get_queue_service

app = Flask("shop")
app.config["BULLRUSH_REDIS_URL"], app.config["BULLRUSH_PREFIX"] = sys.argv[1:3]
Bullrush(app)
with app.app_context():
    get_queue_service("emails").add("send")
    if sys.argv[3] == "closed":
        close_queues()
"""


@pytest.mark.row(91)
@pytest.mark.parametrize("end", ["closed", "left to the end of the process"])
def test_a_process_ends_without_a_warning_of_what_is_open(redis_url, queue_name, end):
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "always::ResourceWarning",
            "-c",
            PROCESS,
            redis_url,
            queue_name,
            end,
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.row(92)
def test_events_of_a_created_queue_arrive(context):
    with create_queue_events("emails") as events:
        heard = threading.Event()
        events.on("waiting", lambda event: heard.set())
        create_queue("emails").add("send")
        assert heard.wait(20)


@pytest.mark.row(93, 156)
def test_a_queue_that_cannot_be_used_is_told_at_the_start(refusing_url, context):
    assert_queue_is_ready("emails")
    app = Flask("lost")
    app.config["BULLRUSH_REDIS_URL"] = refusing_url
    Bullrush(app)
    with app.app_context(), pytest.raises(QueueNotReady, match=r"emails.*not ready") as caught:
        assert_queue_is_ready("emails")
    assert "hush" not in str(caught.value)


@pytest.mark.row(94)
def test_a_service_of_ones_own_has_methods_and_those_of_the_tasks(context, binding):
    @binding.celery.task(name="shop.send-receipt", queue="email-queue")
    def send_receipt(order: int, *, copy: bool = False):
        """Send it."""

    @binding.celery.task(name="shop.elsewhere")
    def elsewhere():
        """Another queue."""

    class Emails(QueueService):
        queue_name = "email-queue"

        def welcome(self, user):
            return self.add("welcome", {"userId": user})

    emails = binding.service(Emails)
    assert binding.service(Emails) is emails
    result = emails.send_receipt(7, copy=True)
    job = emails.queue.get_job(result.id)
    assert job.name == "shop.send-receipt"
    assert job.data["args"] == [7]
    assert emails.send_receipt.__doc__ == "Send it."
    assert "send_receipt" in dir(emails)
    assert emails.welcome(3).data == {"userId": 3}
    with pytest.raises(TypeError, match="copied"):
        emails.send_receipt(7, copied=True)
    with pytest.raises(AttributeError, match="elsewhere"):
        emails.elsewhere()
    with pytest.raises(InvalidOption, match="queue_name"):
        binding.service(QueueService)


@pytest.mark.row(95)
def test_an_added_job_is_in_the_log_with_its_component(context, service, caplog):
    caplog.set_level(logging.INFO, "bullrush.services")
    job = service.add("send", {"userId": 42})
    (record,) = caplog.records
    assert record.getMessage() == f"send job added: {job.id}"
    assert (record.event, record.job_id, record.queue) == ("job.added", job.id, "emails")
    assert (record.component, record.user_id) == ("QueueService", 42)


@pytest.mark.row(95)
def test_a_job_that_could_not_be_added_is_in_the_log_and_raised(context, service, caplog):
    with pytest.raises(InvalidOption, match="priority"):
        service.add("send", {}, priority=-1)
    (record,) = caplog.records
    assert (record.event, record.levelname) == ("job.add_failed", "ERROR")


@pytest.mark.row(94)
def test_the_logger_is_the_applications(context, binding, caplog):
    caplog.set_level(logging.INFO, "shop.queue")
    own = QueueService(binding.queue("emails"), logger=logging.getLogger("shop.queue"))
    own.add("send")
    assert [record.name for record in caplog.records] == ["shop.queue"]


@pytest.mark.row(97)
def test_a_service_returns_the_job(service):
    job = service.add("send")
    assert service.queue.get_job(job.id).id == job.id


@pytest.mark.row(102)
def test_a_job_without_a_name_is_refused_with_the_remedy(service):
    with pytest.raises(TypeError, match="name of the job comes first"):
        service.add({"fileId": 1}, attempts=2)
