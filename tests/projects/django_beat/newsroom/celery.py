"""The application, as Celery's manual has it."""

import os

from celery import Celery
from celery.schedules import crontab

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsroom.settings")

app = Celery("newsroom")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@app.on_after_finalize.connect
def setup_periodic_tasks(sender, **kwargs):
    """Entries beside those of the settings."""
    from articles.tasks import publish_due

    sender.add_periodic_task(0.5, publish_due.s(), name="publish what is due")
    sender.add_periodic_task(crontab(hour=3, minute=30), debug_task.s(), name="every night")


@app.task(bind=True, ignore_result=True)
def debug_task(self):
    """Prints its own request."""
    print(f"Request: {self.request!r}")
