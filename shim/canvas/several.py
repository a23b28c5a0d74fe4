"""What chains and groups share: they are made of other signatures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .signatures import Signature, maybe_signature


class Several(Signature):
    """A signature of several tasks, which its keyword ``tasks`` holds."""

    @classmethod
    def _revived(cls, d: Mapping[str, Any], app: Any) -> Signature:
        tasks = [maybe_signature(each, app, clone=True) for each in d["kwargs"]["tasks"]]
        return super()._revived({**d, "kwargs": {**d["kwargs"], "tasks": tasks}}, app)

    @property
    def tasks(self) -> list[Any]:
        """The steps of a chain, the members of a group."""
        return self.kwargs["tasks"]  # type: ignore[no-any-return]

    @tasks.setter
    def tasks(self, tasks: Iterable[Any]) -> None:
        self.kwargs["tasks"] = [maybe_signature(each, self._app) for each in tasks]

    def _inner_app(self) -> Any:
        return next(filter(None, (each.own_app() for each in self.tasks)), None)
