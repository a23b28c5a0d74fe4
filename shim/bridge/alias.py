"""``celery`` as another name of this library: every ``celery.x.y`` is the very module
``bullrush.x.y``.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

ALIAS = "celery"
OURS = __name__.partition(".")[0]
#: The module that a child process imports first.
ACTIVE = f"{OURS}.bridge.active"
#: Set for child processes, which import the project's modules themselves.
ENVIRONMENT = "BULLRUSH_AS_CELERY"
#: What bullrush has and Celery has not: not to be reached by Celery's name.
_NOT_CELERYS = frozenset({"bridge", "core", "flask_ext"})
#: What others import from Celery's inside and is not here -> what to use in its place.
_INSTEAD = {
    "apps.worker": 'app.worker_main(["worker", ...]) runs a worker in this process',
    "apps.multi": "bullrush multi starts several workers",
    "backends": "the job is the result; task.backend and celery.backends.base are here",
    "bin": "app.start([...]) and app.worker_main([...]) run commands in this process",
    "concurrency": "worker_pool, or -P, chooses among prefork, threads, asyncio and solo; "
    "there is no time limit for the start of a child",
    "contrib.migrate": "bullrush migrate takes over the messages of Celery's queues",
    "contrib.rdb": "breakpoint() works in a worker with -P solo",
    "security": "keep strangers out of Redis by rediss:// and a user with a password",
    "utils.timer2": "countdown and eta of a call, or the threading module",
    "worker.autoscale": "worker_autoscaler and --autoscale are here",
    "worker.components": "signals such as worker_init take the place of bootsteps",
    "worker.consumer": "signals such as worker_ready take the place of bootsteps",
}
#: Celery raises classes of this package; what stands for each of its modules.
_BILLIARD = {
    "billiard": f"{OURS}.bridge.billiard_package",
    "billiard.einfo": f"{OURS}.bridge.billiard_einfo",
    "billiard.exceptions": f"{OURS}.bridge.billiard_exceptions",
    "billiard.pool": f"{OURS}.bridge.billiard_pool",
}


class _Alias(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds ``celery.x.y`` as the module ``bullrush.x.y``."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname in _BILLIARD:
            return self._of_billiard(fullname, path, target)
        if fullname != ALIAS and not fullname.startswith(f"{ALIAS}."):
            return None
        ours = self._ours(fullname)
        if ours is None or importlib.util.find_spec(ours) is None:
            # Answered here, so that a Celery that is installed as well is never half used.
            raise ModuleNotFoundError(
                f"No module named {fullname!r} (bullrush stands for Celery here and has no such "
                f"module{_remedy(fullname)})",
                name=fullname,
            )
        return ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The module itself. The import system writes the spec of the alias into it, which
        `exec_module` takes back.
        """
        module = import_module(self._ours(spec.name) or "")
        spec.loader_state = (module.__spec__, module.__loader__)
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Nothing: it was run under its own name."""
        spec = module.__spec__
        if spec is not None and spec.loader is self:
            module.__spec__, module.__loader__ = spec.loader_state

    def _of_billiard(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None
    ) -> ModuleSpec | None:
        """The package itself, if it is installed, but never the modules above."""
        if fullname == "billiard" and PathFinder.find_spec(fullname, path, target) is not None:
            return None
        return ModuleSpec(fullname, self, is_package=fullname == "billiard")

    def _ours(self, fullname: str) -> str | None:
        if fullname in _BILLIARD:
            return _BILLIARD[fullname]
        rest = fullname[len(ALIAS) :]
        first = rest[1:].partition(".")[0]
        return None if first in _NOT_CELERYS else OURS + rest


def _remedy(fullname: str) -> str:
    """What to use instead of a module of Celery's, by the longest beginning of its name."""
    words = fullname.split(".")[1:]
    for end in range(len(words), 0, -1):
        if remedy := _INSTEAD.get(".".join(words[:end])):
            return f": {remedy}"
    return ""


_alias = _Alias()


def is_installed() -> bool:
    """Whether ``import celery`` gives this library."""
    return _alias in sys.meta_path


def install_as_celery() -> None:
    """From now on ``import celery`` and every ``celery.x.y`` give this library's modules, in this
    process and in the children of its workers; and ``billiard.exceptions`` the classes that workers
    raise.

    Call it before anything imports Celery: in the first line of the program, in ``conftest.py``,
    or by ``python -m bullrush --as-celery ...``. A second call changes nothing.

    Raises:
        RuntimeError: Celery itself is already imported; says by which module it was found.
    """
    os.environ[ENVIRONMENT] = "1"
    if is_installed():
        return
    loaded = sys.modules.get(ALIAS)
    if loaded is not None and loaded is not sys.modules[OURS]:
        raise RuntimeError(
            f"Celery is already imported (from {getattr(loaded, '__file__', 'somewhere')}); call "
            "bullrush.install_as_celery() before the first import of celery"
        )
    sys.meta_path.insert(0, _alias)


def install_where_asked() -> None:
    """The same, if the parent process had done so."""
    if os.environ.get(ENVIRONMENT):
        install_as_celery()
