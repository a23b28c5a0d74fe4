"""Task options that the application's settings fill in."""

from __future__ import annotations

from typing import Any

from .. import _state


class CurrentApp:
    """The application of a task that belongs to none yet: the current one."""

    def __get__(self, task: Any, owner: type | None = None) -> Any:
        return _state.current_app._get_current_object()


class FromSetting:
    """An option of a task that is read from the settings while the task does not say itself.

    Args:
        names: of the setting, and of what stands in for it while it is None.
    """

    def __init__(self, *names: str) -> None:
        self.names = names

    def __get__(self, task: Any, owner: type | None = None) -> Any:
        if task is None:
            return None
        app = task.app if task._bound else explicit(task, "app")
        if app is None:  # it belongs to none yet
            return None
        value = None
        for name in self.names:
            value = getattr(app.conf, name, None)
            if value is not None:
                break
        return value


def explicit(task: Any, name: str) -> Any:
    """What a task says itself; None when it leaves it to the settings."""
    for place in (vars(task), *(vars(kind) for kind in type(task).__mro__)):
        if name in place:
            found = place[name]
            return None if isinstance(found, (FromSetting, CurrentApp)) else found
    return None


def fall_back(task: Any, base: type) -> None:
    """An option that a task's class sets to None is left to the settings."""
    for name, option in vars(base).items():
        if isinstance(option, FromSetting):
            for kind in type(task).__mro__:
                if name in vars(kind):
                    if vars(kind)[name] is None:
                        setattr(type(task), name, option)
                    break
