"""What one process learns of those who come, all processes of the application know."""

from __future__ import annotations

import uuid

import pytest

from bullrush.core.drivers import connect
from bullrush.flask_ext.access import sessions as session_module
from bullrush.flask_ext.access.refusals import ADDRESSES, tally
from bullrush.flask_ext.access.sessions import Ended
from bullrush.flask_ext.access.sharing import Shared
from bullrush.flask_ext.access.throttle import Throttle
from tests.flask_ext.access.conftest import TOKENS

HERE, THERE = "192.0.2.1", "192.0.2.2"
VIEWER = TOKENS["viewer"]["token"]


class Away:
    """A driver of a Redis that can be taken away, and brought back."""

    def __init__(self, driver):
        self.driver, self.is_away, self.asked = driver, False, 0

    def __call__(self):
        self.asked += 1
        return self.nowhere if self.is_away else self.driver


@pytest.fixture
def prefix():
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def process(url, prefix, refusing_url):
    """Makes what a process knows: it asks Redis by a driver that can be taken away."""
    drivers = []

    def make(clock=None):
        away = Away(connect(url))
        away.nowhere = connect(refusing_url)
        drivers.extend((away.driver, away.nowhere))
        shared = Shared(away, prefix, *([clock] if clock else []))
        shared.away = away
        return shared

    yield make
    for each in drivers:
        each.close()


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_a_logout_holds_in_every_process(open_app, browser, redis_url, prefix):
    shop = {"BULLRUSH_REDIS_URL": redis_url, "BULLRUSH_PREFIX": prefix}
    one, other = browser(open_app(**shop)), browser(open_app(**shop))
    one.log_in(VIEWER)
    cookie = one.cookie()
    other.client.set_cookie("bullrush", cookie)
    assert other.get("/probe/page").status_code == 200
    csrf = one.csrf()
    assert one.post("/admin/queues/logout", headers={"X-CSRF-Token": csrf}).status_code == 303
    assert other.get("/probe/page").status_code == 401


def test_ended_sessions_are_forgotten_when_they_would_have_expired(process):
    shared = process()
    Ended(60, shared).add("id")
    assert "id" in Ended(60, process())
    answer = shared.away.driver.execute(("PTTL", shared.key("ended", "id")))
    assert 0 < answer <= 60_000


def test_no_session_stands_in_redis_as_it_is(process):
    shared = process()
    Ended(60, shared).add("the-session-id")
    keys = shared.away.driver.execute(("KEYS", f"{shared.prefix}*"))
    assert len(keys) == 1
    assert b"the-session-id" not in keys[0]


def test_without_redis_a_session_is_believed_that_was_good_a_moment_ago(process, monkeypatch):
    shared = process()
    ended = Ended(60, shared)
    assert "seen" not in ended
    shared.away.is_away = True
    assert "seen" not in ended
    assert "unknown" in ended, "it may have been ended in another process"
    monkeypatch.setattr(session_module, "REMEMBERED_FOR", -1.0)
    assert "seen" in ended


def test_a_logout_while_redis_is_away_is_told_later(process):
    clock = Clock()
    shared = process(clock)
    ended, other = Ended(60, shared), Ended(60, process())
    shared.away.is_away = True
    ended.add("id")
    assert "id" in ended
    assert "id" not in other
    shared.away.is_away = False
    clock.now += 10
    assert "another" not in ended
    assert "id" in other


def test_a_redis_that_is_away_is_not_asked_all_the_time(process):
    clock = Clock()
    shared = process(clock)
    shared.away.is_away = True
    ended = Ended(60, shared)
    for _ in range(50):
        assert "id" in ended
    assert shared.away.asked == 1
    clock.now += 10
    assert "id" in ended
    assert shared.away.asked == 2


def spend(throttle, address=HERE):
    """Use up the budget of an address; how many it had."""
    count = 0
    while not throttle.wrong(address):
        count += 1
    return count


def test_all_processes_have_one_budget_of_guesses(process):
    throttles = [Throttle(30, 0.001, shared=process()) for _ in range(3)]
    assert sum(spend(each) for each in throttles) == 30
    assert throttles[0].wrong(THERE) == 0


def test_a_right_token_waits_in_every_process_unless_it_was_right_from_there(process):
    one, other = (Throttle(3, 0.001, shared=process()) for _ in range(2))
    assert one.right(HERE, b"known") == 0
    spend(one)
    assert other.right(HERE, b"known") == 0
    assert other.right(HERE, b"new") > 0
    assert other.right(THERE, b"new") == 0


def test_the_budget_comes_back_and_leaves_nothing_in_redis(process):
    shared = process()
    throttle = Throttle(1, 0.5, shared=shared)
    assert throttle.wrong(HERE) == 0
    answer = shared.away.driver.execute(("PTTL", shared.key("guesses", HERE)))
    assert 0 < answer <= 2000


def test_without_redis_each_process_has_its_own_budget(process):
    shared = process()
    shared.away.is_away = True
    throttle = Throttle(3, 0.001, shared=shared)
    assert spend(throttle) == 3
    assert throttle.right(HERE, b"new") > 0


def test_a_spent_budget_and_a_known_token_cost_no_round_trip(process):
    shared = process()
    throttle = Throttle(3, 0.001, shared=shared)
    throttle.right(HERE, b"known")
    spend(throttle)
    before = shared.away.asked
    for _ in range(20):
        assert throttle.wrong(HERE) > 0
        assert throttle.right(HERE, b"known") == 0
    assert shared.away.asked == before


@pytest.fixture
def audit(open_app, redis_url, prefix):
    """Two processes of an application: their clients, and what the audit log says."""
    shop = {"BULLRUSH_REDIS_URL": redis_url, "BULLRUSH_PREFIX": prefix}
    apps = [open_app(**shop) for _ in range(2)]

    def entries(**query):
        headers = {"Authorization": f"Bearer {TOKENS['boss']['token']}"}
        answer = (
            apps[0]
            .test_client()
            .get("/api/admin/audit", headers=headers, query_string={"count": 500, **query})
        )
        assert answer.status_code == 200, answer.text
        return answer.get_json()["data"]["entries"]

    def attempt(process, address, token="a wrong one"):
        headers = {"Authorization": f"Bearer {token}"}
        return (
            apps[process]
            .test_client()
            .get("/api/admin/queues", headers=headers, environ_base={"REMOTE_ADDR": address})
            .status_code
        )

    entries.attempt = attempt
    entries.apps = apps
    return entries


def test_who_was_refused_is_in_the_audit_log_with_how_often(audit, browser):
    assert [audit.attempt(n % 2, HERE) for n in range(5)] == [401] * 5
    audit.attempt(0, "2001:db8:1:2:3::4")
    browser(audit.apps[1], environ_base={"REMOTE_ADDR": HERE}).log_in("no token")
    found = audit()
    counts = {}
    for each in found:
        counts[each["who"]] = counts.get(each["who"], 0) + each["attempts"]
        assert (each["status"], each["action"]) == (401, "sign_in")
        assert each["at"] % 60_000 == 0
    assert counts == {HERE: 6, "2001:db8:1:2::/64": 1}
    assert sum(each["attempts"] for each in audit()) == 7, "reading it counts nothing twice"
    assert "a wrong one" not in repr(found)


def test_those_who_are_refused_for_guessing_too_much_are_counted_as_well(audit):
    answers = [audit.attempt(number % 2, HERE) for number in range(40)]
    assert 429 in answers
    audit.apps[0].extensions["bullrush"].door.refusals.note(HERE)
    assert sum(each["attempts"] for each in audit()) >= 30


def test_whoever_tries_all_the_time_from_everywhere_fills_no_log(audit):
    refusals = audit.apps[0].extensions["bullrush"].door.refusals
    for number in range(500):
        refusals.note(f"10.0.{number // 250}.{number % 250}")
    driver = audit.apps[0].extensions["bullrush"].driver
    prefix = audit.apps[0].extensions["bullrush"].settings.prefix
    opened = driver.execute(("HLEN", tally(prefix).open))
    assert opened <= ADDRESSES + 2, "the addresses, the others, and when it began"
    assert driver.execute(("PTTL", tally(prefix).open)) > 0


def test_what_was_done_and_who_was_refused_are_one_list_in_pages(audit):
    boss = {"Authorization": f"Bearer {TOKENS['boss']['token']}"}
    client = audit.apps[0].test_client()
    for _ in range(3):
        audit.attempt(0, HERE)
        audit()  # writes the sum down
        client.post("/api/admin/queues/emails/pause", json={}, headers=boss)
    whole = audit()
    assert sorted(each["who"] for each in whole) == [HERE] * 3 + ["boss"] * 3
    first = audit(count=2)
    rest = audit(before=first[-1]["id"])
    assert first + rest == whole
