"""Pictures of the dashboard for the documentation: ``make screenshots``."""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

from flask import Flask

from bullrush.core import BulkJob, Failed, FlowJob, FlowProducer, Queue, Retried
from bullrush.core.clock import now_ms
from bullrush.core.delivery import Delivery
from bullrush.core.drivers.server_binary import ServerProcess
from bullrush.flask_ext import Binding, Bullrush
from bullrush.flask_ext.dashboard.board import board_of
from tests.support.node_peer import NodePeer
from tests.support.trips import Hands

from .chromium import Browser, served

ROOT = "/admin/queues"
TOKEN = "for the pictures"
MINUTE = 60_000
STACK = """Traceback (most recent call last):
  File "/srv/shop/tasks/images.py", line 31, in resize
    picture = load(storage.read(path))
  File "/srv/shop/pictures.py", line 88, in load
    raise BrokenPicture(reason)
shop.pictures.BrokenPicture: {}"""


def work(delivery: Delivery) -> object:
    """Do what the shop does, now and then in vain."""
    number = delivery.job.data.get("n", 0)
    delivery.log(f"taking {delivery.job.name} {number}")
    if delivery.job.name == "send" and number % 9 == 4:
        raise ConnectionError(f"mail.example.org refused mailbox {number}")
    if delivery.job.name == "resize" and number % 13 == 5:
        raise ValueError(f"/uploads/{number}.jpg is truncated")
    return {"done": number}


def fill(binding: Binding, node: NodePeer) -> dict[str, str]:
    """Queues of a shop in the middle of its day; the ids of jobs worth a picture."""
    queue = binding.queue
    by_hand = fail_by_hand(queue("images"))
    jobs = {
        "emails": [BulkJob("send", {"n": n, "to": "ann@example.org"}) for n in range(90)],
        "images": [BulkJob("resize", {"n": n, "width": 1200}) for n in range(70)],
        "reports": [BulkJob("monthly", {"n": n}, {"delay": MINUTE * 90}) for n in range(31)],
        "billing": [BulkJob("charge", {"n": n}, {"priority": 1 + n % 3}) for n in range(14)],
        "search.index": [BulkJob("index", {"n": n}) for n in range(40)],
    }
    for name, batch in jobs.items():
        queue(name).add_bulk(batch)
    queue("billing").pause()
    queue("search.index").set_global_rate_limit(100, MINUTE)
    queue("search.index").set_global_concurrency(4)
    old = now_ms() - 13 * MINUTE
    queue("push").add_bulk([BulkJob("notify", {"user": n}, {"timestamp": old}) for n in range(26)])
    queue("emails").upsert_job_scheduler("digest", pattern="30 8 * * 1-5", tz="Europe/Berlin")
    queue("reports").upsert_job_scheduler("night", pattern="0 3 * * *", name="monthly")
    flows = FlowProducer(driver=binding.driver)
    parts = [FlowJob("resize", "images", {"n": n}) for n in (1, 2, 3)]
    invoice = FlowJob("invoice", "billing", children=[FlowJob("charge", "billing", {"order": 7})])
    index = FlowJob("index", "search.index", {"n": 7})
    tree = flows.add(FlowJob("assemble", "orders", {"order": 7}, children=[*parts, invoice, index]))
    node.request("startWorker", queue="search.index", handler="echo", concurrency=4)
    return {"flow": tree.job.id, "job": by_hand}


def fail_by_hand(queue: Queue) -> str:
    """A job that failed three times, with stacks as a shop would have them."""
    path = "/uploads/cover.jpg"
    job = queue.add("resize", {"path": path, "width": 1200}, attempts=3, priority=1)
    hands = Hands(queue, "anna")
    queue.add_log(job.id, f"reading {path}")
    reasons = ("storage answered 503", "storage answered 503", f"{path} is truncated")
    for number, reason in enumerate(reasons, 1):
        stack = STACK.format(reason)
        outcome = Retried(0, reason, stack) if number < 3 else Failed(reason, stack)
        (delivery,) = hands.take()
        hands.commit(delivery, outcome)
        queue.add_log(job.id, f"attempt {number}: {reason}")
    return job.id


def pretend_past(binding: Binding) -> None:
    """Jobs that ended in the last hour, so that the chart has something to draw."""
    rows = random.Random(7)
    for name, most in (("emails", 40), ("images", 22), ("search.index", 30)):
        keys = binding.queue(name).keys
        for minute in range(1, 60):
            ended = {"completed": rows.randint(most // 2, most), "failed": rows.randint(0, 2)}
            for kind, number in ended.items():
                key, moment = getattr(keys, kind), now_ms() - minute * MINUTE
                for index in range(number):
                    binding.driver.execute(("ZADD", key, moment - index, f"{minute}-past-{index}"))


def take(browser: Browser, folder: Path, name: str, path: str, *, dark: bool = False) -> None:
    """One picture."""
    feature = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.command("Emulation.setEmulatedMedia", features=[feature])
    browser.open(ROOT + path)
    browser.find("body[data-ready]")
    browser.page.save_screenshot(str(folder / f"dashboard-{name}.png"))


def main(folder: Path) -> None:
    """All pictures."""
    app = Flask("shop")
    with ServerProcess() as server:
        app.config.update(BULLRUSH_REDIS_URL=server.url, BULLRUSH_ADMIN_TOKEN=TOKEN)
        Bullrush(app)
        binding: Binding = app.extensions["bullrush"]
        binding.driver.execute(("CONFIG", "SET", "appendonly", "yes"))
        with NodePeer("bullmq", server.url) as node, served(app) as root:
            ids = fill(binding, node)
            binding.start_worker(["emails", "images"], work, concurrency=4, name="anna")
            binding.start_worker(["emails", "orders"], work, concurrency=2, name="bert")
            pretend_past(binding)
            browser = Browser(1440, 1060)
            browser.sign_in(root, TOKEN)
            board_of(app).collector.listen()
            time.sleep(12)  # for the numbers that are read every ten seconds
            take(browser, folder, "light", "")
            take(browser, folder, "dark", "", dark=True)
            take(browser, folder, "queue", "/queue?name=emails&state=failed")
            take(browser, folder, "job", f"/job?queue=images&id={ids['job']}")
            take(browser, folder, "flow", f"/flow?queue=orders&id={ids['flow']}", dark=True)
            board_of(app).collector.leave()
            browser.close()
        binding.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
