"""Settings are read once, checked, and named in the error when they are wrong."""

from __future__ import annotations

import pytest

from bullrush.core.errors import InvalidOption, InvalidQueueName
from bullrush.flask_ext.settings import settings_of


def test_defaults():
    settings = settings_of({"SECRET_KEY": "x"})
    assert settings.redis_url is None
    assert settings.prefix == "bull"
    assert settings.policy.tokens == ()
    assert settings.show_job_data is True
    assert settings.queue_aliases == {}
    assert settings.url_prefix == "/api"


def test_an_unknown_key_is_refused_with_the_nearest():
    with pytest.raises(InvalidOption, match="BULLRUSH_ADMIN_TOKEN"):
        settings_of({"BULLRUSH_ADMIN_TOKENS": "x"})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("BULLRUSH_REDIS_URL", 6379),
        ("BULLRUSH_PREFIX", b"bull"),
        ("BULLRUSH_ADMIN_TOKEN", 1234),
        ("BULLRUSH_ADMIN_TOKEN", ["one", None]),
        ("BULLRUSH_ADMIN_JOB_DATA", "no"),
        ("BULLRUSH_QUEUE_ALIASES", [("email", "email-queue")]),
        ("BULLRUSH_URL_PREFIX", "api"),
        ("CELERY", "celeryconfig"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_by_name(key, value):
    with pytest.raises(InvalidOption, match=key):
        settings_of({key: value})


def test_an_alias_for_an_impossible_queue_is_refused():
    with pytest.raises(InvalidQueueName, match="a:b"):
        settings_of({"BULLRUSH_QUEUE_ALIASES": {"email": "a:b"}})


def test_an_impossible_prefix_is_refused():
    with pytest.raises(InvalidQueueName, match="bull:"):
        settings_of({"BULLRUSH_PREFIX": "bull:"})


def test_the_prefix_may_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("BULLRUSH_PREFIX", "{outside}")
    assert settings_of({}).prefix == "{outside}"
    assert settings_of({"BULLRUSH_PREFIX": "inside"}).prefix == "inside"


def test_a_refused_token_is_not_repeated():
    with pytest.raises(InvalidOption) as caught:
        settings_of({"BULLRUSH_ADMIN_TOKEN": {"hush": "hush"}})
    assert "hush" not in str(caught.value)
