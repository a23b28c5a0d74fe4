"""Every request is asked who sent it, and browsers also from where."""

from __future__ import annotations

import pytest
from flask import abort, redirect, request
from werkzeug.test import EnvironBuilder, run_wsgi_app

from bullrush.core.errors import InvalidOption
from bullrush.flask_ext import Principal, Role
from tests.flask_ext.access.conftest import TOKENS

PAGE = "/probe/page"
ROLES = [("viewer", Role.READ), ("operator", Role.OPERATE), ("boss", Role.ADMIN)]


def bearer(name):
    """The headers of a program."""
    return {"Authorization": f"Bearer {TOKENS[name]['token']}"}


@pytest.mark.row(151)
@pytest.mark.parametrize(("name", "role"), ROLES)
def test_a_role_may_do_what_lower_ones_may_and_nothing_else(open_app, name, role):
    client = open_app().test_client()
    for needed in Role:
        answer = client.post(f"/probe/{needed.name.lower()}", headers=bearer(name))
        assert answer.status_code == (200 if role >= needed else 403)


@pytest.mark.row(151)
def test_the_admin_token_does_everything_and_others_nothing(open_app):
    client = open_app(BULLRUSH_ADMIN_TOKEN="of the admin").test_client()
    for token, status in (("of the admin", 200), ("of the Admin", 401)):
        headers = {"Authorization": f"Bearer {token}"}
        assert client.post("/probe/admin", headers=headers).status_code == status


def test_programs_with_a_token_need_no_csrf_token(open_app):
    answer = open_app().test_client().post("/probe/operate", headers=bearer("operator"))
    assert answer.get_json() == {"done": "OPERATE"}


def test_a_login_changes_things_with_the_csrf_token_of_its_page(open_app, browser):
    user = browser(open_app())
    user.log_in(TOKENS["operator"]["token"])
    headers = {"X-CSRF-Token": user.csrf()}
    assert user.post("/probe/operate", headers=headers).get_json() == {"done": "OPERATE"}
    assert user.post("/probe/admin", headers=headers).status_code == 403


def test_the_csrf_token_of_anybody_else_is_refused(open_app, browser):
    app = open_app()
    user, other = browser(app), browser(app)
    for each in (user, other):
        each.log_in(TOKENS["boss"]["token"])
    wrong = ["", "x", other.csrf(), user.csrf()[:-1], user.csrf().swapcase()]
    for token in wrong:
        assert user.post("/probe/read", headers={"X-CSRF-Token": token}).status_code == 403
    assert user.post("/probe/read").status_code == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"}, 403),
        ({"Origin": "http://localhost"}, 200),
        ({"Origin": "http://localhost:80"}, 200),
        ({"Origin": "https://localhost"}, 200),
        ({"Origin": "http://localhost:8080"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://localhost.evil.example"}, 403),
        ({"Origin": "http://localhost@evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": "http://["}, 403),
        ({}, 200),
    ],
)
def test_a_change_that_another_site_sends_is_refused_even_with_the_token(
    open_app, browser, headers, status
):
    user = browser(open_app())
    user.log_in(TOKENS["boss"]["token"])
    headers = {"X-CSRF-Token": user.csrf(), **headers}
    assert user.client.post("/probe/admin", headers=headers).status_code == status


def test_pages_of_other_sites_may_link_here_and_not_read_from_here(open_app, browser):
    user = browser(open_app())
    user.log_in(TOKENS["viewer"]["token"])
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert user.get(PAGE, headers=link).status_code == 200
    for mode in ("cors", "no-cors", "websocket"):
        headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": mode}
        assert user.get(PAGE, headers=headers).status_code == 403


def test_a_wrong_token_is_not_made_good_by_a_cookie(open_app, browser):
    user = browser(open_app())
    user.log_in(TOKENS["boss"]["token"])
    assert user.get(PAGE, headers={"Authorization": "Bearer x"}).status_code == 401
    assert user.get(PAGE, headers={"Authorization": "Basic eDp5"}).status_code == 200


@pytest.mark.row(143)
@pytest.mark.parametrize("said", ["operate", Role.OPERATE, Principal("ann", Role.OPERATE)])
def test_the_application_may_say_itself_who_is_calling(open_app, browser, said):
    app = open_app(auth=lambda: said if request.cookies.get("own") else None)
    user = browser(app)
    assert user.get(PAGE).status_code == 401
    user.client.set_cookie("own", "1")
    assert user.get(PAGE).get_json()["role"] == "OPERATE"
    headers = {"X-CSRF-Token": user.csrf()}
    assert user.post("/probe/operate", headers=headers).status_code == 200
    assert user.post("/probe/admin", headers=headers).status_code == 403


def test_the_application_s_own_login_needs_the_csrf_token_as_well(open_app, browser):
    user = browser(open_app(auth=lambda: Principal("ann", Role.ADMIN)))
    assert user.post("/probe/admin").status_code == 403
    evil = {"X-CSRF-Token": user.csrf(), "Sec-Fetch-Site": "cross-site"}
    assert user.post("/probe/admin", headers=evil).status_code == 403


def test_a_caller_that_the_application_knows_by_a_header_needs_none(open_app):
    def by_key():
        known = request.headers.get("X-Key") == "of a program"
        return Principal("program", Role.ADMIN, explicit=True) if known else None

    client = open_app(auth=by_key).test_client()
    assert client.post("/probe/admin", headers={"X-Key": "of a program"}).status_code == 200
    assert client.post("/probe/admin", headers={"X-Key": "of another"}).status_code == 401


def test_the_application_s_own_bearer_tokens_reach_its_callable(open_app):
    def by_bearer():
        return "admin" if request.headers["Authorization"] == "Bearer of the host" else None

    client = open_app(auth=by_bearer, BULLRUSH_TOKENS={}).test_client()
    assert client.get(PAGE, headers={"Authorization": "Bearer of the host"}).status_code == 200
    assert client.get(PAGE, headers={"Authorization": "Bearer x"}).status_code == 401


def test_the_application_may_answer_itself(open_app, browser):
    app = open_app(auth=lambda: abort(redirect("/own/login")))
    answer = browser(app).get(PAGE)
    assert (answer.status_code, answer.location) == (302, "/own/login")


@pytest.mark.parametrize("said", ["root", "", 5, True, 3, object()])
def test_an_application_that_says_nonsense_lets_nobody_in(open_app, said):
    client = open_app(auth=lambda: said).test_client()
    assert client.get(PAGE).status_code == 500


def test_an_application_that_fails_lets_nobody_in(open_app):
    def fail():
        raise KeyError("hush")

    answer = open_app(auth=fail).test_client().get(PAGE)
    assert answer.status_code == 500
    assert "hush" not in answer.text


@pytest.mark.row(154)
def test_what_nothing_protects_is_closed_and_a_dashboard_refuses_to_start(open_app):
    app = open_app(BULLRUSH_TOKENS={})
    assert app.test_client().get(PAGE).status_code == 401
    with pytest.raises(InvalidOption, match="BULLRUSH_UI_INSECURE=1"):
        app.extensions["bullrush"].door.require_protection()


@pytest.mark.row(154)
@pytest.mark.parametrize("said", ["config", "environment"])
def test_only_the_word_insecure_opens_it(open_app, browser, monkeypatch, said):
    if said == "environment":
        monkeypatch.setenv("BULLRUSH_UI_INSECURE", "1")
    app = open_app(BULLRUSH_TOKENS={}, BULLRUSH_UI_INSECURE="1" if said == "config" else None)
    app.extensions["bullrush"].door.require_protection()
    user = browser(app)
    assert user.get(PAGE).get_json()["name"] == "anonymous"
    assert user.post("/probe/admin").status_code == 403
    headers = {"X-CSRF-Token": user.csrf()}
    assert user.post("/probe/admin", headers=headers).status_code == 200


def test_insecure_means_nothing_beside_a_token(open_app):
    app = open_app(BULLRUSH_UI_INSECURE="1")
    assert app.test_client().get(PAGE).status_code == 401


@pytest.mark.parametrize("value", ["yes", "true", 2, "2", []])
def test_insecure_is_said_in_one_way(open_app, value):
    with pytest.raises(InvalidOption, match="BULLRUSH_UI_INSECURE"):
        open_app(BULLRUSH_UI_INSECURE=value)


def test_an_open_dashboard_is_not_reached_by_a_name_of_another_site(open_app, browser):
    app = open_app(BULLRUSH_TOKENS={}, BULLRUSH_UI_INSECURE=True)
    for host, status in (
        ("localhost:5000", 200),
        ("127.0.0.1:5000", 200),
        ("[::1]:5000", 200),
        ("bullrush", 200),
        ("evil.example", 401),
        ("127.0.0.1.evil.example", 401),
    ):
        assert browser(app, base_url=f"http://{host}/").get(PAGE).status_code == status


def test_an_error_says_nothing_of_its_cause(open_app):
    answer = open_app().test_client().get("/probe/broken", headers=bearer("viewer"))
    assert answer.status_code == 500
    assert answer.get_json()["success"] is False
    assert "hush" not in answer.text


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"json": {"a": 1}}, 200),
        ({"data": b"", "content_type": "text/plain"}, 200),
        ({"data": b"{}", "content_type": "application/json; charset=UTF-8"}, 200),
        ({"data": b"{}", "content_type": "application/json; charset=utf-7"}, 415),
        ({"data": b"{}", "content_type": "text/plain"}, 415),
        ({"data": b"{}", "content_type": ""}, 415),
        ({"data": {"a": "1"}}, 415),
        ({"data": {"a": "1"}, "content_type": "multipart/form-data"}, 415),
        (
            {
                "data": b"{}",
                "content_type": "application/json",
                "headers": {"Content-Encoding": "gzip"},
            },
            415,
        ),
        ({"data": b"[" * 65 + b"]" * 65, "content_type": "application/json"}, 400),
        ({"data": b"[" * 64 + b"]" * 64, "content_type": "application/json"}, 200),
        ({"data": b'"' + b"[" * 900 + b'"', "content_type": "application/json"}, 200),
        ({"data": b'{"\\"[[": "' + b"[" * 900, "content_type": "application/json"}, 200),
        ({"data": b"x" * 1001, "content_type": "application/json"}, 413),
    ],
)
def test_a_body_is_json_of_bounded_size_and_depth(open_app, sent, status):
    client = open_app(BULLRUSH_MAX_BODY=1000).test_client()
    sent = {**sent, "headers": {**bearer("boss"), **sent.get("headers", {})}}
    assert client.post("/probe/admin", **sent).status_code == status


def test_a_body_of_unknown_length_is_bounded_as_it_is_read(open_app):
    class Endless:
        taken = 0

        def read(self, size=-1):
            assert size > 0
            Endless.taken += size
            return b"x" * size

        def readline(self, size=-1):
            return self.read(size)

    builder = EnvironBuilder(
        "/probe/admin", method="POST", headers=bearer("boss"), content_type="application/json"
    )
    environ = builder.get_environ()
    environ.pop("CONTENT_LENGTH", None)
    environ |= {"wsgi.input": Endless(), "wsgi.input_terminated": True}
    _, status, _ = run_wsgi_app(open_app(BULLRUSH_MAX_BODY=1000), environ)
    assert status.startswith("413")
    assert Endless.taken <= 10 * 1000


def test_refusals_keep_the_headers_that_their_readers_need(open_app):
    client = open_app().test_client()
    assert client.get(PAGE).headers["WWW-Authenticate"] == "Bearer"
    headers = {"Authorization": "Bearer a guess"}
    refusals = [client.get(PAGE, headers=headers) for _ in range(40)]
    assert int(refusals[-1].headers["Retry-After"]) >= 1
    assert refusals[-1].get_json()["success"] is False


def test_pages_have_a_strict_policy_and_keep_what_they_say_of_caching(open_app, browser):
    headers = browser(open_app()).get("/admin/queues/login").headers
    policy = headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert {"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"} <= set(
        policy.split("; ")
    )
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"
