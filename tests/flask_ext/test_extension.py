"""The extension object: one for many applications, nothing connected before it is needed."""

from __future__ import annotations

import gc
import weakref

import pytest
from flask import Flask, current_app, g

from bullrush.app import locating
from bullrush.core import QueueEvents
from bullrush.core.drivers import urls
from bullrush.flask_ext import Binding, Bullrush


def test_the_constructor_and_init_app_do_the_same():
    one, other = Flask("one"), Flask("other")
    Bullrush(one)
    Bullrush().init_app(other)
    rules = [sorted(str(rule) for rule in app.url_map.iter_rules()) for app in (one, other)]
    assert rules[0] == rules[1]
    assert isinstance(one.extensions["bullrush"], Binding)


def test_nothing_connects_before_the_first_use(monkeypatch):
    def refuse(url, **options):
        raise AssertionError("connected")

    monkeypatch.setattr(locating, "connect", refuse)
    app = Flask("shop")
    app.config["BULLRUSH_REDIS_URL"] = "redis://nowhere.invalid:1/0"
    bullrush = Bullrush(app)
    assert app.test_client().get("/live").status_code == 200
    with pytest.raises(AssertionError, match="connected"):
        bullrush.queue("emails")


def test_a_second_init_of_one_application_is_refused():
    app = Flask("shop")
    bullrush = Bullrush(app)
    with pytest.raises(RuntimeError, match="shop"):
        bullrush.init_app(app)


def test_the_queue_is_the_same_object_every_time(app, binding):
    assert binding.queue("emails") is binding.queue("emails")


def test_two_applications_with_one_extension_keep_their_queues_apart(redis_url, queue_name):
    bullrush = Bullrush()
    apps = [Flask("north"), Flask("south")]
    for app in apps:
        app.config["BULLRUSH_REDIS_URL"] = redis_url
        app.config["BULLRUSH_PREFIX"] = f"{queue_name}-{app.name}"
        bullrush.init_app(app)
    with apps[0].app_context():
        bullrush.queue("emails").add("send")
        assert bullrush.queue("emails").get_job_counts("waiting") == {"waiting": 1}
    with apps[1].app_context():
        assert bullrush.queue("emails").get_job_counts("waiting") == {"waiting": 0}
    with pytest.raises(RuntimeError, match="2 applications"):
        bullrush.queue("emails")
    for app in apps:
        app.extensions["bullrush"].close()


def test_without_a_context_the_only_application_is_meant():
    app = Flask("shop")
    assert Bullrush(app).binding is app.extensions["bullrush"]


def test_an_application_that_was_not_initialised_is_named():
    bullrush = Bullrush(Flask("shop"))
    with (
        Flask("bakery").app_context(),
        pytest.raises(RuntimeError, match=r"bakery.*init_app"),
    ):
        bullrush.queue("emails")


def test_a_factory_may_be_called_again_and_again():
    bullrush = Bullrush()

    def create_app():
        app = Flask("shop")
        bullrush.init_app(app)
        return app

    first = weakref.ref(create_app())
    gc.collect()
    assert first() is None, "a dropped application must not live on in the extension"
    assert create_app().extensions["bullrush"] is bullrush.binding


def test_a_worker_runs_its_handler_inside_the_context(app, binding, queue_name):
    app.config["SHOP"] = "corner"
    seen = []

    def handle(delivery):
        seen.append(hasattr(g, "used"))
        g.used = True
        return current_app.config["SHOP"]

    queue = binding.queue("emails")
    with binding.worker("emails", handle, concurrency=1), events_of(queue) as events:
        for _ in range(2):
            job = queue.add("send")
            assert events.wait_until_finished(job.id, 10) == "corner"
    assert seen == [False, False], "every job has a g of its own"


def test_a_coroutine_handler_keeps_the_context_until_it_ends(app, binding):
    async def handle(delivery):
        return current_app.name

    queue = binding.queue("emails")
    with binding.worker("emails", handle), events_of(queue) as events:
        assert events.wait_until_finished(queue.add("send").id, 10) == "shop"


def test_workers_of_the_process_are_stopped_by_close(binding):
    worker = binding.start_worker("emails", lambda delivery: None)
    assert worker._thread.is_alive()
    binding.close()
    assert not worker._thread.is_alive()


def test_a_closed_binding_connects_anew(binding):
    binding.queue("emails").add("send")
    binding.close()
    assert binding.queue("emails").get_job_counts("waiting") == {"waiting": 1}


def test_the_environment_says_where_redis_is(redis_url, monkeypatch):
    monkeypatch.setenv("BULLRUSH_REDIS_URL", redis_url)
    app = Flask("shop")
    driver = Bullrush(app).binding.driver
    assert driver.location == urls.redacted(redis_url)
    app.extensions["bullrush"].close()


def events_of(queue):
    """A reader of a queue's events."""
    return QueueEvents(queue.name, driver=queue.driver, prefix=queue.keys.prefix)
