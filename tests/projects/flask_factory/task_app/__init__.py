"""An application factory with Celery, as Flask's users write it."""

import os

from celery import Celery, Task
from flask import Flask


def create_app() -> Flask:
    app = Flask(__name__)
    app.config.from_mapping(
        GREETING="hello",
        CELERY={
            "broker_url": os.environ["PROJECT_REDIS"],
            "result_backend": os.environ["PROJECT_REDIS"],
            "task_default_queue": os.environ["PROJECT_QUEUE"],
            "task_ignore_result": True,
        },
    )
    celery_init_app(app)
    from . import views

    app.register_blueprint(views.bp)
    return app


def celery_init_app(app: Flask) -> Celery:
    class FlaskTask(Task):
        def __call__(self, *args: object, **kwargs: object) -> object:
            with app.app_context():
                return self.run(*args, **kwargs)

    celery_app = Celery(app.name, task_cls=FlaskTask)
    celery_app.config_from_object(app.config["CELERY"])
    celery_app.set_default()
    app.extensions["celery"] = celery_app
    return celery_app
