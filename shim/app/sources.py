"""Settings as users write them down, under their present names."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from bullrush.exceptions import ImproperlyConfigured

from .defaults import BY_NAME
from .old_names import NEW_NAMES

_FIRST_WORDS = ("task_", "worker_", "result_", "broker_", "beat_")


def settings_in(source: Any, namespace: str | None) -> dict[str, Any]:
    """The settings of an object, a module or a mapping.

    Args:
        namespace: only names that start with it in capitals and ``_``, such as ``CELERY``; what
            follows is a present name. Without it, old and present names.

    Raises:
        ImproperlyConfigured: both old and present names are there.
    """
    mapped = source if isinstance(source, Mapping) else _Attributes(source)
    if namespace:
        prefix = namespace.rstrip("_").upper() + "_"
        found = {
            name[len(prefix) :].lower(): mapped[name]
            for name in mapped
            if isinstance(name, str) and name.startswith(prefix) and name.isupper()
        }
        return _with_djangos_zone(found, mapped)
    _refuse_a_mix(mapped)
    everything = isinstance(source, Mapping)
    return {
        str(NEW_NAMES.get(name, name)): mapped[name]
        for name in mapped
        if name in NEW_NAMES or name in BY_NAME or everything or _looks_like_one(name)
    }


class _Attributes(Mapping[str, Any]):
    """The public attributes of an object."""

    def __init__(self, source: Any) -> None:
        self._source = source

    def __getitem__(self, name: str) -> Any:
        try:
            return getattr(self._source, name)
        except AttributeError:
            raise KeyError(name) from None

    def __iter__(self) -> Any:
        return (name for name in dir(self._source) if not name.startswith("_"))

    def __len__(self) -> int:
        return len(list(iter(self)))


def _with_djangos_zone(found: dict[str, Any], mapped: Mapping[str, Any]) -> dict[str, Any]:
    if "timezone" not in found and mapped.get("TIME_ZONE"):
        found["timezone"] = mapped["TIME_ZONE"]
    return found


def _refuse_a_mix(mapped: Mapping[str, Any]) -> None:
    old = sorted(name for name in mapped if name in NEW_NAMES)
    if old and any(name in BY_NAME for name in mapped):
        renamed = "\n".join(f"{name:<36} -> {NEW_NAMES[name]}" for name in old)
        raise ImproperlyConfigured(
            "Cannot mix new and old setting keys, please rename the following settings to the new "
            f"format:\n\n{renamed}"
        )


def _looks_like_one(name: str) -> bool:
    """Modules hold other things as well: imports, functions, constants of their own."""
    if not name.islower():
        return False
    return name.startswith(_FIRST_WORDS) or bool(
        difflib.get_close_matches(name, BY_NAME, n=1, cutoff=0.85)
    )
