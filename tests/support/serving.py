"""An application that tests serve in processes of its own."""

from __future__ import annotations

import textwrap

FACTORY = textwrap.dedent(
    """
    import os, time
    from flask import Flask
    from bullrush import shared_task
    from bullrush.result import AsyncResult
    from bullrush.flask_ext import Bullrush

    @shared_task(name="where")
    def where():
        return os.getpid()

    @shared_task(name="slow")
    def slow():
        time.sleep(1)
        return os.getpid()

    bullrush = Bullrush()

    def create_app():
        app = Flask(__name__)
        app.config.from_prefixed_env()
        bullrush.init_app(app)
        app.add_url_rule("/where", view_func=lambda: {"id": where.delay().id, "pid": os.getpid()})

        @app.post("/jobs")
        def add():
            return {"id": where.delay().id}

        @app.get("/jobs/<id>")
        def look(id):
            return {"ran": AsyncResult(id).result}

        @app.get("/slow")
        def begin():
            return {"id": slow.delay().id}

        return app

    app = create_app()
    create_app()
    """
)


def serving_workers(queue):
    """How many workers say that they serve the queue."""
    return len(queue.driver.execute(("ZRANGE", queue.keys.workers, 0, -1)))
