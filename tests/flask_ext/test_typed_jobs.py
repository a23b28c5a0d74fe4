"""Calls of an application: models checked on both sides, urgency, many at once, bounds."""

from __future__ import annotations

import datetime
from typing import Literal

import pytest
import sqlalchemy
from pydantic import BaseModel, ValidationError
from sqlalchemy import orm

from bullrush import exceptions
from bullrush.beat import PersistentScheduler
from bullrush.core.errors import InvalidOption, JobTooLarge
from bullrush.flask_ext import get_queue_service
from bullrush.flask_ext.waiting import WaitInRequest
from tests.support.counting import CountingDriver


class EmailJob(BaseModel):
    queueId: str
    priority: int | None = None
    userId: str | None = None


class EmailResult(BaseModel):
    success: bool
    messageId: str | None = None


class OrchestrationJob(BaseModel):
    triggeredBy: Literal["cron", "webhook", "manual", "api", "system"]
    jobType: Literal["batch", "single_agent", "github_analysis", "retry"] = "batch"
    context: dict[str, str] = {}


@pytest.fixture
def celery(binding):
    return binding.celery


@pytest.mark.row(54, 56, 72)
def test_models_are_checked_where_the_call_is_made_and_again_where_it_runs(binding, celery):
    seen = []

    @celery.task(name="email", pydantic=True)
    def email(job: EmailJob) -> EmailResult:
        seen.append(job)
        return EmailResult(success=True, messageId="m1")

    with pytest.raises(ValidationError, match="queueId"):
        email.delay({"priority": 3})
    assert celery._driver is None, "Redis was not touched"
    good = email.delay(EmailJob(queueId="q1"))
    bad = binding.queue("celery").add("email", {"args": [{"priority": "x"}], "kwargs": {}})
    with binding.worker("celery", pool="threads", concurrency=1):
        assert good.get(timeout=20) == {"success": True, "messageId": "m1"}
        with pytest.raises(Exception, match="ValidationError"):
            celery.AsyncResult(bad.id, queue="celery").get(timeout=20)
    assert seen == [EmailJob(queueId="q1")]


@pytest.mark.row(57, 58)
def test_a_value_outside_of_a_literal_is_refused(celery):
    @celery.task(name="orchestrate", pydantic=True)
    def orchestrate(job: OrchestrationJob) -> None:
        pass

    with pytest.raises(ValidationError, match="triggeredBy"):
        orchestrate.delay({"triggeredBy": "nobody"})
    result = orchestrate.delay({"triggeredBy": "cron", "context": {"a": "b"}})
    assert celery.queue("celery").get_job(result.id).data["args"][0]["triggeredBy"] == "cron"


@pytest.mark.row(68)
def test_a_reminder_is_due_before_its_deadline(celery):
    remind = celery.task(name="remind")(print)
    deadline = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    result = remind.apply_async(eta=deadline - datetime.timedelta(minutes=15))
    job = celery.queue("celery").get_job(result.id)
    assert abs(job.delay - 45 * 60_000) < 5_000


@pytest.mark.row(86)
def test_the_more_urgent_call_runs_first(celery, binding):
    order = []
    send = celery.task(name="send")(order.append)
    results = [send.apply_async((urgency,), urgency=urgency) for urgency in (1, 10, 5)]
    with binding.worker("celery", pool="threads", concurrency=1):
        for each in results:
            each.get(timeout=20)
    assert order == [10, 5, 1]


@pytest.mark.row(55, 74, 86)
def test_the_more_urgent_call_has_the_lower_priority_of_bullmq(celery):
    send = celery.task(name="send")(print)
    stored = {
        urgency: celery.queue("celery").get_job(send.apply_async(urgency=urgency).id).priority
        for urgency in (0, 1, 10)
    }
    assert stored == {0: 0, 1: 10, 10: 1}
    assert celery.queue("celery").get_job(send.urgent(1).id).priority == 1
    celery.conf.priority_order = "higher-first"
    assert celery.queue("celery").get_job(send.urgent(1).id).priority == 1
    with pytest.raises(InvalidOption, match="urgency"):
        send.apply_async(urgency=11)


@pytest.mark.row(96, 100)
def test_many_calls_go_in_one_round_trip(celery, binding):
    send = celery.task(name="send")(lambda *args, **kwargs: [args, kwargs])
    send.delay_many([0])
    counter = celery._driver = CountingDriver(celery.driver)
    celery._queues.clear()
    before = counter.trips
    results = send.delay_many([1, (2, 3), {"four": 4}, *range(997)])
    assert len(results) == 1000
    assert counter.trips - before == 1
    with binding.worker("celery", pool="threads", concurrency=1):
        found = [each.get(timeout=30) for each in results[:3]]
    assert found == [[[1], {}], [[2, 3], {}], [[], {"four": 4}]]
    assert send.delay_many([]) == []


@pytest.mark.row(101)
def test_a_payload_above_the_bound_is_refused_with_the_remedy(make_app):
    app = make_app(BULLRUSH_MAX_PAYLOAD_BYTES=1_000_000)
    send, image = app.extensions["bullrush"].celery.task(name="send")(print), "x" * 10_000_000
    send.delay(image[:900_000])
    for options in ({}, {"countdown": 5}):
        with pytest.raises(JobTooLarge, match="store them elsewhere"):
            send.apply_async((image,), **options)
    with app.app_context(), pytest.raises(JobTooLarge, match="max_payload_bytes=1000000"):
        get_queue_service("files").add("image", {"body": image})
    celery = app.extensions["bullrush"].celery
    assert celery.queue("celery").get_job_counts("waiting", "delayed") == {
        "waiting": 1,
        "delayed": 0,
    }


@pytest.mark.row(99)
def test_waiting_for_a_result_within_a_request_warns_or_raises(make_app):
    for policy, kind in (("warn", RuntimeWarning), ("raise", WaitInRequest)):
        app = make_app(BULLRUSH_GET_IN_REQUEST=policy, TESTING=True)
        send = app.extensions["bullrush"].celery.task(name="send")(print)
        result = send.delay()
        with app.test_request_context(), expecting(kind), pytest.raises(exceptions.TimeoutError):
            result.get(timeout=0)
    with pytest.raises(exceptions.TimeoutError):
        result.get(timeout=0)


def expecting(kind):
    """A warning is warned of; an error comes instead of the timeout."""
    if issubclass(kind, Warning):
        return pytest.warns(kind, match="within a request")
    return pytest.raises(kind, match="within a request")


@pytest.mark.row(104)
def test_a_call_waits_for_the_commit_of_a_session(celery):
    welcome = celery.task(name="welcome")(print)
    engine = sqlalchemy.create_engine("sqlite://")
    with orm.Session(engine) as session:
        session.execute(sqlalchemy.text("SELECT 1"))
        welcome.delay_on_commit("ann", session=session)
        assert celery.queue("celery").get_job_counts("waiting") == {"waiting": 0}
        session.commit()
        assert celery.queue("celery").get_job_counts("waiting") == {"waiting": 1}


@pytest.mark.row(8)
def test_a_view_a_command_a_beat_and_a_plain_script_may_all_add(app, binding, celery):
    send = celery.task(name="send")(print)
    app.add_url_rule("/send", view_func=lambda: {"id": send.delay().id})
    app.cli.command("send")(lambda: print(send.delay().id))
    celery.conf.beat_schedule = {"send-often": {"task": "send", "schedule": 3600}}
    beat = PersistentScheduler(celery)
    added = [
        app.test_client().get("/send").json["id"],
        app.test_cli_runner().invoke(args=["send"]).output.strip(),
        celery.send_task("send").id,
        binding.queue("celery").add("send").id,
        beat.apply_async(beat.schedule["send-often"]).id,
    ]
    waiting = {job.id for job in binding.queue("celery").get_waiting()}
    assert waiting == set(added)
    assert len(waiting) == 5
    assert [job.name for job in binding.queue("celery").get_delayed()] == ["send"]
