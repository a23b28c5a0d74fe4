"""A Redis that came with the process is for development."""

from __future__ import annotations

import pytest


@pytest.mark.row(222)
@pytest.mark.parametrize("url", ["embedded://", "memory://development"])
def test_such_a_redis_works_and_is_never_ready(make_app, url):
    app = make_app(BULLRUSH_REDIS_URL=url)
    client = app.test_client()
    assert client.get("/api/health").get_json()["queue"]["durable"] is False
    assert client.get("/api/health/ready").status_code == 503
    assert client.get("/live").status_code == 200
