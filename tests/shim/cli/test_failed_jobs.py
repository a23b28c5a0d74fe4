"""``bullrush dlq`` and ``bullrush keys``."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from bullrush.cli.main import cli
from bullrush.core.drivers import connect
from tests.support.waiting import wait_until


def says(app, *words, answer=""):
    """Carry out a command in this process."""
    return CliRunner().invoke(cli, list(words), obj=app, input=answer)


@pytest.fixture
def failed(app, start, fail, queue_name):
    """Three failed jobs, the newest last."""
    start()
    results = [fail.apply_async((n,), task_id=f"job-{n}") for n in range(3)]
    wait_until(lambda: all(each.state == "FAILURE" for each in results))
    return app.queue(queue_name)


@pytest.mark.row(122, 196)
def test_failed_jobs_are_listed_the_newest_first(app, failed):
    rows = json.loads(says(app, "dlq", "ls", "--json", "-n", "2").output)
    ids = [job.id for job in failed.get_failed(0, 1)]
    assert [row["id"] for row in rows] == ids
    assert set(rows[0]) == {
        *("id", "name", "data", "failedReason", "attemptsMade", "timestamp", "finishedOn")
    }
    lines = says(app, "dlq", "ls").output.splitlines()
    assert len(lines) == 3
    assert "ValueError" in lines[0] or "fail" in lines[0]
    assert says(app, "dlq", "ls", "-Q", "other").output == "no failed jobs\n"


@pytest.mark.row(122)
def test_one_failed_job_is_shown_with_its_stack(app, failed):
    shown = json.loads(says(app, "dlq", "show", "job-1").output)
    assert shown["id"] == "job-1"
    assert "ValueError" in "".join(shown["stacktrace"])
    unknown = says(app, "dlq", "show", "no-such-job")
    assert (unknown.exit_code, "has no job 'no-such-job'" in unknown.output) == (1, True)


@pytest.mark.row(122)
def test_failed_jobs_run_again_one_or_all(app, failed):
    failed.pause()
    assert says(app, "dlq", "retry", "job-1").output == "job-1 waits again\n"
    assert failed.get_failed_count() == 2
    both = says(app, "dlq", "retry", "job-0", "no-such-job")
    assert both.exit_code == 1
    assert "job-0 waits again" in both.output
    assert says(app, "dlq", "retry", "--all").output == "1 wait again\n"
    assert failed.get_failed_count() == 0
    assert says(app, "dlq", "retry").exit_code == 2


@pytest.mark.row(122)
def test_only_failed_jobs_are_taken_away(app, failed, echo):
    failed.pause()
    waiting = echo.delay(1)
    assert says(app, "dlq", "rm", "job-1").output == "job-1 is gone\n"
    refused = says(app, "dlq", "rm", waiting.id)
    assert (refused.exit_code, "is waiting, not failed" in refused.output) == (1, True)
    assert says(app, "dlq", "rm", "--all", answer="n\n").exit_code == 1
    assert failed.get_failed_count() == 2
    assert says(app, "dlq", "rm", "--all", "-f").output == "2 are gone\n"
    assert failed.get_job_counts("waiting")["waiting"] == 1


@pytest.mark.row(193, 194, 195, 197)
def test_keys_are_listed_with_types_and_sizes_and_never_by_KEYS(app, failed, redis_url, queue_name):
    failed.pause()
    app.send_task("any")
    other = connect(redis_url)
    other.execute(("CONFIG", "RESETSTAT"))
    [found] = json.loads(says(app, "keys", "-Q", queue_name, "--json").output)
    own = {row["key"].rpartition(":")[2]: (row["kind"], row["size"]) for row in found["own"]}
    assert own["failed"] == ("zset", 3)
    assert own["wait"] == ("list", 1)
    assert own["events"][0] == "stream"
    assert found["others"] >= 4
    said = says(app, "keys").output
    assert f"{queue_name}\n" in said
    if not app.driver.volatile:
        calls = other.execute(("INFO", "commandstats"))
        assert b"cmdstat_scan:" in calls
        assert b"cmdstat_keys:" not in calls
    other.close()
