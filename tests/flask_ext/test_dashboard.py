"""The dashboard as a server sends it: what a page says, and what it costs."""

from __future__ import annotations

import pytest

from bullrush.core.errors import ConnectionFailed
from bullrush.flask_ext.dashboard.board import KEY, board_of
from bullrush.flask_ext.dashboard.collector import PERIOD
from tests.support.counting import CountingDriver

ROOT = "/admin/queues"


@pytest.fixture
def get(client, token):
    """Asks for a page as somebody who may see it; other headers can be added."""

    def get(path="", **headers):
        headers = {"Authorization": f"Bearer {token}", **headers}
        return client.get(f"{ROOT}{path}", headers=headers)

    return get


def test_nobody_sees_a_page_without_a_token(client, binding):
    binding.queue("secret-plans").add("run")
    for path in ("", "/", "/live"):
        answer = client.get(f"{ROOT}{path}")
        assert answer.status_code in (303, 401)
        assert "secret-plans" not in answer.text


def test_no_page_may_run_scripts_or_styles_of_its_own(get):
    answer = get()
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "<style" not in answer.text
    assert " style=" not in answer.text
    assert " on" not in answer.text.partition("<body")[2].partition("<main")[0]


def test_styles_and_scripts_are_for_everybody_and_kept(client):
    for name in ("style.css", "main.js", "icon.svg"):
        answer = client.get(f"{ROOT}/static/{name}")
        assert answer.status_code == 200
        assert "max-age=31536000" in answer.headers["Cache-Control"]
    assert client.get(f"{ROOT}/static/../page.py").status_code == 404


def test_the_dashboard_can_be_elsewhere_or_left_out(make_app, token):
    headers = {"Authorization": f"Bearer {token}"}
    moved = make_app(BULLRUSH_DASHBOARD_PATH="/ops").test_client()
    assert moved.get("/ops", headers=headers).status_code == 200
    assert moved.get(ROOT, headers=headers).status_code == 404
    without = make_app(BULLRUSH_DASHBOARD_PATH=False)
    assert without.test_client().get(ROOT, headers=headers).status_code == 404
    assert KEY not in without.extensions


def test_without_redis_the_page_says_so_and_names_no_host(make_app, token, refusing_url):
    app = make_app(BULLRUSH_REDIS_URL=refusing_url)
    answer = app.test_client().get(ROOT, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 503
    assert "Redis is not available" in answer.text
    assert "127.0.0.1" not in answer.text


def test_under_another_mount_all_links_keep_it(app, token):
    answer = app.test_client().get(
        ROOT,
        headers={"Authorization": f"Bearer {token}"},
        environ_overrides={"SCRIPT_NAME": "/shop"},
    )
    assert 'href="/shop/admin/queues/static/style.css' in answer.text
    assert 'href="/admin' not in answer.text


def test_a_server_with_one_thread_gets_no_stream(app, token):
    answer = app.test_client().get(
        f"{ROOT}/live",
        headers={"Authorization": f"Bearer {token}"},
        environ_overrides={"wsgi.multithread": False},
    )
    assert answer.status_code == 204


def test_where_job_data_is_not_to_be_shown_progress_and_log_are_not_either(make_app, token):
    app = make_app(BULLRUSH_ADMIN_JOB_DATA=False)
    queue = app.extensions["bullrush"].queue("orders")
    job = queue.add("ship", {"to": "private-street"})
    queue.update_progress(job.id, {"at": "private-street"})
    queue.add_log(job.id, "on my way to private-street")
    answer = app.test_client().get(
        f"{ROOT}/job?queue=orders&id={job.id}", headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 200
    assert "ship" in answer.text
    assert "private-street" not in answer.text


def test_queues_without_jobs_hide_none_that_has_jobs_and_no_workers(get, binding):
    idle = [binding.queue(f"a-{number:02}") for number in range(12)]
    for queue in idle:
        queue.remove(queue.add("run").id)
    for name in ("y", "z"):
        binding.queue(name).add("run")
    assert get("/workers").text.count("No workers") == 2
    for queue in idle:
        queue.add("run", delay=60_000)
    board_of(binding._app).collector._read_at = float("-inf")
    assert "and on 6 more queues" in get("/workers").text


def test_a_redis_that_is_away_is_asked_once_for_all_who_look_within_a_second(
    make_app, refusing_url
):
    app = make_app(BULLRUSH_REDIS_URL=refusing_url)
    binding, collector = app.extensions["bullrush"], board_of(app).collector
    counter = binding.celery._driver = CountingDriver(binding.driver)
    for _ in range(5):
        with pytest.raises(ConnectionFailed):
            collector.current(PERIOD)
    assert counter.trips == 1
    collector._failed_at = float("-inf")  # as if a second had passed
    with pytest.raises(ConnectionFailed):
        collector.current(PERIOD)
    assert counter.trips == 2


def test_whoever_has_changed_a_queue_sees_it_at_once(client, get, token, binding):
    binding.queue("emails").add("send")
    headers = {"Authorization": f"Bearer {token}"}
    for act in ("pause", "resume", "pause"):
        get("/queue?name=emails")  # read less than a second before
        client.post(f"/api/admin/queues/emails/{act}", headers=headers)
        page = get("/queue?name=emails").text
        assert ('data-do="resume"' in page) == (act == "pause")
        assert (">paused<" in get().text) == (act == "pause")
