"""Small things that Celery has under this name, for code that imports them from there: ids, times,
texts, logging, dispatch of signals.
"""

from ..ids import uuid
from ..lazy import loading
from .imports import gen_task_name, import_from_cwd, instantiate
from .nodenames import nodename, nodesplit, worker_direct

gen_unique_id = uuid
__getattr__ = loading(
    __name__,
    (
        *(
            "dispatch",
            "functional",
            "imports",
            "log",
            "nodenames",
            "saferepr",
            "serialization",
            "text",
        ),
        *("threads", "time"),
    ),
)

__all__ = [
    "gen_task_name",
    "gen_unique_id",
    "import_from_cwd",
    "instantiate",
    "nodename",
    "nodesplit",
    "uuid",
    "worker_direct",
]
