"""Small things that Celery has under this name, for code that imports them from there: ids, times,
texts, logging, dispatch of signals.
"""

from kombu.utils.objects import cached_property

from ..ids import uuid
from ..lazy import loading
from .functional import chunks, noop
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
    "cached_property",
    "chunks",
    "gen_task_name",
    "gen_unique_id",
    "import_from_cwd",
    "instantiate",
    "nodename",
    "nodesplit",
    "noop",
    "uuid",
    "worker_direct",
]
