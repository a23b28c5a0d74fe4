"""``bullrush serve``: the admin API and the dashboard, without an application of one's own."""

from __future__ import annotations

import select
import signal
from types import FrameType
from typing import Any, NoReturn

import click
from flask import Flask, redirect
from werkzeug.wrappers import Response

from .binding import binding_of
from .dashboard.board import board_of
from .extension import Bullrush

#: Threads besides those that live pages hold.
_SPARE = 8


@click.command
@click.option(
    "-h", "--host", envvar="HOST", default="127.0.0.1", show_default=True, help="Address."
)
@click.option("-p", "--port", envvar="PORT", default=3000, show_default=True, help="Port; 0: any.")
@click.option("--prefix", envvar="BULLRUSH_PREFIX", help="What every key in Redis starts with.")
@click.option(
    "--streams", default=32, show_default=True, help="Browsers that are told of changes at once."
)
@click.pass_obj
def serve(celery: Any, host: str, port: int, prefix: str | None, streams: int) -> None:
    """The admin API, health and the dashboard, alone.

    Redis is where -b, -A or the environment say. Somebody must be able to log in: set
    BULLRUSH_ADMIN_TOKEN, BULLRUSH_TOKENS or BULLRUSH_JWT, or BULLRUSH_UI_INSECURE=1 to leave it
    open to everybody. FLASK_SECRET_KEY keeps logins over a restart. Other settings of the Flask
    extension come from variables as well: FLASK_BULLRUSH_REDACT='["street"]'.
    """
    try:
        from waitress.server import create_server  # noqa: PLC0415  (an extra)
    except ImportError:
        raise click.ClickException("waitress is missing: pip install 'bullrush[serve]'") from None
    app = standalone(_broker_of(celery), prefix, streams)
    binding_of(app).door.require_protection()
    limits = client_limits(binding_of(app).settings.policy.max_body)
    threads = streams + _SPARE
    server = create_server(app, host=host, port=port, threads=threads, ident="bullrush", **limits)
    _stop_by_signal(app)
    click.echo(f"bullrush serves http://{host}:{server.effective_port}/")
    try:
        server.run()
    finally:
        server.close()
        binding_of(app).close()


def client_limits(max_body: int) -> dict[str, Any]:
    """Options of waitress by which no client, slow or greedy, takes much from the others.

    Connections on which nothing comes cost a thousandth of what there is, and end after 30 s;
    bodies are refused before they are stored.

    Args:
        max_body: bytes.
    """
    return {
        "connection_limit": 1000,
        "channel_timeout": 30,
        "asyncore_use_poll": hasattr(select, "poll"),
        "max_request_body_size": max_body,
        "max_request_header_size": 32_768,
    }


def standalone(redis_url: str | None, prefix: str | None, streams: int) -> Flask:
    """An application that has nothing but the extension.

    Raises:
        InvalidOption: a variable of the environment is wrong.
    """
    app = Flask("bullrush")
    app.config.from_prefixed_env()
    app.config.setdefault("BULLRUSH_DASHBOARD_STREAMS", streams)
    for key, value in (("BULLRUSH_REDIS_URL", redis_url), ("BULLRUSH_PREFIX", prefix)):
        if value is not None:
            app.config.setdefault(key, value)
    Bullrush(app)
    path = binding_of(app).settings.dashboard_path
    if path:
        app.add_url_rule("/", "home", lambda: _home(path))
    return app


def _home(path: str) -> Response:
    return redirect(path, 302)


def _broker_of(celery: Any) -> str | None:
    """What ``-b`` or the application of ``-A`` say; None leaves it to the environment."""
    url = celery.conf.broker_url if celery is not None else None
    return str(url) if url else None


def _stop_by_signal(app: Flask) -> None:
    """End live pages first, so that their threads can end."""

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        if binding_of(app).settings.dashboard_path is not None:
            board_of(app).collector.close()
        raise SystemExit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
