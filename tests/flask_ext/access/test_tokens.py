"""The admin routes are closed to everybody without a token."""

from __future__ import annotations

import hmac
import json
import re
from types import SimpleNamespace

import pytest

from bullrush.core.errors import InvalidOption
from bullrush.flask_ext.access import tokens
from bullrush.flask_ext.access.guarding import GuardedBlueprint
from bullrush.flask_ext.access.roles import Role
from bullrush.flask_ext.access.tokens import admin_tokens, bearer_of, digest_of, find_token

PATHS = ("/api/admin/queues", "/api/v1/admin/email/queue", "/api/v1/admin/unknown/queue")


@pytest.fixture
def ask_with(client):
    """The status for an Authorization header."""

    def ask(header, path=PATHS[0]):
        return client.get(path, headers={} if header is None else {"Authorization": header})

    return ask


@pytest.mark.parametrize("path", PATHS)
def test_every_route_needs_a_token(ask_with, path):
    answer = ask_with(None, path)
    assert answer.status_code == 401
    assert answer.content_type == "application/json"
    assert answer.get_json()["success"] is False
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Bearer correct horse battery stapl",
        "Bearer correct horse battery staples",
        "Bearer Correct Horse Battery Staple",
        "Bearer corr\u00e9ct horse battery staple",
        "correct horse battery staple",
        "Basic correct horse battery staple",
        "Bearer\tcorrect horse battery staple",
    ],
)
def test_a_wrong_header_is_refused(ask_with, header):
    answer = ask_with(header)
    assert answer.status_code == 401
    assert "staple" not in answer.text


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_right_token_is_let_in(ask_with, token, scheme):
    assert ask_with(f"{scheme} {token}").status_code == 200


def test_every_route_of_the_blueprint_is_closed_to_every_method(app):
    client = app.test_client()
    rules = [rule for rule in app.url_map.iter_rules() if "bullrush_admin." in rule.endpoint]
    for rule in rules:
        path = rule.rule.replace("<queue>", "email")
        for method in rule.methods:
            assert client.open(path, method=method).status_code == 401


def test_without_a_configured_token_nobody_is_let_in(make_app, caplog):
    client = make_app(BULLRUSH_ADMIN_TOKEN="").test_client()
    for header in ("Bearer ", "Bearer None", "Bearer anything"):
        answer = client.get(PATHS[0], headers={"Authorization": header})
        assert answer.status_code == 401
    assert caplog.text.count("BULLRUSH_ADMIN_TOKEN is not set") == 1


def test_the_token_may_come_from_the_environment(make_app, monkeypatch):
    monkeypatch.setenv("BULLRUSH_ADMIN_TOKEN", "from outside")
    client = make_app(BULLRUSH_ADMIN_TOKEN=None).test_client()
    headers = {"Authorization": "Bearer from outside"}
    assert client.get(PATHS[0], headers=headers).status_code == 200


def test_a_token_in_the_configuration_comes_before_the_environment(make_app, monkeypatch, token):
    monkeypatch.setenv("BULLRUSH_ADMIN_TOKEN", "from outside")
    client = make_app().test_client()
    assert client.get(PATHS[0], headers={"Authorization": "Bearer from outside"}).status_code == 401
    assert client.get(PATHS[0], headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_two_tokens_while_one_replaces_the_other(make_app):
    client = make_app(BULLRUSH_ADMIN_TOKEN=["old", "new"]).test_client()
    for token in ("old", "new"):
        headers = {"Authorization": f"Bearer {token}"}
        assert client.get(PATHS[0], headers=headers).status_code == 200


def test_a_token_beyond_ascii_is_compared_by_its_bytes():
    known = admin_tokens(["schlüssel-鍵"])
    as_wsgi_gives_it = "schlüssel-鍵".encode().decode("latin-1")
    assert find_token(digest_of(as_wsgi_gives_it), known)
    assert find_token(digest_of("schlüssel-鍵"), known)
    assert not find_token(digest_of("schlüssel-\ud800"), known)


def test_all_tokens_are_compared_and_only_as_digests_of_equal_length(monkeypatch):
    seen = []

    def compare(one, other):
        seen.append((one, other))
        return hmac.compare_digest(one, other)

    monkeypatch.setattr(tokens, "hmac", SimpleNamespace(compare_digest=compare))
    known = admin_tokens(["first", "second", "third"])
    assert find_token(digest_of("first"), known)
    assert not find_token(digest_of("x"), known)
    assert not find_token(digest_of(""), known)
    assert len(seen) == 9
    assert {len(part) for pair in seen for part in pair} == {32}


def test_every_request_with_a_token_is_compared_with_all_of_them(make_app, monkeypatch):
    compared = []

    def compare(one, other):
        compared.append(len(one))
        return hmac.compare_digest(one, other)

    monkeypatch.setattr(tokens, "hmac", SimpleNamespace(compare_digest=compare))
    client = make_app(BULLRUSH_ADMIN_TOKEN=["old", "new"]).test_client()
    for token in ("old", "new", "x", "x" * 4000, ""):
        compared.clear()
        client.get(PATHS[0], headers={"Authorization": f"Bearer {token}"})
        assert compared == [32, 32]


def test_the_scheme_is_bearer_and_nothing_else():
    assert bearer_of("Bearer abc") == bearer_of("BEARER  abc ") == "abc"
    assert bearer_of("Basic abc") is bearer_of("abc") is bearer_of("Bearer\tabc") is None


def test_neither_settings_nor_binding_show_the_token(binding, token):
    assert token not in repr(binding.settings)
    assert token not in repr(vars(binding))


def test_a_view_that_says_no_role_is_refused_when_it_is_added():
    blueprint = GuardedBlueprint("open", __name__)
    with pytest.raises(TypeError, match="'/secrets' says no role"):
        blueprint.get("/secrets")(lambda: "everything")


NAMED = {
    "grafana": {"token": "look only", "role": "read"},
    "deploy": {"token": ["old pipe", "new pipe"], "role": "operate"},
    "ann": {"sha256": digest_of("ann's own").hex(), "role": "ADMIN"},
}


@pytest.mark.parametrize(
    ("sent", "name", "role"),
    [
        ("look only", "grafana", Role.READ),
        ("old pipe", "deploy", Role.OPERATE),
        ("new pipe", "deploy", Role.OPERATE),
        ("ann's own", "ann", Role.ADMIN),
    ],
)
def test_a_named_token_has_a_name_and_a_role(make_app, sent, name, role):
    door = make_app(BULLRUSH_TOKENS=NAMED).extensions["bullrush"].door
    principal = door.by_token(sent, "192.0.2.1")
    assert (principal.name, principal.role) == (name, role)


def test_named_tokens_stand_beside_the_admin_token(make_app, token):
    client = make_app(BULLRUSH_TOKENS=NAMED).test_client()
    for each in (token, "look only"):
        assert client.get(PATHS[0], headers={"Authorization": f"Bearer {each}"}).status_code == 200


def test_named_tokens_may_come_from_the_environment(make_app, monkeypatch):
    monkeypatch.setenv("BULLRUSH_TOKENS", json.dumps(NAMED))
    client = make_app(BULLRUSH_ADMIN_TOKEN="").test_client()
    headers = {"Authorization": "Bearer look only"}
    assert client.get(PATHS[0], headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("hush", "is a dict"),
        ({"token": "hush"}, "'role'"),
        ({"token": "hush", "role": "root"}, "'role'"),
        ({"role": "read"}, "needs 'token' or 'sha256'"),
        ({"token": "", "role": "read"}, "blank"),
        ({"token": [" "], "role": "read"}, "blank"),
        ({"token": 5, "role": "read"}, "is text"),
        ({"sha256": "hush", "role": "read"}, "64 hexadecimal digits"),
        ({"token": "hush", "role": "read", "rolle": "x"}, "unknown key"),
    ],
)
def test_a_wrong_entry_is_refused_without_the_token_in_the_message(make_app, entry, told):
    with pytest.raises(InvalidOption, match=re.escape(told)) as caught:
        make_app(BULLRUSH_TOKENS={"grafana": entry})
    assert "hush" not in str(caught.value)
    assert "'grafana'" in str(caught.value)
