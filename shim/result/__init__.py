"""Results of tasks, under Celery's names. The job is the result: nothing is stored a second
time.
"""

from ..exceptions import TimeoutError
from .base import ResultBase
from .blocking import (
    allow_join_result,
    assert_will_not_block,
    denied_join_result,
    task_join_will_block,
)
from .eager import EagerResult
from .group import GroupResult, ResultSet
from .single import AsyncResult
from .trees import result_from_tuple

__all__ = [
    "AsyncResult",
    "EagerResult",
    "GroupResult",
    "ResultBase",
    "ResultSet",
    "TimeoutError",
    "allow_join_result",
    "assert_will_not_block",
    "denied_join_result",
    "result_from_tuple",
    "task_join_will_block",
]
