"""Pictures of the dashboard for the documentation: ``make screenshots``."""

from __future__ import annotations

import math
import random
import sys
import time
from pathlib import Path

from flask import Flask
from PIL import Image

from bullrush.core import BulkJob, Failed, FlowJob, FlowProducer, Queue, Retried
from bullrush.core.clock import now_ms
from bullrush.core.delivery import Delivery
from bullrush.core.deploys import mark_deploy
from bullrush.core.drivers.server_binary import ServerProcess
from bullrush.core.history import grown
from bullrush.flask_ext import Binding, Bullrush
from bullrush.flask_ext.dashboard.board import board_of
from tests.support.node_peer import NodePeer
from tests.support.trips import Hands

from .chromium import Browser, served

ROOT = "/admin/queues"
TOKEN = "for the pictures"
MINUTE, DAY = 60_000, 86_400_000
TENANTS = ("acme", "globex", "initech", "umbrella")
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
        "billing": [
            BulkJob("charge", {"n": n, "tenantId": TENANTS[n * n % 4]}, {"priority": 1 + n % 3})
            for n in range(14)
        ],
        "search.index": [BulkJob("index", {"n": n}) for n in range(40)],
    }
    for name, batch in jobs.items():
        queue(name).add_bulk(batch)
    queue("billing").pause()
    queue("search.index").set_global_rate_limit(100, MINUTE)
    queue("search.index").set_global_concurrency(4)
    old = now_ms() - 13 * MINUTE
    queue("push").add_bulk(
        [
            BulkJob("notify", {"user": n, "tenantId": TENANTS[n % 3]}, {"timestamp": old})
            for n in range(26)
        ]
    )
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


def pretend_quarter(binding: Binding) -> None:
    """What workers have added up in 90 days, and what was deployed meanwhile."""
    days, now = random.Random(3), now_ms()
    for name, most in (("emails", 9000), ("images", 4000)):
        key, rush = binding.queue(name).keys.history, 1.0
        for ago in range(90, 0, -1):
            moment = now - ago * DAY
            quiet = 0.35 if (moment // DAY + 4) % 7 in (0, 6) else 1.0  # the weekend
            rush = 1.6 if ago < 25 else rush
            done = int(most * quiet * rush * days.uniform(0.8, 1.0))
            failed = done // (12 if 38 < ago < 42 else 90)
            for field, number in grown({"completed": done, "failed": failed}, moment).items():
                binding.driver.execute(("HINCRBY", key, field, number))
    for ago, text in ((71, "v4.0"), (42, "v4.1"), (38, "v4.1.1"), (25, "v5.0")):
        mark_deploy(binding.driver, binding.settings.prefix, text, at=now - ago * DAY)


def look(browser: Browser, path: str, *, dark: bool = False) -> None:
    """Open a page, with its scripts."""
    feature = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.command("Emulation.setEmulatedMedia", features=[feature])
    browser.open(ROOT + path)
    browser.find("body[data-ready]")


def save(browser: Browser, folder: Path, name: str, *, width: int = 1440, most: int = 1040) -> None:
    """One picture of what is open: as high as the page, or as a dialog needs."""
    whole = "return document.querySelector('main').getBoundingClientRect().bottom + scrollY"
    size = {"width": width, "deviceScaleFactor": 1, "mobile": False}
    browser.command("Emulation.setDeviceMetricsOverride", height=most, **size)
    height = max(340, min(most, math.ceil(browser.run(whole)) + 1))
    height = most if browser.all("dialog[open]") else height
    browser.command("Emulation.setDeviceMetricsOverride", height=height, **size)
    place = folder / f"dashboard-{name}.png"
    browser.page.save_screenshot(str(place))
    browser.command("Emulation.clearDeviceMetricsOverride")
    with Image.open(place) as picture:
        small = reduced(picture.convert("RGB"))
    small.save(place, optimize=True)


def reduced(picture: Image.Image) -> Image.Image:
    """The same with its 256 most frequent colours alone, a third of the size."""
    counted = sorted(picture.getcolors(2**24) or (), reverse=True)[:256]
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for _, colour in counted for part in colour])
    return picture.quantize(palette=palette, dither=Image.Dither.NONE)


def take_forms(browser: Browser, folder: Path, job: str) -> None:
    """The forms, filled in, and what can be undone."""
    look(browser, "/queue?name=emails")
    browser.click("[data-do=add-job]:not([hidden])")
    browser.find("dialog input[name=name]").send_keys("send")
    payload = browser.find("dialog textarea[name=data]")
    payload.clear()
    payload.send_keys('{"to": "ann@example.org"')
    browser.click("dialog button.primary")
    browser.find("dialog .problem", "no JSON")
    save(browser, folder, "add-job", most=800)
    look(browser, f"/job?queue=images&id={job}", dark=True)
    browser.click("[data-do=edit-retry]:not([hidden])")
    browser.find("dialog textarea")
    save(browser, folder, "edit-job", most=760)
    look(browser, "/queue?name=push")
    browser.click("[data-choose-all]")
    browser.click("[data-do=remove-chosen]:not(:disabled)")
    browser.click("dialog button.primary")
    browser.find(".toast button", "Undo")
    look(browser, "/audit")
    browser.find("[data-do=undo]:not([hidden])")
    save(browser, folder, "undo")


def main(folder: Path) -> None:
    """All pictures."""
    app = Flask("shop")
    with ServerProcess() as server:
        app.config.update(
            BULLRUSH_REDIS_URL=server.url,
            BULLRUSH_ADMIN_TOKEN=TOKEN,
            SECRET_KEY="for the pictures",
        )
        Bullrush(app)
        binding: Binding = app.extensions["bullrush"]
        binding.driver.execute(("CONFIG", "SET", "appendonly", "yes"))
        with NodePeer("bullmq", server.url) as node, served(app) as root:
            ids = fill(binding, node)
            binding.start_worker(["emails", "images"], work, concurrency=4, name="anna")
            binding.start_worker(["emails", "orders"], work, concurrency=2, name="bert")
            pretend_past(binding)
            pretend_quarter(binding)
            browser = Browser(1440, 1060)
            browser.sign_in(root, TOKEN)
            board_of(app).collector.listen()
            time.sleep(12)  # for the numbers that are read every ten seconds
            pages = {
                "light": "",
                "queue": "/queue?name=emails&state=failed",
                "job": f"/job?queue=images&id={ids['job']}",
                "quarter": "?span=90d",
                "tenants": "/tenants",
                "redis": "/redis",
                "settings": "/settings",
                "schedulers": "/schedulers",
            }
            for name, path in pages.items():
                look(browser, path)
                save(browser, folder, name)
            look(browser, "", dark=True)
            save(browser, folder, "dark")
            save(browser, folder, "narrow", width=360, most=900)
            look(browser, f"/flow?queue=orders&id={ids['flow']}", dark=True)
            save(browser, folder, "flow")
            take_forms(browser, folder, ids["job"])
            board_of(app).collector.leave()
            browser.close()
        binding.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
