"""People with roles, and what they send."""

from __future__ import annotations

import pytest

TOKENS = {
    "viewer": {"token": "the token of the viewer", "role": "read"},
    "operator": {"token": "the token of the operator", "role": "operate"},
}


@pytest.fixture
def app(make_app):
    """An application on Redis, with one alias and people of all roles."""
    return make_app(BULLRUSH_QUEUE_ALIASES={"email": "email-queue"}, BULLRUSH_TOKENS=TOKENS)


@pytest.fixture
def send(client, token):
    """Sends JSON with the token of an admin, or of somebody else."""

    def send(method, path, body=None, *, who=None):
        used = token if who is None else TOKENS[who]["token"]
        headers = {"Authorization": f"Bearer {used}"}
        return client.open(f"/api/admin{path}", method=method, headers=headers, json=body)

    return send


@pytest.fixture
def get(send):
    """The data of a GET that is answered."""

    def get(path):
        answer = send("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.get_json()["data"]

    return get


@pytest.fixture
def post(send):
    """The data of a POST that is answered."""

    def post(path, body=None):
        answer = send("POST", path, body)
        assert answer.status_code == 200, answer.text
        return answer.get_json()["data"]

    return post


@pytest.fixture
def refused(send):
    """The status and the error of a request that is refused."""

    def refused(method, path, body=None, *, who=None):
        answer = send(method, path, body, who=who)
        shown = answer.get_json()
        assert shown["success"] is False, answer.text
        return answer.status_code, shown["error"]

    return refused
