"""How an application gets its settings."""

from __future__ import annotations

import datetime
import os
import zoneinfo
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bullrush.core import clock
from bullrush.exceptions import ImproperlyConfigured

from ..utils.dispatch import Signal
from .importing import imported
from .periodic import Periodic
from .settings import Settings
from .sources import settings_in

_UTC = datetime.timezone.utc
#: Names the module with the settings of every application that names none itself.
CONFIG_MODULE = "CELERY_CONFIG_MODULE"


class Configuring(Periodic):
    """The part of `Celery` that reads settings.

    Attributes:
        configured: whether they have been read.
        on_configure: sent before that.
        on_after_configure: sent after it, with ``source``.
    """

    namespace: str | None

    def _start_configuring(self, early: Mapping[str, Any], source: Any) -> None:
        self.on_configure: Signal = Signal(name="app.on_configure")
        self.on_after_configure: Signal = Signal(name="app.on_after_configure")
        self._source = source
        self._early_entries = {}
        self.conf = Settings(self._load, self._before_loading, self._after_loading)
        for name, value in early.items():
            self.conf[name] = value

    @property
    def configured(self) -> bool:
        """Whether the settings have been read."""
        return bool(self.conf._ready)

    def config_from_object(
        self, obj: Any, silent: bool = False, force: bool = False, namespace: str | None = None
    ) -> None:
        """Take settings from an object, a mapping, or the dotted path of one, when the first
        setting is asked for. They replace those of an earlier call.

        Args:
            silent: a path that cannot be imported is no error.
            force: read them now.
            namespace: names that start with it, such as ``CELERY``, count before others.

        Raises:
            ImproperlyConfigured: old and new names are mixed.
            ImportError: nothing can be imported from that path. Both only with `force`, else when
                the settings are read.
        """
        self._source = None if obj is None else (obj, silent)
        self.namespace = namespace or self.namespace
        if force or self.configured:
            self.conf.read_anew()
        if force:
            self.conf.finalize()

    def config_from_envvar(
        self, variable_name: str, silent: bool = False, force: bool = False
    ) -> bool:
        """Take settings from the module that an environment variable names.

        Raises:
            ImproperlyConfigured: the variable is not set.
        """
        name = os.environ.get(variable_name)
        if name:
            self.config_from_object(name, silent=silent, force=force)
        elif not silent:
            raise ImproperlyConfigured(
                f"the environment variable {variable_name} is not set; it names the module with "
                "the settings, such as proj.celeryconfig"
            )
        return bool(name)

    def add_defaults(self, fun: Mapping[str, Any] | Callable[[], Mapping[str, Any]]) -> None:
        """Values for settings that nobody sets; of a function, what it returns."""
        self.conf.add_defaults(fun() if callable(fun) else fun)

    def config_from_cmdline(self, argv: Sequence[str], namespace: str = "celery") -> None:
        """Take settings of the form ``worker.concurrency=10`` or ``task_serializer=json``.

        Args:
            namespace: what a name that begins with a dot goes on from.

        Raises:
            ImproperlyConfigured: a word of another form.
        """
        for word in argv:
            name, sign, value = word.partition("=")
            if not sign:
                raise ImproperlyConfigured(f"{word!r} is no setting; write NAME=VALUE")
            name = f"{namespace}{name}" if name.startswith(".") else name
            self.conf[name.strip().replace(".", "_").lower()] = _read(value.strip())

    def prepare_config(self, c: Any) -> Any:
        """Called with the settings as they are read; for subclasses."""
        return c

    def either(self, default_key: str, *defaults: Any) -> Any:
        """The first of `defaults` that is not None, else that setting."""
        return next((each for each in defaults if each is not None), self.conf.first(default_key))

    @property
    def timezone(self) -> datetime.tzinfo:
        """The time zone of the settings; UTC when they name none.

        Raises:
            ImproperlyConfigured: there is no zone of that name.
        """
        name = self.conf.timezone
        if name is None or isinstance(name, datetime.tzinfo):
            return name or _UTC
        try:
            return _UTC if name.upper() == "UTC" else zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError) as error:
            raise ImproperlyConfigured(f"timezone={name!r}: there is no such zone") from error

    def now(self) -> datetime.datetime:
        """The time in the application's zone."""
        seconds, rest = divmod(clock.source(), 1_000_000_000)
        moment = datetime.datetime.fromtimestamp(seconds, self.timezone)
        return moment + datetime.timedelta(microseconds=rest // 1000)

    def accepted_results(self) -> Sequence[str]:
        """The serializers that results may have been packed by."""
        conf = self.conf
        found = conf.accept_content if conf.result_accept_content is None else None
        accepted: Sequence[str] = conf.result_accept_content if found is None else found
        return accepted

    def _before_loading(self) -> None:
        self.on_configure.send(sender=self)

    def _after_loading(self) -> None:
        self._add_early_entries()
        self.on_after_configure.send(sender=self, source=self.conf)

    def _load(self) -> Mapping[str, Any]:
        source, silent = self._source or (os.environ.get(CONFIG_MODULE) or {}, False)
        if isinstance(source, str):
            try:
                source = imported(source)
            except (ImportError, AttributeError):
                if silent:
                    return {}
                raise
        found = settings_in(source, self.namespace)
        prepared: Mapping[str, Any] = self.prepare_config(found)
        return prepared


def _read(value: str) -> Any:
    """A word of the command line as the value it looks like."""
    words = {"true": True, "false": False, "none": None}
    if value.lower() in words:
        return words[value.lower()]
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value
