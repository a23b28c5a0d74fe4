"""A job's parent: which job it is, and what the child's failure means for it (protocol part 2,
sections 1.1 and 1.2).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .errors import InvalidOption, InvalidQueueName
from .keys import DEFAULT_PREFIX, QueueKeys

#: The options of a child that say what its failure means; at most one may be set.
FAILURE_POLICIES: tuple[str, ...] = (
    "fail_parent_on_failure",
    "continue_parent_on_failure",
    "ignore_dependency_on_failure",
    "remove_dependency_on_failure",
)


@dataclass(frozen=True)
class Parent:
    """The job that waits for a child. It may be in another queue, and under another prefix.

    Args:
        id: its id; colons are allowed, since the run of a scheduler may have children.
        queue: the name of its queue.
        prefix: what the keys of that queue start with.

    Raises:
        InvalidOption: no id.
        InvalidQueueName: a name or a prefix that cannot be part of a key.
    """

    id: str
    queue: str
    prefix: str = DEFAULT_PREFIX

    def __post_init__(self) -> None:
        if not isinstance(self.id, str) or not self.id or not self.id.isprintable():
            raise InvalidOption(f"parent.id is the id of a job, non-empty text, not {self.id!r}")
        self.keys  # noqa: B018 - checks the names

    @cached_property
    def keys(self) -> QueueKeys:
        """The keys of its queue."""
        return QueueKeys(self.queue, self.prefix)

    @property
    def key(self) -> str:
        """The key of its hash: the child's field ``parentKey``."""
        return self.keys.job(self.id)

    def option(self) -> dict[str, str]:
        """Its form in the child's options."""
        return {"id": self.id, "queue": self.keys.qualified}

    def reference(self, policy: str = "") -> str:
        """The JSON of the child's field ``parent``.

        Args:
            policy: the short name of what the child's failure means, or ``""``.
        """
        reference: dict[str, Any] = {"id": self.id, "queueKey": self.keys.qualified}
        if policy:
            reference[policy] = True
        return json.dumps(reference, ensure_ascii=False, separators=(",", ":"))


def read_parent(value: Any, name: str = "parent") -> Parent:
    """A parent from what a caller gave: a `Parent`, or BullMQ's ``{"id", "queue"}`` with the
    qualified name of the queue.

    Raises:
        InvalidOption: anything else, with the remedy.
    """
    if isinstance(value, Parent):
        return value
    if not isinstance(value, Mapping):
        raise InvalidOption(f"{name} is a Parent or a mapping with 'id' and 'queue', not {value!r}")
    if set(value) != {"id", "queue"}:
        raise InvalidOption(f"{name} has exactly 'id' and 'queue', not {sorted(map(str, value))}")
    prefix, colon, queue = str(value["queue"]).rpartition(":")
    if not colon:
        raise InvalidOption(
            f"{name}['queue'] is the qualified name such as 'bull:{queue}', not {queue!r}; "
            f"or give Parent(id, {queue!r})"
        )
    try:
        return Parent(value["id"], queue, prefix)
    except InvalidQueueName as error:
        raise InvalidOption(f"{name}['queue'] {value['queue']!r}: {error}") from None
