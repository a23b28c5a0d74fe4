"""Secrets in what is packed are not shown either."""

from __future__ import annotations

import json

import pytest

from bullrush.flask_ext.access.redaction import HIDDEN, Redaction, redact
from bullrush.message import Message
from bullrush.serialization import dump_result, pack

ARGS, KWARGS = ("ann",), {"password": "hush", "customer": {"street": "Elm", "city": "Bonn"}}
SHOWN = {"password": HIDDEN, "customer": {"street": HIDDEN, "city": "Bonn"}}
OURS = Redaction(["password", "kwargs.customer.street"])


def data_of(serializer, compression=None, **headers):
    return json.loads(Message(ARGS, KWARGS, headers).encode(serializer, compression).text)


@pytest.mark.parametrize("serializer", ["msgpack", "yaml"])
def test_arguments_that_are_data_alone_are_shown_without_their_secrets(serializer):
    shown = OURS(data_of(serializer, root_id="r"))
    assert (shown["args"], shown["kwargs"]) == (["ann"], SHOWN)
    assert serializer in shown["content_type"]
    assert shown["celery"] == {"root_id": "r"}
    assert "body" not in shown


@pytest.mark.parametrize(
    ("serializer", "compression", "why"),
    [
        ("pickle", None, "application/x-python-serialize"),
        ("pickle", "gzip", "compressed"),
        ("json", "zlib", "compressed"),
        ("msgpack", "bzip2", "compressed"),
    ],
)
def test_what_nobody_can_look_into_is_hidden_as_a_whole_and_says_so(serializer, compression, why):
    data = data_of(serializer, compression)
    shown = OURS(data)
    assert shown["body"].startswith(f"{HIDDEN} (")
    assert why in shown["body"]
    assert data["body"][:20] not in json.dumps(shown)


@pytest.mark.parametrize(
    "body", ["%%%", "gA==", "", None, {"password": "hush"}, ["hush"], "x" * 600_000]
)
def test_a_damaged_body_is_hidden(body):
    box = {"content_type": "application/x-msgpack", "content_encoding": "binary", "body": body}
    shown = json.dumps(OURS(box))
    assert "hush" not in shown
    assert "xxx" not in shown


def test_other_spellings_of_the_same_are_hidden_too():
    box = {**pack({"a": 1}, "pickle"), "extra": 1}
    assert HIDDEN in OURS(box)["body"]


def test_a_packed_result_is_looked_into_as_well():
    stored = json.loads(dump_result({"token": "hush", "n": 1}, "msgpack"))
    assert redact(stored)["celery"]["body"] == {"token": HIDDEN, "n": 1}


def test_bytes_that_json_holds_as_base64_are_looked_into():
    marked = {"__type__": "bytes", "__value__": "eyJwYXNzd29yZCI6ICJodXNoIn0="}
    assert redact({"value": marked}) == {"value": {"password": HIDDEN}}
    assert redact({"__type__": "bytes", "__value__": "%"}) == "[damaged]"


def test_without_redaction_everything_is_shown_as_it_is():
    data = data_of("pickle")
    assert Redaction(())(data) == data
