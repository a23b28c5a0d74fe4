"""The pages of one thing, over queues that Node and Python fill."""

from __future__ import annotations

from contextlib import contextmanager
from urllib.parse import quote

import pytest

from bullrush.core import BulkJob, Failed, FlowJob, FlowProducer, Retried
from bullrush.core.clock import now_ms
from tests.support.trips import Hands
from tests.support.waiting import wait_until

from .chromium import PATIENCE

ROOT = "/admin/queues"


def take_and(outcome, queue, **trip):
    """Take the next job and end it like that."""
    hands = Hands(queue, "hand-1")
    (delivery,) = hands.take(**trip)
    hands.commit(delivery, outcome)
    return delivery.job


@contextmanager
def without_scripts(browser):
    """Pages run none in this block."""
    browser.command("Emulation.setScriptExecutionDisabled", value=True)
    try:
        yield
    finally:
        browser.command("Emulation.setScriptExecutionDisabled", value=False)


def cells(browser, selector="table.jobs tbody tr"):
    """The rows of a table as texts, as a reader without scripts sees them too."""
    return [row.text for row in browser.all(selector)]


def test_each_state_has_its_tab(browser, binding):
    queue = binding.queue("emails")
    queue.add("to-fail", {"to": "ann@example.org"})
    take_and(Failed("no such mailbox"), queue)
    queue.add("to-retry", attempts=3)
    take_and(Retried(3_600_000, "mail server is away"), queue)
    queue.add("later", delay=60_000)
    queue.add("urgent", priority=2)
    queue.add("plain")
    expected = {
        "waiting": ["plain"],
        "prioritized": ["urgent"],
        "delayed": ["later", "to-retry"],
        "retrying": ["to-retry"],
        "failed": ["to-fail"],
        "dead": ["to-fail"],
        "completed": [],
        "active": [],
        "waiting-children": [],
    }
    for tab, names in expected.items():
        browser.open(f"{ROOT}/queue?name=emails&state={tab}")
        shown = [each.text for each in browser.all("table.jobs td.name")]
        assert shown == names, tab
    browser.open(f"{ROOT}/queue?name=emails&state=failed")
    assert "no such mailbox" in browser.text("table.jobs")
    assert "ann@example.org" in browser.text("table.jobs")


def test_a_long_list_has_pages_and_a_search(browser, binding):
    queue = binding.queue("emails")
    queue.add_bulk([BulkJob("send", {"number": n}) for n in range(120)])
    browser.open(f"{ROOT}/queue?name=emails&state=waiting")
    assert len(cells(browser)) == 50
    browser.find("a[rel=next]").click()
    assert browser.find(".pager", "page 2 of 3")
    browser.open(f"{ROOT}/queue?name=emails&state=waiting")
    browser.find("#queue-jobs #find").send_keys("number: 77")
    browser.open(f"{ROOT}/queue?name=emails&state=waiting&find=%22number%22")
    browser.open(f"{ROOT}/queue?name=emails&state=waiting&find=77")
    assert "number: 77" in browser.text("table.jobs")
    browser.open(f"{ROOT}/queue?name=emails&state=completed&find=5")
    assert browser.find(".hit-line", "The job with this id")


def test_a_job_shows_each_attempt_its_payload_options_and_log(browser, binding):
    queue = binding.queue("emails")
    job = queue.add("send", {"to": "ann@example.org"}, attempts=2, priority=7)
    queue.add_log(job.id, "looking up the mailbox")
    take_and(Retried(0, "first", "Traceback: first trouble"), queue)
    take_and(Failed("second", stack="Traceback: second trouble"), queue)
    browser.open(f"{ROOT}/job?queue=emails&id={job.id}")
    text = browser.text()
    assert "attempt 2 of 2" in text
    assert "second trouble" in text
    browser.all("#job-attempts summary")[0].click()
    assert "first trouble" in browser.text("#job-attempts")
    assert "looking up the mailbox" in browser.text("#job-logs")
    assert "ann@example.org" in browser.text("#job-data")
    assert '"priority": 7' in text
    assert "It has failed" in browser.text("#job-why")


def test_a_log_grows_while_one_reads_it(browser, binding):
    queue = binding.queue("emails")
    job = queue.add("send")
    Hands(queue).take()
    browser.open(f"{ROOT}/job?queue=emails&id={job.id}")
    wait_until(lambda: browser.run("return document.body.dataset.connection"), PATIENCE)
    queue.add_log(job.id, "half of it is done")
    assert browser.find("#job-logs", "half of it is done")


def test_a_waiting_job_says_why(browser, binding):
    queue = binding.queue("emails")
    for _ in range(2):
        queue.add("send")
    last = queue.add("send")
    queue.pause()
    queue.set_global_concurrency(1)
    browser.open(f"{ROOT}/job?queue=emails&id={last.id}")
    why = browser.text("#job-why")
    assert "The queue is paused." in why
    assert "No worker serves this queue." in why
    assert "2 jobs start before it." in why
    later = queue.add("send", delay=3_600_000)
    browser.open(f"{ROOT}/job?queue=emails&id={later.id}")
    assert "It is to start at" in browser.text("#job-why")


def test_a_flow_is_a_tree_with_states_in_words(browser, binding):
    flows = FlowProducer(driver=binding.driver, prefix=binding.settings.prefix)
    doors = [FlowJob("weld", "doors", {"side": side}) for side in ("left", "right")]
    tree = flows.add(FlowJob("assemble", "cars", children=doors))
    take_and(Failed("bent"), binding.queue("doors"))
    child = tree.children[0].job
    with without_scripts(browser):
        browser.open(f"{ROOT}/flow?queue=doors&id={child.id}")
        texts = [each.text for each in browser.all("svg.flow .box .sub")]
    assert sorted(texts) == ["cars · waiting for children", "doors · failed", "doors · waiting"]
    browser.open(f"{ROOT}/job?queue=cars&id={tree.job.id}")
    assert "It waits for" in browser.text("#job-why")


@pytest.mark.row(224)
def test_finished_jobs_of_node_are_there_to_look_at(browser, binding, node):
    prefix = binding.settings.prefix
    node.request("add", queue="from-node", prefix=prefix, name="send", data={"n": 1})
    queue = binding.queue("from-node")
    wait_until(lambda: queue.get_waiting_count() == 1)
    job = queue.get_waiting()[0]
    browser.open(f"{ROOT}/job?queue=from-node&id={job.id}")
    assert '"n": 1' in browser.text("#job-data")


def test_schedulers_say_their_next_five_runs_in_words(browser, binding):
    queue = binding.queue("reports")
    queue.upsert_job_scheduler("digest", pattern="30 8 * * 1-5", tz="Europe/Berlin")
    queue.upsert_job_scheduler("tick", every=300_000)
    browser.open(f"{ROOT}/schedulers")
    text = browser.text("#schedulers")
    assert "At 08:30" in text
    assert "Monday through Friday" in text
    assert "every 5 min" in text
    assert [len(each.find_elements("css selector", "time")) for each in browser.all("td.runs")] == [
        5,
        5,
    ]


def test_workers_are_listed_with_what_they_do(browser, binding):
    binding.queue("emails").add("wait", delay=600_000)
    binding.queue("orphans").add("wait")
    worker = binding.start_worker("emails", lambda delivery: None, concurrency=3, name="anna")
    try:
        browser.open(f"{ROOT}/workers")
        browser.find("#workers-ours td", "anna")
        assert "0 / 3" in browser.text("#workers-ours")
        assert "orphans" in browser.text("#workers-without")
    finally:
        worker.stop()


def test_errors_are_grouped_by_their_cause(browser, binding):
    queue = binding.queue("emails")
    for number in range(3):
        queue.add("send")
        take_and(Failed(f"mailbox {number} is full"), queue)
    queue.add("send")
    take_and(Failed("no route to host"), queue)
    browser.open(f"{ROOT}/errors")
    rows = cells(browser, "#errors tbody tr")
    assert len(rows) == 2
    assert any("is full" in row and " 3 " in row for row in rows)


@pytest.mark.parametrize(
    "path",
    [
        "/queue?name=never-used",
        "/queue?name=a%3Ab",
        "/queue?name=",
        "/queue",
        "/job?queue=emails&id=nobody",
        "/job?queue=emails&id=events",
        "/job?queue=emails&id=a%3Alock",
        "/job?queue=emails&id=%ff%fe",
        "/flow?queue=emails&id=meta",
    ],
)
def test_what_is_not_there_is_said_to_be_missing(app, binding, path):
    binding.queue("emails").add("send")
    headers = {"Authorization": "Bearer correct horse battery staple"}
    answer = app.test_client().get(f"{ROOT}{path}", headers=headers)
    assert answer.status_code == 404
    assert "Not found" in answer.text


def test_every_link_of_every_page_leads_somewhere(browser, binding):
    """Names that need care in an address are among them."""
    flows = FlowProducer(driver=binding.driver, prefix=binding.settings.prefix)
    odd = "../a&b=c/d?#%20 e+ü"
    tree = flows.add(FlowJob("root", odd, children=[FlowJob("leaf", "emails")]))
    binding.queue("emails").add("x", job_id="../..?a=1&b#c/%2e%2e")
    take_and(Failed("broken"), binding.queue("emails"))
    binding.queue(odd).upsert_job_scheduler("tick", every=now_ms())
    seen, rest = set(), [f"{browser.root}{ROOT}"]
    with without_scripts(browser):
        while rest:
            address = rest.pop()
            if address in seen or len(seen) > 120:
                continue
            seen.add(address)
            browser.page.get(address)
            assert "Not found" not in browser.page.title, address
            links = [each.get_attribute("href") for each in browser.all("a[href]")]
            rest += [
                each.partition("#")[0]
                for each in links
                if each
                and each.startswith(browser.root)
                and not each.endswith(("audit", "incident"))
            ]
    assert any(quote(tree.job.id) in each and "/flow?" in each for each in seen)


def test_the_stacks_of_two_attempts_are_compared(browser, binding):
    queue = binding.queue("emails")
    job = queue.add("send", attempts=3)
    for reason in ("first trouble", "first trouble", "second trouble"):
        stack = f"Traceback:\n  in send\n{reason}"
        outcome = Failed if reason.startswith("second") else None
        take_and(Failed(reason, stack) if outcome else Retried(0, reason, stack), queue)
    with without_scripts(browser):
        browser.open(f"{ROOT}/job?queue=emails&id={job.id}")
        assert [each.text for each in browser.all(".diff del")] == ["-first trouble"]
        assert [each.text for each in browser.all(".diff ins")] == ["+second trouble"]
    browser.run("document.querySelector('#job-diff [name=old]').value = '1'")
    browser.run("document.querySelector('#job-diff [name=new]').value = '2'")
    browser.click("#job-diff button", "Compare")
    assert browser.find("#job-diff .empty", "Attempts 1 and 2 failed in the same way")
