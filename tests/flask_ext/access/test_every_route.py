"""What holds for every route of the extension, found in the application's own list of routes: a new
one is covered when it is added.
"""

from __future__ import annotations

import re

import jwt
import pytest
from flask import Flask

from bullrush.core import Completed, Failed, RawJson
from bullrush.flask_ext import Bullrush, Role
from bullrush.flask_ext.access.guarding import is_open, role_of
from tests.flask_ext.access.conftest import TOKENS, Browser
from tests.support.trips import Hands

SECRET = "a secret of thirty-two bytes or more"
#: What needs no caller, each with its reason.
OPEN = {
    "bullrush_health.": "probes have no token, and the answers name nothing",
    "bullrush_login.": "whoever logs in has no login yet",
}
#: Names in addresses that no queue and no job can have, or that mean something to somebody.
STRANGE = (
    "a:b",
    "a%3Ab",
    "..",
    "%2e%2e",
    "..%2f..%2fetc%2fpasswd",
    "a%2Fb",
    "%00",
    "a%00b",
    "a%0Ab",
    "a%0D%0ASet-Cookie:%20x=y",
    "%E2%80%AE",
    "%C3%28",
    "%FF",
    "*",
    "%7B0%7D",
    "{a}",
    "'%22%3E%3Cscript%3E",
    "%24%7B7*7%7D",
    "x" * 5000,
    "-1",
    "0",
    "99999999999999999999999",
    "bull:emails:meta",
    "__proto__",
    "%F0%9F%90%8D",
)
#: Where names and ids stand in queries.
QUERY = (
    "queue",
    "id",
    "job",
    "name",
    "state",
    "find",
    "q",
    "search",
    "page",
    "limit",
    "start",
    "end",
    "cursor",
    "sort",
    "span",
    "group",
    "tenant",
    "key",
    "after",
)
HUSH = "hush-hush-hush"


@pytest.fixture(scope="module")
def app(redis_url, worker_id):
    """An application on a real Redis, with jobs full of secrets."""
    app = Flask("walked")
    app.config.from_mapping(
        BULLRUSH_REDIS_URL=redis_url,
        BULLRUSH_PREFIX=f"walk-{worker_id}",
        BULLRUSH_TOKENS=TOKENS,
        BULLRUSH_JWT={"algorithms": "HS256", "key": SECRET},
        BULLRUSH_REDACT=["nick name"],
        BULLRUSH_MAX_BODY=4096,
        SECRET_KEY="of the walk",
    )
    Bullrush(app)
    binding = app.extensions["bullrush"]
    queue = binding.queue("emails")
    fill(queue)
    yield app
    queue.obliterate(force=True)
    binding.close()


def fill(queue):
    """Jobs with a secret in every field that may have one."""
    hands = Hands(queue)
    queue.add("send", {"password": HUSH, "nickName": HUSH}, job_id="job-1", attempts=1)
    (delivery,) = hands.take()
    delivery.log(f"Authorization: Bearer {HUSH}")
    delivery.update_progress({"apiKey": HUSH})
    hands.commit(delivery, Failed(f"token={HUSH}", f'File "x", password="{HUSH}"'))
    queue.add("send", {"pwd": HUSH}, job_id="job-2")
    hands.commit(hands.take()[0], Completed({"args": [{"sessionId": HUSH}, f"Bearer {HUSH}"]}))
    assert HUSH in queue.get_job("job-1").failed_reason
    assert HUSH in queue.get_job("job-2").raw("returnvalue").decode()
    message = {"args": [f"postgres://ann:{HUSH}@db/shop"], "kwargs": {"secret_key": HUSH}}
    queue.add("send", {**message, "celery": {"headers": {"Authorization": HUSH}}}, job_id="job-3")
    queue.add("send", RawJson(f'{{"broken": 1, "token": "{HUSH}"'), job_id="job-4")
    queue.upsert_job_scheduler("nightly", every=3_600_000, data={"credentials": {"a": HUSH}})


@pytest.fixture(scope="module")
def worker_id(request):
    """The test process."""
    return getattr(request.config, "workerinput", {"workerid": "only"})["workerid"]


def routes(app):
    """(method, rule, endpoint, view) of every route of the extension."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("bullrush"):
            view = app.view_functions[rule.endpoint]
            for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
                yield method, rule, view


def guarded(app):
    """Those that need a caller."""
    return [
        (method, rule, view)
        for method, rule, view in routes(app)
        if not rule.endpoint.startswith(tuple(OPEN)) and not is_open(view)
    ]


def address(rule, value="emails"):
    """An address of a rule, with a value in each place."""
    values = {"job_id": "job-1", "id": "job-1"} if value == "emails" else {}
    return re.sub(
        r"<(?:[a-z]+(?:\([^)]*\))?:)?(\w+)>", lambda m: values.get(m[1], value), rule.rule
    )


def harmless(method, rule):
    """The same, of a queue that nobody has used when something would be done to it."""
    return address(rule, "emails" if method == "GET" else "nobody-s")


def readings(app):
    """What can be read of the jobs and the queue, at addresses of every form."""
    for method, rule, _ in routes(app):
        if method == "GET":
            path = address(rule)
            yield path
            yield f"{path}?name=emails"
            for job_id, state in (
                ("job-1", "failed"),
                ("job-2", "completed"),
                ("job-3", "waiting"),
            ):
                yield path.replace("job-1", job_id)
                yield f"{path}?queue=emails&id={job_id}"
                yield f"{path}?name=emails&state={state}"
                yield f"{path}?state={state}"


def asked(client, method, path, **options):
    """An answer, whose stream is not waited for."""
    return client.open(path, method=method, buffered=False, **options)


def each_is(app, status, headers, **options):
    """Every guarded route answers with that status."""
    client = app.test_client()
    found = {}
    for number, (method, rule, _) in enumerate(guarded(app)):
        answer = asked(
            client,
            method,
            address(rule),
            headers={"Accept": "application/json", **headers},
            # A different address each time, so that no budget of wrong tokens is used up.
            environ_base={"REMOTE_ADDR": f"192.0.2.{number % 250}"},
            **options,
        )
        if answer.status_code != status:
            found[method, rule.rule] = answer.status_code
        answer.close()
    assert found == {}


def token_of(**claims):
    """The headers for a JWT."""
    content = {"sub": "ann", "role": "admin", "exp": 4_000_000_000, **claims}
    return {"Authorization": f"Bearer {jwt.encode(content, SECRET, 'HS256')}"}


def test_there_are_routes(app):
    assert len(guarded(app)) >= 3
    assert {method for method, _, _ in routes(app)} >= {"GET", "POST"}


def test_every_route_says_its_role_or_is_open_for_a_reason(app):
    for _, rule, view in routes(app):
        if not rule.endpoint.startswith(tuple(OPEN)):
            assert isinstance(role_of(view), Role) or is_open(view), rule.rule


def test_a_view_that_changes_something_is_no_safe_method(app):
    for method, rule, view in guarded(app):
        if method == "GET":
            assert role_of(view) is Role.READ, f"GET {rule.rule} needs more than to read"


@pytest.mark.row(143, 151)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer a guess"},
        {"Authorization": "Bearer the token of the bos"},
        {"Authorization": "Basic the token of the boss"},
        {"Authorization": "the token of the boss"},
        {"X-Authorization": "Bearer the token of the boss"},
        {"Cookie": "bullrush=the token of the boss"},
        {"Cookie": "bullrush=eyJzIjoiYSJ9.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbb"},
        {"Cookie": "session=eyJzIjoiYSJ9.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbb"},
    ],
    ids=str,
)
def test_nobody_is_let_in_without_a_right_token(app, headers):
    each_is(app, 401, headers)


def test_a_token_in_the_address_is_no_token(app):
    each_is(app, 401, {}, query_string={"token": TOKENS["boss"]["token"]})


def test_every_method_is_closed(app):
    client = app.test_client()
    for _, rule, _ in guarded(app):
        for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE"):
            answer = asked(client, method, address(rule))
            assert answer.status_code in (303, 401, 405), (method, rule.rule)
            answer.close()


@pytest.mark.row(143)
def test_an_expired_or_unsigned_jwt_opens_nothing(app):
    each_is(app, 401, token_of(exp=1))
    for algorithm in ("none", "None"):
        head = jwt.utils.base64url_encode(f'{{"alg":"{algorithm}","typ":"JWT"}}'.encode()).decode()
        body = token_of()["Authorization"].split(".")[1]
        each_is(app, 401, {"Authorization": f"Bearer {head}.{body}."})


@pytest.mark.row(143, 151)
def test_a_role_that_is_too_low_is_refused_before_anything_is_done(app):
    client = app.test_client()
    lower = {Role.ADMIN: "operator", Role.OPERATE: "viewer"}
    for method, rule, view in guarded(app):
        name = lower.get(role_of(view))
        if name is not None:
            headers = {"Authorization": f"Bearer {TOKENS[name]['token']}"}
            answer = asked(client, method, address(rule), headers=headers, json={})
            assert answer.status_code == 403, (method, rule.rule)
    each_is(app, 403, token_of(role="janitor"))


def test_without_the_csrf_token_a_login_changes_nothing(app):
    user = Browser(app)
    user.log_in(TOKENS["boss"]["token"])
    for method, rule, _ in guarded(app):
        if method == "GET":
            continue
        for headers in ({}, {"X-CSRF-Token": "x"}, {"X-CSRF-Token": user.form().get("next", "")}):
            answer = asked(user.client, method, address(rule), headers=headers, json={})
            assert answer.status_code == 403, (method, rule.rule)


def test_other_sites_neither_read_nor_change(app):
    user = Browser(app)
    user.log_in(TOKENS["boss"]["token"])
    for method, rule, _ in guarded(app):
        headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}
        answer = asked(user.client, method, address(rule), headers=headers)
        assert answer.status_code == 403, (method, rule.rule)
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_no_body_is_too_large_too_deep_or_of_another_kind(app):
    boss = {"Authorization": f"Bearer {TOKENS['boss']['token']}"}
    client = app.test_client()
    for method, rule, _ in guarded(app):
        if method == "GET":
            continue
        for body, kind, status in (
            (b"x" * 5000, "application/json", 413),
            (b"[" * 2000 + b"]" * 2000, "application/json", 400),
            (b"a=b", "application/x-www-form-urlencoded", 415),
            (b"{}", "text/plain", 415),
            (b"<a/>", "application/xml", 415),
        ):
            answer = asked(
                client, method, address(rule), headers=boss, data=body, content_type=kind
            )
            assert answer.status_code == status, (method, rule.rule, kind)
            assert answer.get_json()["success"] is False


@pytest.mark.parametrize(
    "body",
    [{"no such field": HUSH}, [HUSH], HUSH, 5, {"queue": {"password": HUSH}}, {"$where": [HUSH]}],
    ids=str,
)
def test_a_body_of_the_wrong_form_does_nothing_and_is_not_repeated(app, caplog, body):
    caplog.set_level("DEBUG")
    boss = {"Authorization": f"Bearer {TOKENS['boss']['token']}"}
    client = app.test_client()
    before = app.extensions["bullrush"].queue("emails").get_job_counts()
    for method, rule, _ in guarded(app):
        if method != "GET":
            answer = asked(client, method, address(rule), headers=boss, json=body)
            assert 400 <= answer.status_code < 500, (method, rule.rule)
            assert HUSH not in answer.text
    assert app.extensions["bullrush"].queue("emails").get_job_counts() == before
    assert HUSH not in caplog.text


@pytest.mark.parametrize("text", STRANGE, ids=lambda text: text[:40])
def test_strange_names_reach_no_key_and_break_nothing(app, text):
    boss = {"Authorization": f"Bearer {TOKENS['boss']['token']}"}
    client = app.test_client()
    driver = app.extensions["bullrush"].driver
    before = sorted(driver.execute(("KEYS", "*")))
    query = "&".join(f"{name}={text}" for name in QUERY)
    paths = [
        (method, path)
        for method, rule, _ in guarded(app)
        for path in (address(rule, text), f"{address(rule, text)}?{query}")
        if method == "GET" or "<" in rule.rule
    ]
    for method, path in paths:
        answer = asked(client, method, path, headers=boss)
        assert answer.status_code < 500, (method, path)
        answer.close()
        assert set(answer.headers.keys()) & {"X", "Set-Cookie"} == set()
        assert answer.mimetype == "application/json" or "'\"><script" not in answer.text
    after = sorted(driver.execute(("KEYS", "*")))
    logs = (b"bullrush:audit", b"bullrush:refusals", b"bullrush:access")
    gone_or_made = {key for key in set(after) ^ set(before) if key.startswith(b"walk-")}
    assert [key for key in gone_or_made if not any(log in key for log in logs)] == []


def test_a_header_cannot_be_injected_by_what_is_asked(app):
    client = app.test_client()
    boss = {"Authorization": f"Bearer {TOKENS['boss']['token']}"}
    for method, rule, _ in routes(app):
        query = "next=%0d%0aX-Evil:1&queue=%0d%0aX-Evil:1&name=%0d%0aX-Evil:1"
        answer = asked(client, method, f"{harmless(method, rule)}?{query}", headers=boss)
        assert "X-Evil" not in answer.headers, rule.rule
        assert not any("\n" in value or "\r" in value for _, value in answer.headers)
        answer.close()


def test_every_answer_has_the_headers_that_protect_it(app):
    boss = {"Authorization": f"Bearer {TOKENS['boss']['token']}"}
    client = app.test_client()
    for method, rule, _ in guarded(app):
        for headers in ({}, boss):
            answer = asked(client, method, harmless(method, rule), headers=headers)
            assert answer.headers["X-Content-Type-Options"] == "nosniff", rule.rule
            assert answer.headers["X-Frame-Options"] == "DENY"
            assert "unsafe" not in answer.headers["Content-Security-Policy"]
            assert "public" not in answer.headers["Cache-Control"]
            answer.close()


def test_no_answer_and_no_log_shows_a_secret(app, caplog):
    caplog.set_level("DEBUG")
    boss = {"Authorization": f"Bearer {TOKENS['boss']['token']}"}
    client = app.test_client()
    binding = app.extensions["bullrush"]
    texts = [repr(binding.settings), repr(binding.door.policy), repr(vars(binding))]
    for path in readings(app):
        texts.append(client.get(path, headers=boss).text)
    texts.append(caplog.text)
    secrets = [HUSH, SECRET, "of the walk", *(entry["token"] for entry in TOKENS.values())]
    assert sum("[redacted]" in text for text in texts) >= 5
    for text in texts:
        assert not [secret for secret in secrets if secret in text]


def test_a_secret_cannot_be_searched_for(app):
    """Else it could be guessed letter by letter."""
    boss = {"Authorization": f"Bearer {TOKENS['boss']['token']}"}
    client = app.test_client()
    found = []
    for method, rule, _ in guarded(app):
        if method == "GET" and "job_id" not in rule.arguments:
            for name in ("find", "search", "q"):
                path = f"{address(rule)}?name=emails&queue=emails&state=failed&{name}="
                short = f"{address(rule)}?{name}="
                for start in (path, short):
                    if "job-1" in client.get(f"{start}nothing-has-this", headers=boss).text:
                        continue  # what it does not search in
                    assert "job-1" not in client.get(start + HUSH, headers=boss).text, start
                    if "job-1" in client.get(f"{start}token", headers=boss).text:
                        found.append(start)
    assert found, "no search found the job by what is shown of it"
