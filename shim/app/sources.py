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
        namespace: names that start with it in capitals and ``_``, such as ``CELERY``; what follows
            is a present name. Celery's own names, old and present, count beside them, where no
            name with the namespace says the same. Without it, old or present names.

    Raises:
        ImproperlyConfigured: both old and present names are there.
    """
    mapped = source if isinstance(source, Mapping) else _Attributes(source)
    if namespace:
        return _with_djangos_zone(_named_by(namespace, mapped), mapped)
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


def _named_by(namespace: str, mapped: Mapping[str, Any]) -> dict[str, Any]:
    prefix = namespace.rstrip("_").upper() + "_"
    found, own = {}, {}
    for name in mapped:
        if not isinstance(name, str):
            continue
        named = name[len(prefix) :].lower() if name.startswith(prefix) and name.isupper() else ""
        if named and (named in BY_NAME or not _is_of_celery(name)):
            found[named] = mapped[name]
        elif _is_of_celery(name):
            own[NEW_NAMES.get(name, name)] = mapped[name]
    return {**own, **found}


def _is_of_celery(name: str) -> bool:
    """Other old names, such as ``S3_BUCKET``, may well be a project's own."""
    return name in BY_NAME or (name in NEW_NAMES and name.startswith(("CELERY", "BROKER_")))


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
