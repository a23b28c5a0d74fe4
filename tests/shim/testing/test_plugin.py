"""The other fixtures, as a project's tests have them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap

import pytest

from bullrush import Celery, chain, group
from bullrush.core import AsyncQueue, FlowJob, FlowProducer, Queue
from bullrush.core.errors import BullrushError
from bullrush.core.views import list_queues


@pytest.fixture
def send(bullrush_project):
    """A task of the project."""
    return bullrush_project.tasks["send"]


@pytest.fixture(scope="module")
def project():
    """An application that was made long before the tests, for another Redis."""
    app = Celery("shop", broker="redis://no-such-host.invalid:1/0", set_as_current=False)

    @app.task(name="send")
    def send(to, body=""):
        return f"{body} to {to}"

    return app


@pytest.fixture
def bullrush_project(project):
    """See the plugin."""
    return project


def test_the_projects_own_application_works_on_the_redis_of_the_test(
    send, bullrush_app, project, run_until_idle
):
    assert bullrush_app is project
    result = send.delay("ann", body="hello")
    run_until_idle()
    assert result.get(timeout=10) == "hello to ann"


def test_afterwards_the_application_is_what_it_was(project):
    assert project.conf.broker_url == "redis://no-such-host.invalid:1/0"


def test_what_waits_is_asserted_with_its_arguments(send, assert_enqueued):
    send.delay("ann")
    send.apply_async(("ben",), {"body": "x"}, countdown=60)
    assert len(assert_enqueued(send)) == 2
    assert_enqueued(send, 1, args=["ann"])
    assert_enqueued("send", 1, kwargs={"body": "x"}, queue="celery")
    assert_enqueued(send, 0, args=["cora"])


def test_the_failure_says_what_does_wait(send, assert_enqueued):
    with pytest.raises(AssertionError) as caught:
        assert_enqueued(send)
    assert str(caught.value).endswith("nothing waits at all")
    send.delay("ann", body="x")
    with pytest.raises(AssertionError) as caught:
        assert_enqueued(send, 2, args=["ben"])
    assert str(caught.value).splitlines() == [
        "2 of send('ben') in 'any queue' should wait, 0 do",
        "what waits:",
        "  send('ann', body='x') in 'celery'",
    ]


@pytest.mark.bullrush(eager=True)
def test_an_eager_task_gets_what_a_worker_would_get(bullrush_app):
    @bullrush_app.task
    def kind(value):
        return type(value).__name__

    assert kind.delay((1, 2)).get() == "list"


@pytest.mark.bullrush(eager=True)
def test_what_an_eager_task_raises_gets_out(bullrush_app):
    @bullrush_app.task
    def fail():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail.delay()


@pytest.mark.bullrush(config={"task_default_queue": "other"}, concurrency=3)
def test_the_marker_has_settings_and_the_size_of_the_worker(
    bullrush_app, bullrush_worker, send, assert_enqueued
):
    send.delay("ann")
    assert_enqueued(send, queue="other")
    assert bullrush_worker.concurrency == 3


@pytest.mark.row(219)
class TestStub:
    def test_a_queue_takes_jobs_and_stays_empty(self, bullrush_stub):
        queue = Queue("emails", url="redis://no-such-host.invalid:1/0")
        job = queue.add("send", {"to": "ann"}, attempts=3)
        assert job.id == "test-job-id"
        stats = queue.get_job_counts("waiting", "active", "completed", "failed", "delayed")
        assert stats == {"waiting": 0, "active": 0, "completed": 0, "failed": 0, "delayed": 0}
        [recorded] = bullrush_stub.jobs
        assert (recorded.queue, recorded.name, recorded.data) == ("emails", "send", {"to": "ann"})
        assert recorded.opts["attempts"] == 3

    def test_an_asyncio_queue_too(self, bullrush_stub):
        async def use():
            queue = AsyncQueue("emails", url="redis://no-such-host.invalid:1/0")
            return (await queue.add("send")).id, await queue.get_job_counts("waiting")

        assert asyncio.run(use()) == ("test-job-id", {"waiting": 0})

    def test_calls_and_workflows_are_recorded(self, bullrush_stub, project, assert_enqueued):
        send = project.tasks["send"]
        assert send.delay("ann").id == bullrush_stub.jobs[0].id
        chain(send.s("ben"), send.si("cora")).delay()
        group(send.s("dan"), send.s("eve")).delay()
        assert_enqueued(send, 5)
        assert_enqueued(send, 1, args=["cora"])
        bullrush_stub.clear()
        assert_enqueued(send, 0)

    @pytest.mark.parametrize("policy", ["inline", "spool"])
    def test_calls_with_a_policy_for_outages_are_recorded_too(self, bullrush_stub, project, policy):
        project.conf.on_broker_down = policy
        kept = project.task(name="kept", on_broker_down=policy)(lambda *args: None)
        kept.delay(1)
        kept.delay_many([2, 3])
        (kept.s(4) | kept.s()).apply_async()
        assert [each.name for each in bullrush_stub.jobs] == ["kept"] * 5

    def test_flows_and_many_jobs_are_recorded(self, bullrush_stub):
        flows = FlowProducer(url="redis://no-such-host.invalid:1/0")
        flows.add(FlowJob("album", "albums", children=[FlowJob("scale", "images")]))
        assert [(each.queue, each.name) for each in bullrush_stub.jobs] == [
            ("albums", "album"),
            ("images", "scale"),
        ]

    def test_wrong_options_are_refused_as_ever(self, bullrush_stub):
        with pytest.raises(BullrushError, match="no_such"):
            Queue("emails", url="redis://no-such-host.invalid:1/0").add("send", no_such=1)
        assert bullrush_stub.jobs == []

    def test_nobody_waits_for_what_will_not_come(self, bullrush_stub, project):
        with pytest.raises(BullrushError, match="use bullrush_app and bullrush_worker"):
            project.tasks["send"].delay("ann").get(timeout=5)


def run_tests(tmp_path, source, *options):
    """Run tests of a project in a pytest of their own, in this process."""
    path = tmp_path / f"test_{tmp_path.name}.py"  # modules are remembered by their names
    path.write_text(textwrap.dedent(source))
    plugins = ["-p", "no:cacheprovider", "-p", "no:xdist"]
    place = ["--rootdir", str(tmp_path), "-c", "/dev/null", "--import-mode=importlib"]
    return pytest.main(["-q", *plugins, *place, str(path), *options])


@pytest.mark.row(221)
def test_without_options_the_jobs_are_in_memory(bullrush_redis):
    assert bullrush_redis.startswith("memory://")


def test_the_command_line_says_where_the_jobs_are(tmp_path, redis_url):
    source = f"""
        def test_it(bullrush_app, run_until_idle):
            assert bullrush_app.conf.broker_url == {redis_url!r}
            double = bullrush_app.task(lambda x: 2 * x, name="double")
            result = double.delay(4)
            run_until_idle()
            assert result.get(timeout=10) == 8
            assert bullrush_app.prefix.startswith("test-")
            print("prefix", bullrush_app.prefix)
    """
    assert run_tests(tmp_path, source, f"--bullrush-redis={redis_url}") == 0


def test_a_test_leaves_nothing_in_a_redis_that_others_use(tmp_path, redis_url):
    with Queue("any", url=redis_url) as queue:
        before = set(queue.driver.execute(("KEYS", "test-*")))
        test_the_command_line_says_where_the_jobs_are(tmp_path, redis_url)
        assert set(queue.driver.execute(("KEYS", "test-*"))) <= before
        assert list_queues(queue.driver, "test-none") == []


def test_a_wrong_word_in_the_marker_is_named(tmp_path, capsys):
    source = """
        import pytest

        @pytest.mark.bullrush(egaer=True)
        def test_it(bullrush_app):
            pass
    """
    assert run_tests(tmp_path, source) == 1
    assert "@pytest.mark.bullrush knows eager, now" in capsys.readouterr().out


def test_what_no_test_asks_for_is_not_loaded():
    code = "import sys, bullrush.testing.plugin; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"kombu", "redis", "bullrush.app.base", "django"} & set(done.stdout.split())
