"""What the jobs of members that stand beside each other have in common, worked out once: a chord of
ten thousand costs little more than its arguments.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bullrush.core.new_job import NewJob

from ..app.announcing import is_heard
from ..app.sending import Prepared
from ..message import Message
from .signatures import Signature

if TYPE_CHECKING:
    from ..app.base import Celery

#: Options that members of one group share.
_SHARED = ("group_id", "chord", "root_id", "parent_id")
#: With any other option a member is not like the next one.
_ALIKE = frozenset({*_SHARED, "task_id", "group_index"})
#: Ids that stand in JSON and in Redis as they are.
_PLAIN_ID = re.compile(r"[A-Za-z0-9_-]*[A-Za-z_-][A-Za-z0-9_-]*")


def _headers_in(job: NewJob) -> dict[str, Any] | None:
    """The ``celery`` object of its data; None when the data is no plain one."""
    data = json.loads(job.data)
    return data.get("celery", {}) if data.keys() <= {"args", "kwargs", "celery"} else None


@dataclass(frozen=True)
class _Pattern:
    """The first member, taken apart."""

    first: Prepared
    headers: dict[str, Any]
    before_id: str
    after_id: str

    def job(self, signature: Signature) -> NewJob:
        """That of another member.

        Raises:
            EncodeError: an argument that has no JSON form.
        """
        options = signature.options
        task_id, headers = options["task_id"], self.headers
        if "group_index" in headers:
            headers = {**headers, "group_index": options["group_index"]}
        data = Message(tuple(signature.args), dict(signature.kwargs), headers).encode().text
        opts = f"{self.before_id}{task_id}{self.after_id}"
        return replace(self.first.job, id=task_id, data=data, opts=opts)


class Members:
    """Remembers members for as long as one workflow is sent.

    Args:
        app: the application.
    """

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._patterns: dict[tuple[Any, ...], _Pattern] = {}
        self._heard = is_heard(app)

    def like_an_earlier_one(self, signature: Signature, place: tuple[Any, ...]) -> Prepared | None:
        """The job of a member that differs from an earlier one by its id, its index and its
        arguments alone; None when there was none.

        Args:
            place: what else makes members alike: its parent.
        """
        pattern = self._patterns.get(self._key(signature, place))
        if pattern is None or not _PLAIN_ID.fullmatch(signature.options["task_id"]):
            return None
        job = pattern.job(signature)
        return Prepared(job, pattern.first.queue, job.id, pattern.first.ignored)

    def learn(self, signature: Signature, place: tuple[Any, ...], prepared: Prepared) -> None:
        """Take apart what became of a member, if others can be made in its likeness."""
        job, options = prepared.job, signature.options
        task = signature.known_type()
        alike = not self._heard and task is not None and options.keys() <= _ALIKE
        if not alike or prepared.more or self._app.templates.of(task) is None:
            return
        headers = _headers_in(job)
        before, found, after = job.opts.partition(f'"{job.id}"')
        if headers is None or not found or not _PLAIN_ID.fullmatch(job.id):
            return
        self._patterns[self._key(signature, place)] = _Pattern(
            prepared, headers, before + '"', '"' + after
        )

    def _key(self, signature: Signature, place: tuple[Any, ...]) -> tuple[Any, ...]:
        options = signature.options
        return (signature.task, options.keys() <= _ALIKE, *place, *map(options.get, _SHARED))
