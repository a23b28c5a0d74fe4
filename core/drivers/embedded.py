"""``embedded://``: a server for development with nothing installed and no port configured. One for
each process.
"""

from __future__ import annotations

import atexit
import logging
import threading
from typing import Any

from ..errors import InvalidOption
from .server_binary import ServerProcess, find_server

logger = logging.getLogger(__name__)

_guard = threading.Lock()
_url: str | None = None


def embedded_url() -> str:
    """The redis:// URL of this process' own server, started on first use and stopped at its end.
    Node may join it.

    Raises:
        InvalidOption: neither a server binary nor fakeredis is installed.
        ConnectionFailed: the server did not come up.
    """
    global _url
    with _guard:
        if _url is None:
            _url = ServerProcess().url if find_server() else _fake_server_url()
        return _url


def _fake_server_url() -> str:
    """Fakeredis behind a TCP port: slower, and without persistence or memory limits, but the
    scripts are the same.
    """
    try:
        from fakeredis import TcpFakeServer  # noqa: PLC0415 - an extra
    except ImportError:
        raise InvalidOption(
            'embedded:// needs a redis-server, or: pip install "bullrush[dev]"'
        ) from None
    server: Any = TcpFakeServer(("127.0.0.1", 0), server_type="redis")
    threading.Thread(target=server.serve_forever, name="bullrush-embedded", daemon=True).start()
    atexit.register(server.shutdown)
    port = server.server_address[1]
    logger.warning("embedded://: no redis-server found, using fakeredis on port %d", port)
    return f"redis://127.0.0.1:{port}/0"
