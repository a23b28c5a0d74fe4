"""Starting a task and asking for its result, over HTTP."""

from celery.result import AsyncResult
from flask import Blueprint, request

from . import tasks

bp = Blueprint("tasks", __name__, url_prefix="/tasks")


@bp.get("/result/<id>")
def result(id: str) -> dict:
    found = AsyncResult(id)
    ready = found.ready()
    return {
        "ready": ready,
        "successful": found.successful() if ready else None,
        "value": found.get() if ready else found.result,
    }


@bp.post("/add")
def add() -> dict:
    sent = tasks.add.delay(request.form.get("a", type=int), request.form.get("b", type=int))
    return {"result_id": sent.id}


@bp.post("/greet")
def greet() -> dict:
    return {"result_id": tasks.greet.delay(request.form["name"]).id}


@bp.post("/process")
def process() -> dict:
    return {"result_id": tasks.process.delay(request.form.get("total", type=int)).id}
