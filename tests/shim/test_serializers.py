"""How arguments and results are stored."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import decimal
import enum
import json
import math
import os
import uuid

import pytest
from kombu.exceptions import EncodeError, SerializerNotInstalled

from bullrush.core.errors import InvalidOption
from bullrush.exceptions import (
    ContentDisallowed,
    DecodeError,
    ImproperlyConfigured,
    SecurityError,
    SecurityWarning,
)
from bullrush.platforms import check_privileges
from bullrush.serialization import dump_result, loads, pack, unpack
from bullrush.worker import make_worker


class Colour(enum.Enum):
    """An enum."""

    RED = 1


@dataclasses.dataclass
class Point:
    """A dataclass."""

    x: int


class WithJson:
    """Tells its own JSON form."""

    def __json__(self):
        return {"plain": 1}


def data_of(app, result):
    """What Node sees."""
    return app.queue(app.conf.task_default_queue).get_job(result.id).data


@pytest.mark.parametrize(
    ("value", "comes_back"),
    [
        (datetime.datetime(2026, 1, 2, 3, 4, tzinfo=datetime.timezone.utc), None),
        (datetime.date(2026, 1, 2), None),
        (datetime.time(3, 4), None),
        (uuid.UUID(int=5), None),
        (decimal.Decimal("1.10"), None),
        (b"bytes", None),
        (b"\xff\x00", None),
        ((1, 2), [1, 2]),
        ({1: "a"}, {"1": "a"}),
        (WithJson(), {"plain": 1}),
        (math.inf, None),
        ({"__type__": "unheard-of", "__value__": 1}, None),
    ],
)
def test_a_json_round_trip_gives_what_celery_gives(app, start, echo, value, comes_back):
    start()
    found = echo.delay(value).get(timeout=10)
    assert found == (value if comes_back is None else comes_back)
    assert type(found) is type(value if comes_back is None else comes_back)


def test_not_a_number_travels_though_node_cannot_read_it(app, start, echo):
    start()
    result = echo.delay(math.nan)
    assert math.isnan(result.get(timeout=10))


@pytest.mark.parametrize(
    "value",
    [{1}, frozenset(), datetime.timedelta(1), Colour.RED, 1j, Point(1), object(), "\ud800"],
    ids=lambda value: type(value).__name__,
)
def test_what_json_cannot_hold_is_refused_at_the_caller(app, echo, value):
    with pytest.raises(EncodeError):
        echo.delay(value)
    assert app.queue(app.conf.task_default_queue).get_job_counts()["waiting"] == 0


def test_a_result_that_cannot_be_encoded_fails_the_task(app, start):
    @app.task
    def make_set():
        return {1}

    start()
    result = make_set.delay()
    with pytest.raises(EncodeError):
        result.get(timeout=10)
    assert result.state == "FAILURE"


def test_plain_json_is_what_node_reads(app, echo):
    assert data_of(app, echo.delay([1, "ü"])) == {"args": [[1, "ü"]], "kwargs": {}}


@pytest.mark.parametrize("serializer", ["pickle", "msgpack"])
def test_another_serializer_works_when_it_is_accepted(app, start, echo, serializer):
    app.conf.accept_content = ["json", serializer]
    app.conf.task_serializer = app.conf.result_serializer = serializer
    start()
    value = {"a": [1, b"raw"]}
    result = echo.delay(value)
    assert result.get(timeout=10) == value


def test_the_stored_form_of_another_serializer_says_which(app, echo):
    data = data_of(app, echo.apply_async(({1},), serializer="pickle"))
    assert data["content_type"] == "application/x-python-serialize"
    assert data["content_encoding"] == "binary"
    assert base64.b64decode(data["body"])
    assert data.keys() == {"content_type", "content_encoding", "body"}


def test_a_task_may_have_a_serializer_of_its_own(app, start):
    app.conf.accept_content = ["json", "pickle"]

    @app.task(serializer="pickle")
    def count(values):
        return sorted(values)

    start()
    assert count.delay({2, 1}).get(timeout=10) == [1, 2]


def test_content_that_is_not_accepted_never_reaches_the_task(app, start, echo):
    start()
    result = echo.apply_async(({1},), serializer="pickle")
    with pytest.raises(ContentDisallowed, match="application/x-python-serialize"):
        result.get(timeout=10)
    assert result.state == "FAILURE"


def test_a_result_that_is_not_accepted_is_not_read(app, start, echo):
    app.conf.accept_content = ["json", "pickle"]
    app.conf.result_serializer = "pickle"
    start()
    result = echo.delay((1,))
    assert result.get(timeout=10) == [1]
    app.conf.result_accept_content = ["json"]
    with pytest.raises(ContentDisallowed):
        app.AsyncResult(result.id).get(timeout=10)


@pytest.mark.parametrize("compression", ["gzip", "bzip2", "zlib", "application/x-gzip"])
def test_arguments_and_results_may_be_compressed(app, start, echo, compression):
    app.conf.result_compression = compression
    start()
    value = "long " * 1000
    result = echo.apply_async((value,), compression=compression)
    data = data_of(app, result)
    assert result.get(timeout=10) == value
    assert len(data["body"]) < 500
    assert data["content_type"] == "application/json"


def test_compression_of_the_settings_and_of_a_task(app, echo):
    app.conf.task_compression = "gzip"
    assert data_of(app, echo.delay("a"))["compression"] == "application/x-gzip"

    @app.task(compression="bzip2")
    def own():
        return None

    assert data_of(app, own.delay())["compression"] == "application/x-bz2"


def test_headers_stand_beside_packed_arguments(app, echo):
    data = data_of(app, echo.apply_async((1,), serializer="msgpack", headers={"a": 1}))
    assert data["celery"] == {"headers": {"a": 1}}


def test_names_that_kombu_does_not_know_are_refused_at_the_caller(app, echo):
    with pytest.raises(SerializerNotInstalled):
        echo.apply_async(serializer="nope")
    with pytest.raises(InvalidOption, match="'nope' here; there are"):
        echo.apply_async(compression="nope")


@pytest.mark.parametrize("setting", ["accept_content", "result_accept_content"])
def test_a_worker_that_is_to_accept_what_nobody_knows_does_not_start(app, setting):
    app.conf[setting] = ["json", "nope"]
    with pytest.raises(ImproperlyConfigured, match=f"{setting}: .* nope; register it"):
        make_worker(app)


def test_damaged_content_is_a_decode_error():
    box = pack([1], "pickle")
    for damaged in ({**box, "body": "!!"}, {**box, "body": "AAAA"}):
        with pytest.raises(DecodeError):
            unpack(damaged, ["pickle"])


def test_a_packed_result_is_told_from_a_dict_of_the_user():
    for value in ({"celery": 1}, {"celery": {"content_type": 1}}, {"body": 1}):
        text = dump_result(value, "json").encode()
        assert loads(text, value) == value
    packed = dump_result({1}, "pickle")
    assert loads(packed.encode(), json.loads(packed), ["pickle"]) == {1}


def test_a_worker_that_accepts_pickle_does_not_run_as_root(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0, raising=False)
    monkeypatch.delenv("C_FORCE_ROOT", raising=False)
    check_privileges(["json", "msgpack"])
    with pytest.raises(SecurityError, match="C_FORCE_ROOT"):
        check_privileges(["json", "pickle"])
    monkeypatch.setenv("C_FORCE_ROOT", "1")
    with pytest.warns(SecurityWarning):
        check_privileges(["application/x-python-serialize"])
    monkeypatch.setattr(os, "geteuid", lambda: 1000, raising=False)
    check_privileges(["pickle"])
