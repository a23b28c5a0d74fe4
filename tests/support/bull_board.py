"""bull-board as it comes from the registry, driven over its HTTP API as its page does. Its other
end is `tests/interop/node/board.js`.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from typing_extensions import Self

from .node_peer import NodePeer

#: Where the routes of a queue and of a job begin.
QUEUE = "/queues/:queueName"
JOB = f"{QUEUE}/:jobId"


class BoardError(Exception):
    """bull-board refused: `status` is the HTTP status, `key` what its page would translate."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.key = _key_of(body)


class BullBoard:
    """One process of bull-board. A context manager; its end ends the process.

    Args:
        package: the BullMQ it stands on, ``bullmq`` (6.x) or ``bullmq5``.
        redis_url: the server to look at.
    """

    def __init__(self, package: str, redis_url: str) -> None:
        self._node = NodePeer(package, redis_url, "board.js")
        self._root = ""
        #: Every route that was called and answered 2xx: (method, path as bull-board declares it).
        self.answered: set[tuple[str, str]] = set()

    def serve(self, *queues: str) -> Self:
        """Show these queues and no others."""
        port = self._node.request("serve", queues=queues)
        self._root = f"http://127.0.0.1:{port}"
        self.answered.clear()
        return self

    def routes(self) -> set[tuple[str, str]]:
        """Every route of the API that bull-board itself declares: (method, path)."""
        return {(method, path) for method, path in self._node.request("routes")}

    def unhandled(self) -> list[Any]:
        """What went wrong in the process without an answer that says so."""
        return self._node.events("unhandled")

    def call(self, method: str, route: str, body: Any = None, **parts: str) -> Any:
        """One request, as JSON.

        Args:
            method: GET, PUT, ...
            route: as declared, below ``/api``, for example ``/queues/:queueName/pause``.
            body: any JSON value.
            **parts: the parts of the route that start with ``:``; every other one is a query
                parameter.

        Raises:
            BoardError: the answer is not 2xx.
        """
        path, query = f"/api{route}", {}
        for name, value in parts.items():
            if f":{name}" in route:
                path = path.replace(f":{name}", urllib.parse.quote(value, safe=""))
            else:
                query[name] = value
        target = f"{self._root}{path}" + (f"?{urllib.parse.urlencode(query)}" if query else "")
        answer = self._send(method, target, body)
        self.answered.add((method, f"/api{route}"))
        return answer

    def queue(self, name: str, status: str = "latest", **query: str) -> dict[str, Any]:
        """What the list of queues says of one of them, with the jobs of a tab."""
        answer = self.call("GET", "/queues", activeQueue=name, status=status, **query)
        return next(each for each in answer["queues"] if each["name"] == name)

    def job(self, queue_name: str, job_id: str) -> dict[str, Any]:
        """What the page of a job says."""
        return dict(self.call("GET", JOB, queueName=queue_name, jobId=job_id))

    def page(self) -> str:
        """The page itself."""
        with urllib.request.urlopen(f"{self._root}/", timeout=20) as response:
            return str(response.read().decode())

    def close(self) -> None:
        """End the process."""
        self._node.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _send(self, method: str, target: str, body: Any) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json"}
        request = urllib.request.Request(target, data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                return _decoded(response.read())
        except urllib.error.HTTPError as error:
            with error:
                raise BoardError(error.code, _decoded(error.read())) from None


def _decoded(raw: bytes) -> Any:
    """The body as JSON, as text when it is not JSON, or None when there is none."""
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return raw.decode("utf-8", "replace")


def _key_of(body: Any) -> str:
    error = body.get("error") if isinstance(body, dict) else body
    return str(error.get("key", error) if isinstance(error, dict) else error)
