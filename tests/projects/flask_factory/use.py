"""Asks over HTTP until each result is there."""

import time

from make_celery import flask_app
from task_app import tasks

client = flask_app.test_client()


def answer_of(path, **form):
    """What the worker answered."""
    id = client.post(f"/tasks/{path}", data=form).json["result_id"]
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = client.get(f"/tasks/result/{id}").json
        if found["ready"]:
            return found
        time.sleep(0.02)
    raise TimeoutError(path)


print("add", answer_of("add", a=2, b=3))
print("greet", answer_of("greet", name="world"))
print("process", answer_of("process", total=2))
with flask_app.app_context():
    print("ignored", tasks.forgotten.delay().get(timeout=20))
