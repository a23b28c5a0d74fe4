"""``app.conf``: Celery's settings, read when the first of them is asked for."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any

from .complaints import Complaints
from .defaults import DEFAULTS
from .environment import FROM_ENVIRONMENT
from .old_names import NEW_NAMES
from .reports import censored, humanized


class Settings(MutableMapping[str, Any]):
    """Attribute and mapping access to the settings; the old upper-case names work too.

    What is set by hand wins over what `load` gives, that over `add_defaults`, and all over Celery's
    defaults. An unknown name may be set and read back.

    Args:
        load: gives the configured settings, by their present names; called once.
        before, after: called around that.
    """

    def __init__(
        self,
        load: Callable[[], Mapping[str, Any]] = dict,
        before: Callable[[], None] = lambda: None,
        after: Callable[[], None] = lambda: None,
    ) -> None:
        # Known settings live in the instance's own dict, so that reading one is reading an
        # attribute.
        own = {
            "_calls": (load, before, after),
            "_guard": threading.RLock(),
            "_complaints": Complaints(),
            "_early": {},  # set before the configuration was read: stays when it is read anew
            "_changes": {},
            "_source": {},
            "_added": [],
            # Copies: a project may well change a dict that it finds here.
            "_defaults": copy.deepcopy(DEFAULTS),
            "_merged": dict(DEFAULTS),
            "_ready": False,
            "_reading": False,
            "_version": 0,
        }
        for name, value in own.items():
            object.__setattr__(self, name, value)
        self._refresh()

    def __repr__(self) -> str:
        return f"<Settings: {humanized(self._changed(), True)}>"

    def __getattr__(self, name: str) -> Any:
        """Reached only for what is no attribute yet: an unread configuration, an old or an unknown
        name.
        """
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"'Settings' object has no attribute {name!r}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        try:
            del self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __getitem__(self, name: str) -> Any:
        self.finalize()
        name = NEW_NAMES.get(name, name)
        value = self._merged[name]
        return FROM_ENVIRONMENT[name](value) if name in FROM_ENVIRONMENT else value

    def __setitem__(self, name: str, value: Any) -> None:
        known = NEW_NAMES.get(name, name)
        self._complaints.hear(known, value, given=name)
        with self._guard:
            (self._changes if self._ready else self._early)[known] = value
            self._refresh()

    def __delitem__(self, name: str) -> None:
        known = NEW_NAMES.get(name, name)
        with self._guard:
            found = [
                layer.pop(known, self)
                for layer in (self._changes, self._early, self._source, *self._added)
            ]
            if all(each is self for each in found):
                raise KeyError(name)
            self._refresh()

    def __iter__(self) -> Iterator[str]:
        self.finalize()
        return iter(dict(self._merged))

    def __len__(self) -> int:
        self.finalize()
        return len(self._merged)

    def __contains__(self, name: object) -> bool:
        self.finalize()
        return NEW_NAMES.get(name, name) in self._merged  # type: ignore[call-overload]

    def add_defaults(self, defaults: Mapping[str, Any]) -> None:
        """Values for settings that nobody sets."""
        found = {NEW_NAMES.get(name, name): value for name, value in dict(defaults).items()}
        with self._guard:
            self._added.insert(0, found)
            self._refresh()

    def finalize(self) -> None:
        """Read the configuration, if that has not been done."""
        if self._ready or self._reading:
            return
        with self._guard:
            if self._ready or self._reading:
                return
            load, before, after = self._calls
            self.__dict__["_reading"] = True
            try:
                before()
                source = dict(load())
                for name, value in source.items():
                    self._complaints.hear(name, value)
                self.__dict__["_source"] = source
                self.__dict__["_ready"] = True
            finally:
                self.__dict__["_reading"] = False
            self._refresh()
            after()

    def read_anew(self) -> None:
        """Read the configuration again when it is next asked for. What was set before the last
        reading stays, what was set since is gone.
        """
        with self._guard:
            for name in DEFAULTS:
                self.__dict__.pop(name, None)
            self.__dict__.update(_ready=False, _source={}, _changes={})
            self._refresh()

    @contextmanager
    def replaced(self, settings: Mapping[str, Any]) -> Iterator[None]:
        """While the block runs, these hold; then all is as before it."""
        self.finalize()
        before = dict(self._changes)
        try:
            for name, value in settings.items():
                self[name] = value
            yield
        finally:
            with self._guard:
                self.__dict__["_changes"] = before
                self._refresh()

    def without_defaults(self) -> dict[str, Any]:
        """What somebody has set."""
        self.finalize()
        return self._changed()

    def value_set_for(self, name: str) -> bool:
        """Whether somebody has set it."""
        return NEW_NAMES.get(name, name) in self.without_defaults()

    def get_by_parts(self, *parts: str) -> Any:
        """``get_by_parts("task", "serializer")`` is ``task_serializer``."""
        return self["_".join(part for part in parts if part)]

    def first(self, *names: str) -> Any:
        """The first of these that is not None."""
        return next((v for v in (self.get(name) for name in names) if v is not None), None)

    def table(self, with_defaults: bool = False, censored: bool = True) -> dict[str, Any]:
        """The settings as a dict, with stars for what is secret."""
        found = dict(self) if with_defaults else self.without_defaults()
        return _censored(found) if censored else found

    def humanize(self, with_defaults: bool = False, censored: bool = True) -> str:
        """The settings as text, one a line, with stars for what is secret."""
        return humanized(dict(self) if with_defaults else self.without_defaults(), censored)

    def _changed(self) -> dict[str, Any]:
        return {**self._source, **self._early, **self._changes}

    def _refresh(self) -> None:
        """Merge the layers."""
        merged = dict(self._defaults)
        for added in reversed(self._added):
            merged.update(added)
        merged.update(self._changed())
        for name in ("task_default_exchange", "task_default_routing_key"):
            if merged[name] is None:
                merged[name] = merged["task_default_queue"]
        own = self.__dict__
        own["_merged"] = merged
        own["_version"] += 1
        if self._ready:
            own.update({name: merged[name] for name in DEFAULTS if name not in FROM_ENVIRONMENT})


_censored = censored
