"""Tasks that know of no application."""

from celery import shared_task
from celery.utils.log import get_task_logger
from flask import current_app

logger = get_task_logger(__name__)


@shared_task(ignore_result=False)
def add(a: int, b: int) -> int:
    return a + b


@shared_task(ignore_result=False)
def greet(name: str) -> str:
    logger.info("greeting %s", name)
    return f"{current_app.config['GREETING']} {name}"


@shared_task(bind=True, ignore_result=False)
def process(self, total: int) -> dict:
    for i in range(total):
        self.update_state(state="PROGRESS", meta={"current": i + 1, "total": total})
    return {"current": total, "total": total, "retries": self.request.retries}


@shared_task()
def forgotten() -> str:
    return "nobody asks"
