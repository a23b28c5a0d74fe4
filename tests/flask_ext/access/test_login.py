"""The login page takes a token and gives a cookie that stands for it, no longer than it holds."""

from __future__ import annotations

from functools import cache
from urllib.parse import urljoin, urlsplit

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st
from itsdangerous import TimestampSigner

from bullrush.flask_ext import Bullrush, Role
from bullrush.flask_ext.access.login import safe_target
from bullrush.flask_ext.access.sessions import Sessions
from tests.flask_ext.access.conftest import TOKENS

VIEWER, BOSS = TOKENS["viewer"]["token"], TOKENS["boss"]["token"]
LOGIN = "/admin/queues/login"
HTTPS = {"base_url": "https://shop.example"}


def attributes_of(answer, name):
    """The attributes of a cookie that an answer sets."""
    (line,) = [each for each in answer.headers.getlist("Set-Cookie") if each.startswith(f"{name}=")]
    return set(line.split("; ")[1:])


def test_a_right_token_opens_the_pages_by_its_name_and_role(open_app, browser):
    user = browser(open_app())
    answer = user.log_in(VIEWER)
    assert (answer.status_code, answer.location) == (303, "/admin/queues/")
    page = user.get("/probe/page").get_json()
    assert (page["name"], page["role"], page["session"]) == ("viewer", "READ", True)


def test_a_wrong_token_opens_nothing(open_app, browser):
    user = browser(open_app())
    answer = user.log_in("a guess")
    assert answer.status_code == 401
    assert "not valid" in answer.text
    assert "a guess" not in answer.text
    assert user.cookie() is None


def test_a_page_without_a_login_leads_to_the_login_page_and_back(open_app, browser):
    user = browser(open_app())
    html = {"Accept": "text/html,*/*;q=0.8"}
    answer = user.get("/probe/page?a=1", headers=html)
    assert answer.status_code == 303
    assert answer.location == "/admin/queues/login?next=/probe/page?a%3D1"
    assert user.get("/probe/page", headers={"Accept": "text/event-stream"}).status_code == 401


def test_whoever_is_logged_in_goes_on_from_the_login_page(open_app, browser):
    user = browser(open_app())
    user.log_in(VIEWER)
    answer = user.get(f"{LOGIN}?next=/admin/queues/workers")
    assert (answer.status_code, answer.location) == (303, "/admin/queues/workers")


def test_the_cookie_is_for_this_site_and_for_no_script(open_app, browser):
    answer = browser(open_app()).log_in(VIEWER)
    found = attributes_of(answer, "bullrush")
    assert {"HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=28800"} <= found
    assert "Secure" not in found


def test_with_https_the_cookie_travels_by_https_alone_and_belongs_to_one_host(open_app, browser):
    user = browser(open_app(), **HTTPS)
    answer = user.log_in(VIEWER)
    found = attributes_of(answer, "__Host-bullrush")
    assert {"HttpOnly", "Secure", "SameSite=Lax", "Path=/"} <= found
    assert not any(each.startswith("Domain") for each in found)


def test_https_may_be_asserted_when_a_proxy_takes_it_away(open_app, browser):
    answer = browser(open_app(BULLRUSH_COOKIE_SECURE=True)).get(LOGIN)
    assert "Secure" in attributes_of(answer, "__Host-bullrush-form")


def test_the_cookie_holds_neither_the_token_nor_a_role(open_app, browser):
    user = browser(open_app())
    user.log_in(BOSS)
    serializer = user.client.application.extensions["bullrush"].door.sessions(["of the shop"])
    session = serializer.read(user.cookie())
    assert BOSS not in user.cookie()
    assert set(vars(session)) == {"id", "fingerprint", "web_token"}


def test_a_changed_cookie_is_nothing(open_app, browser):
    user = browser(open_app())
    user.log_in(VIEWER)
    cookie = user.cookie()
    for wrong in (cookie[:-6] + "AAAAAA", "x" + cookie, cookie.upper(), "", "." * 50, "x" * 3900):
        user.client.set_cookie("bullrush", wrong)
        assert user.get("/probe/page").status_code == 401


def test_a_cookie_of_another_secret_key_is_nothing(open_app, browser):
    one, other = browser(open_app()), browser(open_app(SECRET_KEY="of another"))
    one.log_in(VIEWER)
    other.client.set_cookie("bullrush", one.cookie())
    assert other.get("/probe/page").status_code == 401


def test_a_login_outlives_a_change_of_the_secret_key_that_names_the_old_one(open_app, browser):
    one = browser(open_app())
    other = browser(open_app(SECRET_KEY="new", SECRET_KEY_FALLBACKS=["of the shop"]))
    one.log_in(VIEWER)
    other.client.set_cookie("bullrush", one.cookie())
    assert other.get("/probe/page").get_json()["name"] == "viewer"


def test_without_a_secret_key_logins_work_within_the_process(open_app, browser, caplog):
    user = browser(open_app(SECRET_KEY=None))
    user.log_in(VIEWER)
    assert user.get("/probe/page").get_json()["name"] == "viewer"
    assert caplog.text.count("SECRET_KEY is not set") == 1


def test_a_login_ends_with_its_lifetime(open_app, browser, monkeypatch):
    user = browser(open_app(BULLRUSH_SESSION_LIFETIME=60))
    user.log_in(VIEWER)
    now = TimestampSigner("x").get_timestamp()
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda self: now + 59)
    assert user.get("/probe/page").status_code == 200
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda self: now + 62)
    assert user.get("/probe/page").status_code == 401


def test_a_token_that_is_taken_back_takes_its_logins_along(open_app, browser):
    before, after = browser(open_app()), browser(open_app(BULLRUSH_TOKENS={"boss": TOKENS["boss"]}))
    before.log_in(VIEWER)
    after.client.set_cookie("bullrush", before.cookie())
    assert before.get("/probe/page").status_code == 200
    assert after.get("/probe/page").status_code == 401


def test_a_login_has_the_role_that_its_token_has_now(open_app, browser):
    promoted = {"viewer": {**TOKENS["viewer"], "role": "operate"}}
    before, after = browser(open_app()), browser(open_app(BULLRUSH_TOKENS=promoted))
    before.log_in(VIEWER)
    after.client.set_cookie("bullrush", before.cookie())
    assert after.get("/probe/page").get_json()["role"] == Role.OPERATE.name


def test_logging_out_ends_the_session_for_every_copy_of_the_cookie(open_app, browser):
    app = open_app()
    user, thief = browser(app), browser(app)
    user.log_in(VIEWER)
    thief.client.set_cookie("bullrush", user.cookie())
    csrf = user.csrf()
    answer = user.post("/admin/queues/logout", data={"csrf_token": csrf})
    assert (answer.status_code, answer.location) == (303, LOGIN)
    assert user.cookie() is None
    assert thief.get("/probe/page").status_code == 401


def test_another_site_cannot_log_anybody_out(open_app, browser):
    user = browser(open_app())
    user.log_in(VIEWER)
    for headers, form in (
        ({}, {}),
        ({}, {"csrf_token": "x"}),
        ({"Sec-Fetch-Site": "cross-site"}, {"csrf_token": user.csrf()}),
    ):
        assert user.post("/admin/queues/logout", headers=headers, data=form).status_code == 403
    assert user.get("/probe/page").status_code == 200


def test_another_site_cannot_log_anybody_in(open_app, browser):
    user = browser(open_app())
    form = user.form()
    strange = browser(open_app()).form()["csrf_token"]
    for headers, changes in (
        ({"Sec-Fetch-Site": "cross-site"}, {}),
        ({"Sec-Fetch-Site": "same-site"}, {}),
        ({}, {"csrf_token": ""}),
        ({}, {"csrf_token": strange}),
    ):
        data = {**form, "token": VIEWER, **changes}
        answer = user.post(LOGIN, headers=headers, data=data)
        assert answer.status_code == 403
        form = user.form()
    assert user.cookie() is None


def test_a_session_is_new_at_each_login(open_app, browser):
    user = browser(open_app())
    user.log_in(VIEWER)
    first = user.cookie()
    user.client.delete_cookie("bullrush")
    user.log_in(VIEWER)
    assert user.cookie() != first


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/",
        "//evil.example/",
        "///evil.example/",
        "/\\evil.example/",
        "\\\\evil.example/",
        "/admin/queues/..//evil.example",
        "/admin/queues/%2e%2e/x",
        "/admin/queuesevil",
        "/admin/queues\\@evil.example",
        "/admin/queues/\r\nSet-Cookie: a=b",
        "/admin/queues/\tx",
        "/admin/queues/logout",
        "/admin/queues/login?next=/admin/queues/login",
        "javascript:alert(1)",
        "data:text/html,x",
        " /admin/queues/",
        "admin/queues/",
        "/admin/queues/" + "x" * 5000,
        "/other",
        "http:/admin/queues/",
        "\u2028/admin/queues/",
    ],
)
def test_the_login_leads_to_no_other_place(open_app, browser, wanted):
    user = browser(open_app())
    assert user.log_in(VIEWER, next=wanted).location == "/admin/queues/"
    again = user.get(LOGIN, query_string={"next": wanted})
    assert again.location == "/admin/queues/"


@settings(max_examples=150, deadline=None)
@given(
    st.text()
    | st.from_regex(r"/admin/queues[/?].*")
    | st.lists(
        st.sampled_from(["/", "\\", "admin", "queues", ".", "..", "@", ":", "%2f", "evil.io"])
    ).map("".join)
)
def test_no_text_leads_out_of_the_dashboard(wanted):
    app = _app_for_targets()
    with app.test_request_context(LOGIN):
        target = safe_target(wanted)
    path = urlsplit(urljoin("http://shop/admin/queues/login", target))
    assert (path.scheme, path.netloc) == ("http", "shop")
    assert path.path == "/admin/queues" or path.path.startswith("/admin/queues/")
    assert target.isascii()
    assert target.isprintable()


@cache
def _app_for_targets():
    app = Flask("targets")
    app.config.from_mapping(BULLRUSH_REDIS_URL="memory://targets", BULLRUSH_TOKENS=TOKENS)
    Bullrush(app)
    return app


@settings(max_examples=150, deadline=None)
@given(st.text() | st.from_regex(r"[A-Za-z0-9_.-]{0,300}"))
def test_no_text_is_a_cookie_or_a_csrf_token(text):
    sessions = Sessions([b"a key"], 60)
    assert sessions.read(text) is None
    assert not sessions.is_csrf_token("session:x", text)


@pytest.mark.parametrize(
    "wanted", ["/admin/queues", "/admin/queues/job?queue=a%20b&id=%C3%A4", "/admin/queues?span=24h"]
)
def test_the_login_leads_back_to_pages_of_the_dashboard(open_app, browser, wanted):
    assert browser(open_app()).log_in(VIEWER, next=wanted).location == wanted


def test_below_a_path_of_a_server_the_login_stays_there(open_app, browser):
    user = browser(open_app(), base_url="http://localhost/shop")
    form = {**user.form(), "token": VIEWER, "next": "/shop/admin/queues/workers"}
    assert user.post(LOGIN, data=form).location == "/shop/admin/queues/workers"


def test_what_stands_in_the_address_is_text_in_the_page(open_app, browser):
    page = browser(open_app()).get(LOGIN, query_string={"next": '/admin/queues/"><script>'})
    assert "<script" not in page.text
    assert "<style" not in page.text
    assert " style=" not in page.text


def test_without_any_way_in_the_page_says_what_to_set(open_app, browser):
    page = browser(open_app(BULLRUSH_TOKENS={})).get(LOGIN)
    assert "BULLRUSH_ADMIN_TOKEN" in page.text
    assert "<form" not in page.text


def test_where_the_application_alone_knows_who_is_who_the_page_says_so(open_app, browser):
    page = browser(open_app(auth=lambda: None, BULLRUSH_TOKENS={})).get(LOGIN)
    assert "log in to the application itself" in page.text
    assert "<form" not in page.text


def test_many_wrong_tokens_make_the_next_ones_wait_and_lock_nobody_out_who_was_in(
    open_app, browser
):
    app = open_app()
    known, guesser = browser(app), browser(app)
    known.log_in(BOSS)
    headers = {"Authorization": "Bearer a guess"}
    statuses = {guesser.client.get("/probe/page", headers=headers).status_code for _ in range(40)}
    assert statuses == {401, 429}
    refused = guesser.log_in(VIEWER)
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) >= 1
    assert known.get("/probe/page").status_code == 200
    assert browser(app).log_in(BOSS).status_code == 303
    elsewhere = browser(app, environ_base={"REMOTE_ADDR": "192.0.2.7"})
    assert elsewhere.log_in(VIEWER).status_code == 303


def test_a_large_form_is_refused(open_app, browser):
    assert browser(open_app()).log_in("x" * 20_000).status_code == 413


def test_the_style_is_open_and_kept(open_app, browser):
    style = browser(open_app()).get("/admin/queues/login.css")
    assert style.mimetype == "text/css"
    assert style.headers["Cache-Control"] == "max-age=3600"


def test_neither_page_nor_log_shows_a_token(open_app, browser, caplog):
    caplog.set_level("DEBUG")
    user = browser(open_app())
    pages = [user.log_in("a wrong guess").text, user.log_in(BOSS).text, user.get(LOGIN).text]
    for secret in ("a wrong guess", BOSS):
        assert not any(secret in page for page in pages)
        assert secret not in caplog.text
    assert "'boss'" in caplog.text
