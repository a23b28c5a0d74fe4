"""The OpenAPI document is true: what it allows is answered as it says, whoever makes it up."""

from __future__ import annotations

import random
import time

import hypothesis
import pytest
import schemathesis
from schemathesis import checks

from bullrush.core import Failed
from bullrush.flask_ext.admin.blueprint import ROUTES
from tests.support.trips import Hands

#: s for all routes together.
BUDGET = 5
EXAMPLES = 5
CHECKS = (
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
)


@pytest.fixture
def document(send):
    """The document as it is served."""
    return send("GET", "/openapi.json").get_json()


@pytest.fixture
def world(binding):
    """A queue named as in the made-up paths, with jobs and a scheduler."""
    queue = binding.queue("email-queue")
    for job_id in ("one", "two", "three"):
        queue.add("send", {"to": "ann"}, job_id=job_id)
    hands = Hands(queue)
    (delivery,) = hands.take()
    hands.commit(delivery, Failed("no such mailbox", "Error: x\n    at run (/app/a.js:1:2)"))
    queue.upsert_job_scheduler("tick", every=60_000)
    return queue


def test_every_route_is_in_the_document(document):
    assert document["openapi"] == "3.1.0"
    named = {
        operation["operationId"]
        for path in document["paths"].values()
        for operation in path.values()
    }
    assert named == {route.name for route in ROUTES}
    assert len(ROUTES) == len({route.name for route in ROUTES})


def test_the_document_needs_a_token(client):
    assert client.get("/api/admin/openapi.json").status_code == 401


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda mode: mode.name)
def test_made_up_requests_are_answered_as_the_document_says(app, token, world, mode):
    seed = random.SystemRandom().getrandbits(32)
    print(f"seed {seed}")
    chosen = random.Random(seed)
    headers = {"Authorization": f"Bearer {token}"}
    schema = schemathesis.openapi.from_wsgi("/api/admin/openapi.json", app, headers=headers)
    operations = [result.ok() for result in schema.get_all_operations()]
    chosen.shuffle(operations)
    deadline, asked = time.monotonic() + BUDGET, 0
    known = {"queue": ["email-queue", "email"], "job_id": ["one", "two"], "scheduler_id": ["tick"]}
    for operation in operations:

        @hypothesis.seed(seed)
        @hypothesis.settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=[hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
        def ask(case):
            nonlocal asked
            if time.monotonic() > deadline:
                return
            for name in case.path_parameters or {}:
                # A wrong path may be no route of ours: then the application answers it.
                is_wrong = mode is schemathesis.GenerationMode.NEGATIVE
                if name in known and (is_wrong or chosen.random() < 0.8):
                    case.path_parameters[name] = chosen.choice(known[name])
            case.call_and_validate(headers=headers, checks=CHECKS)
            asked += 1

        ask()
    assert asked > len(operations)
