"""The application of the package."""

import os

from celery import Celery

app = Celery("proj", include=["proj.tasks"])
app.conf.update(
    broker_url=os.environ["PROJECT_REDIS"],
    result_backend=os.environ["PROJECT_REDIS"],
    task_default_queue=os.environ["PROJECT_QUEUE"],
    result_expires=3600,
    task_serializer="json",
    accept_content=["json"],
    timezone="Europe/Oslo",
    enable_utc=True,
)

if __name__ == "__main__":
    app.start()
