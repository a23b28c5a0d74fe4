"""An application that Sentry's SDK watches; prints what Sentry would get, on Celery as on bullrush.

python sentry_app.py REDIS_URL
"""

import json
import sys
import threading

import sentry_sdk
from celery import Celery
from sentry_sdk.integrations.celery import CeleryIntegration

told = []
complete = threading.Event()


def keep(event, hint):
    told.append(event)
    if len(told) == 4:  # An error, two runs, and the request that called them.
        complete.set()


sentry_sdk.init(
    dsn="http://key@127.0.0.1:1/1",
    integrations=[CeleryIntegration()],
    default_integrations=False,
    traces_sample_rate=1.0,
    before_send=keep,
    before_send_transaction=keep,
)
# Celery's worker takes the name that Sentry replaces when it is imported.
from celery.contrib.testing.worker import start_worker  # noqa: E402

app = Celery("watched", broker=sys.argv[1], backend=sys.argv[1])
app.conf.task_default_queue = "watched"


@app.task
def fail(x):
    raise ValueError("no")


@app.task
def double(x):
    return 2 * x


with start_worker(app, perform_ping_check=False, pool="solo"):
    with sentry_sdk.start_transaction(name="request") as request:
        calls = fail.delay(1), double.delay(2)
    assert complete.wait(20), [each["transaction"] for each in told]

for event in told:
    contexts, errors = event["contexts"], event.get("exception", {}).get("values", [])
    about = {
        "name": event["transaction"],
        "errors": [(error["type"], error["value"], error["mechanism"]) for error in errors],
        "op": contexts["trace"].get("op"),
        "same trace": contexts["trace"]["trace_id"] == request.trace_id,
        "task": event.get("extra", {}).get("celery-job"),
        "id": event.get("tags", {}).get("celery_task_id") in [call.id for call in calls],
        # What sends a message by kombu has a span of its own.
        "spans": sorted({each["op"] for each in event.get("spans", ())} - {"queue.publish"}),
    }
    print(json.dumps(about, sort_keys=True, default=str))
