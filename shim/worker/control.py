"""Remote control in the worker: ``celery.worker.control``. Every command is an attribute here."""

from __future__ import annotations

from .looking import (
    active as active,
)
from .looking import (
    active_queues as active_queues,
)
from .looking import (
    clock as clock,
)
from .looking import (
    conf as conf,
)
from .looking import (
    hello as hello,
)
from .looking import (
    memdump as memdump,
)
from .looking import (
    memsample as memsample,
)
from .looking import (
    objgraph as objgraph,
)
from .looking import (
    ping as ping,
)
from .looking import (
    query_task as query_task,
)
from .looking import (
    registered as registered,
)
from .looking import (
    report as report,
)
from .looking import (
    reserved as reserved,
)
from .looking import (
    revoked as revoked,
)
from .looking import (
    scheduled as scheduled,
)
from .looking import (
    stats as stats,
)
from .panel import ControllerInfo, Panel, control_command, inspect_command
from .steering import (
    add_consumer as add_consumer,
)
from .steering import (
    autoscale as autoscale,
)
from .steering import (
    cancel_consumer as cancel_consumer,
)
from .steering import (
    election as election,
)
from .steering import (
    nok as nok,
)
from .steering import (
    ok as ok,
)
from .steering import (
    pool_grow as pool_grow,
)
from .steering import (
    pool_restart as pool_restart,
)
from .steering import (
    pool_shrink as pool_shrink,
)
from .steering import (
    rate_limit as rate_limit,
)
from .steering import (
    revoke as revoke,
)
from .steering import (
    revoke_by_stamped_headers as revoke_by_stamped_headers,
)
from .steering import (
    shutdown as shutdown,
)
from .steering import (
    signal_number as signal_number,
)
from .steering import (
    terminate as terminate,
)
from .steering import (
    time_limit as time_limit,
)
from .watching import (
    disable_events as disable_events,
)
from .watching import (
    enable_events as enable_events,
)
from .watching import (
    heartbeat as heartbeat,
)

__all__ = ("ControllerInfo", "Panel", "control_command", "inspect_command")
