"""Settings that the environment overrides, each time they are read."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

_VARIABLES = {
    "broker_url": "CELERY_BROKER_URL",
    "broker_read_url": "CELERY_BROKER_READ_URL",
    "broker_write_url": "CELERY_BROKER_WRITE_URL",
    "result_backend": "CELERY_RESULT_BACKEND",
}


def _from(variable: str) -> Callable[[Any], Any]:
    return lambda value: os.environ.get(variable) or value


#: Name of a setting -> what makes of the configured value the one that counts.
FROM_ENVIRONMENT = {name: _from(variable) for name, variable in _VARIABLES.items()}
