"""The extension object."""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakSet

from flask import Flask, has_app_context
from typing_extensions import Unpack

from bullrush.core import Queue
from bullrush.core.worker import Handler, Worker, WorkerOptions

from . import embedding, waiting
from .access.door import Authenticate
from .access.login import login_blueprint
from .admin import admin_blueprint
from .binding import Binding, binding_of, current_binding
from .dashboard import dashboard_blueprints
from .health import health_blueprint, queue_health_blueprint
from .metrics import metrics_blueprint
from .settings import settings_of


class Bullrush:
    """Queues in a Flask application.

        bullrush = Bullrush(app)  # or Bullrush() and, in the factory, bullrush.init_app(app)
        bullrush.queue("emails").add("send", {"to": "ann@example.org"})

    One object serves any number of applications. What belongs to one of them is its `Binding` in
    ``app.extensions["bullrush"]``. The methods here ask the binding of the active application
    context; without a context, that of the only application there is.

    Args:
        app: an application to initialise at once.
        auth: says in a request who is calling, as a `Principal`, a `Role` or the name of one; None
            for nobody. It is asked when no token of the settings was sent.
    """

    def __init__(self, app: Flask | None = None, *, auth: Authenticate | None = None) -> None:
        self._apps: WeakSet[Flask] = WeakSet()
        self._auth = auth
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Give an application its queues, admin routes and health route. Connects to nothing.

        It reads these keys of ``app.config``:

        * ``BULLRUSH_REDIS_URL``: where Redis is; else ``broker_url`` in ``CELERY``, else what
          the environment says (see `bullrush.core.environment.redis_url`).
        * ``BULLRUSH_PREFIX``: what every key in Redis starts with; else the environment variable
          of that name, else ``bull``.
        * ``BULLRUSH_ADMIN_TOKEN``: the bearer token of the admin routes, or a list of them; else
          the environment variable of that name. Without any way in, the routes are closed.
        * ``BULLRUSH_TOKENS``, ``BULLRUSH_JWT``: other ways in, each with a role;
          ``BULLRUSH_UI_INSECURE``, ``BULLRUSH_SESSION_LIFETIME``, ``BULLRUSH_COOKIE_SECURE``,
          ``BULLRUSH_MAX_BODY``, ``BULLRUSH_REDACT``: see docs/security.md.
        * ``BULLRUSH_ADMIN_JOB_DATA``: whether the admin routes show the data of failed jobs; True.
        * ``BULLRUSH_QUEUE_ALIASES``: names of queues in URLs, such as ``{"email": "email-queue"}``.
        * ``CELERY``, a dict, or keys such as ``CELERY_BROKER_URL``, by present or old names:
          settings of the Celery application, ``extension.binding.celery``.
        * ``BULLRUSH_ON_BROKER_DOWN``: what a call does while Redis is away: ``raise``; ``inline``
          runs the task in the caller, marked ``ran_inline``; ``spool`` keeps it in the SQLite file
          ``BULLRUSH_SPOOL`` and sends it later, in order and once. A task may say it for itself:
          ``on_broker_down=``.
        * ``BULLRUSH_EMBEDDED``: True, names of queues, or a dict with options of a worker and
          ``queues``: each web process runs one, from its first request on; see `start_embedded`.
          The environment variable of that name counts too.
        * ``BULLRUSH_MAX_PAYLOAD_BYTES``: a call with more bytes of arguments is refused.
        * ``BULLRUSH_GET_IN_REQUEST``: what waiting for a result in a request does: ``warn``,
          ``raise`` or ``allow``.
        * ``BULLRUSH_THRESHOLDS``: limits above which a queue needs attention, such as ``{"*":
          {"waiting": (100, 1000)}, "timers": {"delayed": None}}``; see
          `bullrush.core.thresholds.Thresholds`.
        * ``BULLRUSH_URL_PREFIX``: what the path of every route starts with; ``/api``.
        * ``BULLRUSH_DASHBOARD_PATH``: where the dashboard is, ``/admin/queues``; False: nowhere.
        * ``BULLRUSH_DASHBOARD_STREAMS``: how many browsers may be sent changes as they happen, 3;
          each holds a thread of the server, and the others ask every few seconds.

        Raises:
            RuntimeError: the application has been initialised before.
            InvalidOption: an unknown ``BULLRUSH_`` key, or a value of the wrong kind.
            InvalidQueueName: an alias, or a prefix, that cannot be part of a key.
        """
        if "bullrush" in app.extensions:
            raise RuntimeError(
                f"the Flask application {app.name!r} has a Bullrush extension already"
            )
        settings = settings_of(app.config)
        app.extensions["bullrush"] = Binding(app, settings, self._auth)
        app.register_blueprint(admin_blueprint(settings.url_prefix))
        app.register_blueprint(health_blueprint(settings.url_prefix))
        app.register_blueprint(queue_health_blueprint(settings.url_prefix))
        app.register_blueprint(metrics_blueprint(settings.url_prefix))
        if settings.dashboard_path is not None:
            app.register_blueprint(login_blueprint(settings.dashboard_path))
            streams = settings.dashboard_streams
            for blueprint in dashboard_blueprints(settings.dashboard_path, streams):
                app.register_blueprint(blueprint)
        waiting.watch()
        if settings.embedded is not None:
            embedding.arm(app, app.extensions["bullrush"])
        self._apps.add(app)

    @property
    def binding(self) -> Binding:
        """The binding of the active application context, else of the only application.

        Raises:
            RuntimeError: it is not clear which application is meant, or it was not initialised.
        """
        if has_app_context():
            return current_binding()
        if len(self._apps) == 1:
            return binding_of(next(iter(self._apps)))
        raise RuntimeError(
            f"this extension serves {len(self._apps)} applications, so it needs to know which one: "
            "use it in a request, or inside 'with app.app_context():'"
        )

    def start_embedded(self) -> Worker | None:
        """See `Binding.start_embedded`."""
        return self.binding.start_embedded()

    def queue(self, name: str) -> Queue:
        """See `Binding.queue`."""
        return self.binding.queue(name)

    def worker(
        self,
        queues: str | Sequence[str],
        handler: Handler | None = None,
        **options: Unpack[WorkerOptions],
    ) -> Worker:
        """See `Binding.worker`."""
        return self.binding.worker(queues, handler, **options)

    def start_worker(
        self,
        queues: str | Sequence[str],
        handler: Handler | None = None,
        **options: Unpack[WorkerOptions],
    ) -> Worker:
        """See `Binding.start_worker`."""
        return self.binding.start_worker(queues, handler, **options)
