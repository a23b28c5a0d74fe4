"""Drivers: the only place that imports a client library. `connect` knows them by URL."""

from .addresses import SCHEMES, redacted
from .base import AsyncConnection, AsyncDriver, Connection, Driver
from .client import open_client
from .embedded import embedded_url
from .faults import is_refusal, is_transient, translate
from .memory import forget_memory
from .urls import connect, connect_async

__all__ = [
    "SCHEMES",
    "AsyncConnection",
    "AsyncDriver",
    "Connection",
    "Driver",
    "connect",
    "connect_async",
    "embedded_url",
    "forget_memory",
    "is_refusal",
    "is_transient",
    "open_client",
    "redacted",
    "translate",
]
