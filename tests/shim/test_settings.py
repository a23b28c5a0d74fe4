"""Every setting: where it comes from, and what is said of it."""

from __future__ import annotations

import datetime
import logging
import types
import zoneinfo

import pytest

from bullrush import Celery
from bullrush.app.defaults import SETTINGS
from bullrush.app.old_names import NEW_NAMES, OLD_NAMES
from bullrush.compatibility import ACCEPTED, REFUSED
from bullrush.exceptions import ImproperlyConfigured


@pytest.fixture
def bare(monkeypatch):
    """An application that connects to nothing."""
    for name in ("CELERY_BROKER_URL", "CELERY_RESULT_BACKEND"):
        monkeypatch.delenv(name, raising=False)
    with Celery("bare", set_as_current=False) as app:
        yield app


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_has_its_default_and_can_be_set_by_both_names(setting, caplog):
    with Celery("one", set_as_current=False) as app, caplog.at_level(logging.INFO):
        usual = app.conf[setting.name]
        assert usual == getattr(app.conf, setting.name)
        app.conf[OLD_NAMES[setting.name]] = usual
        assert app.conf[setting.name] == usual
        assert "has no effect" not in caplog.text
        if setting.status == REFUSED:
            with pytest.raises(ImproperlyConfigured, match=setting.name):
                app.conf[setting.name] = "something else"
        elif setting.status == ACCEPTED:
            app.conf[setting.name] = "something else"
            app.conf[setting.name] = "something else"
            assert caplog.text.count(setting.note) == 1


def test_defaults_are_not_shared_by_applications(bare):
    bare.conf.beat_schedule["mine"] = {}
    bare.conf.broker_transport_options["x"] = 1
    with Celery("other", set_as_current=False) as other:
        assert (other.conf.beat_schedule, other.conf.broker_transport_options) == ({}, {})


def test_an_unset_unknown_name_is_an_attribute_error(bare):
    with pytest.raises(AttributeError, match="no_such_setting"):
        bare.conf.no_such_setting  # noqa: B018
    with pytest.raises(KeyError):
        bare.conf["no_such_setting"]
    assert bare.conf.get("no_such_setting", 5) == 5


def test_an_unknown_name_may_be_set_and_read_back(bare):
    bare.conf.my_own = 1
    bare.conf.update({"second": 2}, third=3)
    assert (bare.conf.my_own, bare.conf["second"], bare.conf.third) == (1, 2, 3)
    assert "my_own" in bare.conf


@pytest.mark.parametrize(
    "mixed",
    [
        {"CELERY_ALWAYS_EAGER": True, "task_default_queue": "x"},
        {"task_always_eager": True, "BROKER_URL": "redis://"},
    ],
)
def test_old_and_new_names_may_not_be_mixed(bare, mixed):
    bare.config_from_object(mixed)
    with pytest.raises(ImproperlyConfigured, match="Cannot mix new and old") as raised:
        bare.conf.task_always_eager  # noqa: B018
    assert "->" in str(raised.value)


def test_with_a_namespace_its_names_count_before_the_old_and_the_bare_ones(bare, caplog):
    settings = types.SimpleNamespace(
        CELERY_TASK_ALWAYS_EAGER=True,
        CELERY_BROKER_URL="redis://q",
        BROKER_URL="redis://old",
        CELERY_DEFAULT_QUEUE="old",
        CELERYD_CONCURRENCY=4,
        CELERY_DEFUALT_QUEUE="a slip",
        S3_BUCKET="the project's own",
        task_ignore_result=True,
        TIME_ZONE="Europe/Rome",
    )
    bare.config_from_object(settings, namespace="CELERY")
    assert (bare.conf.task_always_eager, bare.conf.broker_url) == (True, "redis://q")
    assert (bare.conf.task_default_queue, bare.conf.worker_concurrency) == ("old", 4)
    assert (bare.conf.task_ignore_result, bare.conf.s3_bucket) == (True, None)
    assert bare.conf.timezone == "Europe/Rome"
    assert caplog.text.count("has no effect") == 1
    assert "'defualt_queue' has no effect here" in caplog.text


def test_an_application_that_names_no_settings_takes_those_of_the_environment(
    bare, tmp_path, monkeypatch
):
    (tmp_path / "named_celeryconfig.py").write_text("task_default_queue = 'from-a-module'")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("CELERY_CONFIG_MODULE", "named_celeryconfig")
    assert bare.conf.task_default_queue == "from-a-module"
    bare.config_from_object({"task_time_limit": 4})
    assert (bare.conf.task_default_queue, bare.conf.task_time_limit) == ("celery", 4)
    monkeypatch.setenv("CELERY_CONFIG_MODULE", "no_such_celeryconfig")
    with (
        Celery("other", set_as_current=False) as other,
        pytest.raises(ModuleNotFoundError, match="no_such_celeryconfig"),
    ):
        other.conf.task_default_queue  # noqa: B018


@pytest.mark.parametrize("store", ["db+postgresql", "rpc", "mongodb", "cache+memory", "zork"])
def test_a_result_backend_that_is_no_redis_is_told_once_without_its_password(bare, store, caplog):
    bare.conf.result_backend = f"{store}://user:secret@host/name"
    bare.conf.result_backend = f"{store}://user:secret@host/name"
    assert caplog.text.count(f"result_backend={store!r} stores nothing here") == 1
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    "store", [None, "redis://h/1", "rediss://h", "sentinel://h", "disabled://", "django-db"]
)
def test_a_result_backend_that_is_there_is_told_of_nothing(bare, store, caplog):
    bare.conf.result_backend = store
    assert caplog.text == ""


def test_settings_are_read_when_the_first_is_asked_for(bare):
    class Source:
        """Settings that tell when they are read."""

        reads = 0

        @property
        def task_default_queue(self):
            Source.reads += 1
            return "q"

    bare.config_from_object(Source())
    assert (Source.reads, bare.configured) == (0, False)
    assert (bare.conf.task_default_queue, bare.configured) == ("q", True)
    bare.config_from_object(Source(), force=True)
    assert bare.configured


def test_what_is_set_first_wins_over_the_source_and_what_is_set_later_is_replaced(bare):
    bare.conf.result_expires = 5
    bare.config_from_object({"result_expires": 7, "task_default_queue": "q"})
    assert (bare.conf.result_expires, bare.conf.task_default_queue) == (5, "q")
    bare.conf.task_time_limit = 4
    bare.config_from_object({"result_expires": 8})
    found = (bare.conf.result_expires, bare.conf.task_default_queue, bare.conf.task_time_limit)
    assert found == (5, "celery", None)


def test_keywords_of_the_constructor_are_settings():
    with Celery("x", broker="redis://a", result_expires=3, changes={"task_time_limit": 4}) as app:
        app.config_from_object({"result_expires": 8, "broker_url": "redis://b"})
        assert (app.conf.broker_url, app.conf.result_expires) == ("redis://a", 3)
        assert app.conf.task_time_limit == 4


def test_added_defaults_count_when_nobody_sets_a_value(bare):
    bare.add_defaults({"result_expires": 77})
    bare.add_defaults(lambda: {"own": 1})
    assert (bare.conf.result_expires, bare.conf.own) == (77, 1)
    bare.conf.result_expires = 5
    assert bare.conf.result_expires == 5


def test_the_environment_beats_the_settings(bare, monkeypatch):
    bare.conf.broker_url = "redis://set"
    monkeypatch.setenv("CELERY_BROKER_URL", "memory://environment")
    monkeypatch.setenv("CELERY_RESULT_BACKEND", "redis://results")
    assert (bare.conf.broker_url, bare.conf["broker_url"]) == ("memory://environment",) * 2
    assert bare.conf.result_backend == "redis://results"
    assert bare.broker_location() == "memory://environment"


def test_a_setting_can_be_taken_back(bare):
    bare.conf.task_time_limit = 5
    del bare.conf["task_time_limit"]
    assert bare.conf.task_time_limit is None
    with pytest.raises(KeyError):
        del bare.conf["task_time_limit"]


def test_settings_from_the_command_line(bare):
    bare.config_from_cmdline(["worker.concurrency=5", "task_always_eager=true", "timezone=UTC"])
    found = (bare.conf.worker_concurrency, bare.conf.task_always_eager, bare.conf.timezone)
    assert found == (5, True, "UTC")
    with pytest.raises(ImproperlyConfigured, match="NAME=VALUE"):
        bare.config_from_cmdline(["worker"])


def test_secrets_are_never_shown(bare):
    bare.conf.broker_url = "redis://user:secret@host:1/0"
    bare.conf.security_key = bare.conf.my_api_token = "secret"
    bare.conf.broker_transport_options = {"sentinel_kwargs": {"password": "secret"}}
    shown = [
        str(bare.conf.table()),
        bare.conf.humanize(),
        repr(bare.conf),
        bare.bugreport(),
        repr(bare.connection()),
    ]
    assert not [text for text in shown if "secret" in text.replace("secret_", "")]
    assert "secret" in str(bare.conf.table(censored=False))
    assert bare.conf.table(with_defaults=True)["task_default_routing_key"] == "celery"


def test_the_time_zone_is_that_of_the_settings(bare):
    assert bare.timezone is datetime.timezone.utc
    bare.conf.timezone = "Europe/Berlin"
    assert bare.timezone == zoneinfo.ZoneInfo("Europe/Berlin")
    assert bare.now().tzinfo == bare.timezone
    bare.conf.timezone = "Nowhere/At-all"
    with pytest.raises(ImproperlyConfigured, match="Nowhere"):
        bare.now()


def test_only_protocol_two_is_there(bare):
    with pytest.raises(ImproperlyConfigured, match="protocol 1"):
        bare.conf.task_protocol = 1
    bare.conf.task_protocol = 2


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({}, None),
        ({"broker_url": "redis://h:1/2"}, "redis://h:1/2"),
        ({"broker_url": "redis+socket:///tmp/s"}, "unix:///tmp/s"),
        ({"broker_url": "redis://"}, "redis://localhost"),
        ({"broker_url": "redis://h", "broker_use_ssl": True}, "rediss://h"),
        ({"broker_url": ["redis://a", "redis://b"]}, "redis://a"),
        ({"broker_url": "redis://a;redis://b"}, "redis://a"),
        ({"broker_read_url": "redis://a", "broker_write_url": "redis://a"}, "redis://a"),
        (
            {
                "broker_url": "redis://b",
                "broker_read_url": "redis://a",
                "broker_write_url": "redis://a",
            },
            "redis://a",
        ),
        ({"broker_url": "redis://a", "broker_write_url": "redis://a"}, "redis://a"),
        ({"broker_host": "h", "broker_port": 7, "broker_vhost": "3"}, "redis://h:7/3"),
        ({"broker_host": "h", "broker_user": "u", "broker_password": "p/"}, "redis://u:p%2F@h/0"),
        ({"broker_url": "redis://h", "broker_connection_timeout": 2}, "?socket_connect_timeout=2"),
        (
            {"broker_url": "rediss://h", "broker_use_ssl": {"ssl_cert_reqs": "none"}},
            "rediss://h?ssl_cert_reqs=none",
        ),
    ],
)
def test_the_broker_can_be_said_in_every_form(bare, monkeypatch, settings, url):
    monkeypatch.setenv("BULLRUSH_REDIS_URL", "redis://from-the-environment")
    bare.conf.update(settings)
    assert bare.broker_location().endswith(url or "redis://from-the-environment")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"broker_url": "amqp://guest@h//"}, "amqp:// is another broker"),
        ({"broker_url": "sqs://"}, "sqs:// is another broker"),
        ({"broker_read_url": "redis://a", "broker_write_url": "redis://b"}, "differ"),
        ({"broker_url": "redis://a", "broker_write_url": "redis://b"}, "differ"),
        ({"broker_url": "redis://a", "broker_read_url": "redis://b"}, "differ"),
        ({"broker_url": "redis://h", "broker_transport_options": 3}, "is a dict"),
    ],
)
def test_a_broker_that_is_not_here_is_refused_when_it_is_needed(bare, settings, words):
    bare.conf.update(settings)
    with pytest.raises(ImproperlyConfigured, match=words):
        bare.driver  # noqa: B018


def test_of_several_brokers_the_first_that_answers_is_used(redis_url):
    with Celery("x", broker=f"redis://127.0.0.1:1/0;{redis_url}", set_as_current=False) as app:
        assert app.driver.url == redis_url


def test_keys_may_have_a_prefix_of_celerys_or_ours(bare):
    bare.conf.broker_transport_options = {"global_keyprefix": "shop:", "no_such_option": 1}
    assert bare.prefix == "shop:bull"
    bare.conf.bullrush_prefix = "own"
    assert bare.prefix == "own"


def test_unknown_transport_options_are_told(bare, caplog):
    bare.conf.broker_url = "redis://h"
    bare.conf.broker_transport_options = {"visibility_timeout": 5, "no_such_option": 1}
    bare.broker_location()
    assert "no_such_option" in caplog.text
    assert "visibility_timeout" not in caplog.text


def test_every_old_name_belongs_to_one_setting():
    names = {setting.name for setting in SETTINGS}
    assert set(NEW_NAMES.values()) <= names
    assert len(set(OLD_NAMES.values())) == len(names)


def test_kept_results_follow_the_settings():
    with Celery("x", broker="memory://kept", set_as_current=False) as app:
        app.conf.update(result_expires=datetime.timedelta(hours=1), result_failure_expires=60)
        job = app.queue("celery").get_job(app.send_task("a").id)
        assert (job.opts["removeOnComplete"], job.opts["removeOnFail"]) == (
            {"age": 3600},
            {"age": 60},
        )
        app.conf.update(result_expires=None, result_failure_expires=None)
        job = app.queue("celery").get_job(app.send_task("a").id)
        assert "removeOnComplete" not in job.opts


def test_a_word_of_the_command_line_may_leave_its_first_part_to_the_caller(bare):
    bare.config_from_cmdline([".concurrency=5"], namespace="worker")
    assert bare.conf.worker_concurrency == 5
