"""Messages that stand in for those of a broker."""

from __future__ import annotations

import json

from bullrush import Celery
from bullrush.contrib.testing.mocks import TaskMessage, TaskMessage1, task_message_from_sig


def test_a_message_of_each_protocol_says_the_same_in_its_payload_and_its_body():
    second = TaskMessage("shop.add", id="i", args=(1, 2), kwargs={"z": 3}, shadow="sh")
    assert second.headers == {"id": "i", "task": "shop.add", "shadow": "sh"}
    none = {"callbacks": None, "errbacks": None, "chain": None}
    assert second.payload == ((1, 2), {"z": 3}, none)
    assert json.loads(second.body) == [[1, 2], {"z": 3}, none]

    first = TaskMessage1("shop.add", id="i", args=(1, 2), retries=2)
    assert first.headers == {}
    assert (first.payload["task"], first.payload["args"], first.payload["retries"]) == (
        "shop.add",
        (1, 2),
        2,
    )
    assert json.loads(first.body) == {**first.payload, "args": [1, 2]}


def test_a_signature_has_a_message():
    with Celery("mocks", broker="memory://mocks", set_as_current=False) as app:
        signature = app.signature("shop.add", (1, 2))
        message = task_message_from_sig(app, signature)
        old = task_message_from_sig(app, signature, TaskMessage=TaskMessage1)
    assert message.headers["id"] == signature.id == old.payload["id"]
    assert message.payload[0] == old.payload["args"] == (1, 2)
