"""Everything that a job can carry comes from somebody else; a page shows it and never obeys it."""

from __future__ import annotations

import json

import pytest

from bullrush.core import Completed, Failed, FlowJob, FlowProducer, RawJson, Retried
from bullrush.core.clock import now_ms
from tests.support.trips import Hands
from tests.support.waiting import wait_until

from .chromium import PATIENCE

ROOT = "/admin/queues"
PAYLOADS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "'><svg/onload=alert(3)>",
    "javascript:alert(4)",
    "</title></textarea></pre><script>alert(5)</script>",
    "{{7*7}}{% raise %}${alert(6)}",
    "\u202e<b onmouseover=alert(7)>\U0001f600\u2028",
)
#: What a page must not have grown.
_GROWN = (
    "return [...document.querySelectorAll('script:not([src]), style, [style], iframe, main img, "
    'base, object, main b[onmouseover], a[href^="javascript"]\')]'
    ".concat([...document.querySelectorAll('*')].filter((each) => "
    "[...each.attributes].some((one) => one.name.startsWith('on')))).map((each) => each.outerHTML)"
)


def hostile_queue(binding, payload):
    """A queue with jobs in every state that carry the payload wherever one can be."""
    name = printable(f"q {payload}").replace(":", ";")
    queue = binding.queue(name)
    hands = Hands(queue, f"w{payload}")
    stack = f"Traceback: {payload}"

    def add(task, **options):
        return queue.add(f"{task} {payload}", {payload: [payload]}, **options)

    failed = add("failed", job_id=printable(f"id-{payload}").replace(":", ";"))
    end(hands, Failed(payload, stack))
    add("retried", attempts=3, backoff={"type": payload})
    end(hands, Retried(9_999_999, payload, stack))
    add("done")
    end(hands, Completed({payload: payload}))
    active = add("active", deduplication={"id": payload})
    hands.take()
    queue.update_progress(active.id, {payload: payload})
    for job in (failed, active):
        queue.add_log(job.id, payload)
    queue.add("raw", RawJson("{broken " + payload.replace("\u2028", "")))
    add("prioritized", priority=3)
    flows = FlowProducer(driver=binding.driver, prefix=binding.settings.prefix)
    tree = flows.add(FlowJob(payload, name, children=[FlowJob(payload, name)]))
    queue.upsert_job_scheduler(f"s {payload}", every=60_000, name=payload, data={payload: payload})
    damaged = {"pattern": payload, "tz": payload, "name": payload, "every": payload}
    key = f"{queue.keys.repeat}:bad{payload}"
    binding.driver.execute(("HSET", key, *(part for pair in damaged.items() for part in pair)))
    binding.driver.execute(("ZADD", queue.keys.repeat, now_ms(), f"bad{payload}"))
    return queue, [failed.id, active.id, tree.job.id]


def printable(text):
    """Without what no name can have."""
    return "".join(char for char in text if char.isprintable())


def pretend_worker(binding, queue, payload):
    """Write the record of a worker that calls itself so."""
    record = {"name": payload, "host": payload, "pid": 7, "started": now_ms(), "beat": now_ms()}
    record |= {"pool": payload, "slots": 2, "running": 1, "paused": False}
    record |= {"queues": [queue.name, payload], "processes": []}
    key = queue.keys.worker("pretended")
    binding.driver.execute(("SET", key, json.dumps(record), "PX", 60_000))
    binding.driver.execute(("ZADD", queue.keys.workers, now_ms(), "pretended"))


def end(hands, outcome):
    """Take the next job and end it like that."""
    (delivery,) = hands.take()
    hands.commit(delivery, outcome)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_field_of_a_job_runs_a_script(browser, binding, payload):
    trap = "window.trapped = []; window.alert = (what) => window.trapped.push(what);"
    added = browser.command("Page.addScriptToEvaluateOnNewDocument", source=trap)
    try:
        queue, ids = hostile_queue(binding, payload)
        pretend_worker(binding, queue, payload)
        paths = ["", "/schedulers", "/workers", "/errors", f"?find={payload}"]
        quoted = browser.run("return encodeURIComponent(arguments[0])", queue.name)
        for tab in ("waiting", "prioritized", "active", "retrying", "completed", "failed", "dead"):
            paths.append(f"/queue?name={quoted}&state={tab}")
        for each in ids:
            quoted_id = browser.run("return encodeURIComponent(arguments[0])", each)
            paths += [f"/{page}?queue={quoted}&id={quoted_id}" for page in ("job", "flow")]
        for path in paths:
            browser.open(ROOT + path)
            look(browser, payload, path)
    finally:
        browser.command("Page.removeScriptToEvaluateOnNewDocument", identifier=added["identifier"])


def look(browser, payload, path):
    """Whether the page is what the server meant, after everything in it was opened."""
    assert "Not found" not in browser.page.title, path
    if path == "":
        wait_until(lambda: browser.run("return document.body.dataset.updates"), PATIENCE)
    browser.run("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert browser.run("return window.trapped") == [], path
    assert browser.run(_GROWN) == [], path
    if path.startswith(("/queue", "/job")):
        assert payload.split("\u2028")[0].strip()[:10] in browser.run(
            "return document.querySelector('main').textContent"
        ), path


def test_secrets_in_jobs_are_on_no_page(browser, binding):
    queue = binding.queue("emails")
    secret = "hunter2hunter2"
    job = queue.add("send", {"password": secret, "to": "ann"})
    queue.add_log(job.id, f"password={secret}")
    end(Hands(queue), Failed(f"wrong password={secret}", f"Traceback: token={secret}"))
    for path in (
        "",
        "/errors",
        "/queue?name=emails&state=failed",
        f"/queue?name=emails&state=failed&find={secret}",
        f"/job?queue=emails&id={job.id}",
    ):
        browser.open(ROOT + path)
        shown = browser.page.page_source.replace(f"find={secret}", "").replace(f'"{secret}"', "")
        assert shown.count(secret) == (1 if "find" in path else 0), path
    browser.open(f"{ROOT}/queue?name=emails&state=failed&find={secret}")
    assert browser.all("table.jobs tbody tr") == []
