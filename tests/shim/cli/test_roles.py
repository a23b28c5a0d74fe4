"""The roles of an image: each starts alone, answers probes, and ends when it is asked to."""

from __future__ import annotations

import json
import signal
import urllib.error
import urllib.request
from itertools import pairwise

import pytest
import yaml

from bullrush.cli.k8s import SCRIPTS
from bullrush.cli.roles import ROLES
from bullrush.core.drivers import connect
from bullrush.core.keys import QueueKeys
from bullrush.core.workers import list_workers
from tests.shim.cli.conftest import until
from tests.support.redis_fleets import free_ports
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(150)


def answer(port, path):
    """(code, body) of a probe; None while nobody answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
    except OSError:
        return None


@pytest.mark.row(9, 10, 12)
@pytest.mark.parametrize("role", ["worker", "beat", "timers"])
def test_each_role_starts_alone_answers_probes_and_ends_at_SIGTERM(commands, role):
    [port] = free_ports(1)
    more = ("-P", "solo") if role == "worker" else ()
    process = commands.start(role, "--health-port", str(port), *more)
    code, body = wait_until(lambda: answer(port, "/health"), 60)
    assert (code, body["queue"]["status"]) == (200, "ready")
    if role == "worker":
        assert body["worker"]["slots"] == 1
    else:
        assert (body["status"], body["role"]) == ("ok", role)
        assert wait_until(lambda: answer(port, "/ready"), 60)[0] == 200
    assert wait_until(lambda: answer(port, "/live"), 60)[1]["status"] == "ok"
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/etc/passwd", timeout=10)
    process.send_signal(signal.SIGTERM)
    assert process.wait(45) == 0


@pytest.mark.row(10, 29)
def test_the_api_of_the_same_image_is_no_worker(commands, redis_url, queue_name):
    [port] = free_ports(1)
    variables = {"WORKER_SCRIPT": "start:api", "PORT": str(port), "BULLRUSH_ADMIN_TOKEN": "x" * 32}
    process = commands.start("run-role", **variables)
    code, body = wait_until(lambda: answer(port, "/api/health"), 60)
    assert (code, body["queue"]["driver"]) == (200, "bullmq")
    driver = connect(redis_url)
    assert list_workers(driver, QueueKeys(queue_name)) == []
    driver.close()
    process.send_signal(signal.SIGTERM)
    assert process.wait(45) == 0


@pytest.mark.row(10, 160)
def test_a_role_whose_redis_is_gone_is_alive_and_not_ready(commands):
    [port, nobody] = free_ports(2)
    url = f"redis://127.0.0.1:{nobody}"
    commands.start("timers", "--health-port", str(port), BROKER=url)
    assert wait_until(lambda: answer(port, "/live"), 60)[0] == 200
    assert wait_until(lambda: answer(port, "/health"), 60)[1]["status"] == "unavailable"
    assert wait_until(lambda: answer(port, "/ready"), 60)[0] == 503


@pytest.mark.row(16, 18, 183)
def test_the_variable_says_what_a_container_is(commands, queue, queue_name):
    beat = commands.run("run-role", "--once", WORKER_SCRIPT="start:scheduler", EVERY="3600")
    assert beat.returncode == 0, beat.stderr
    assert [each.id for each in queue.get_job_schedulers()] == ["often"]
    unknown = commands.run("run-role", WORKER_SCRIPT="start:everything")
    assert unknown.returncode == 2
    assert "unknown role 'start:everything'. Roles: start:worker" in unknown.stderr
    assert commands.run("run-role").returncode == 2
    worker = commands.start("run-role", "-P", "solo", "-l", "INFO", WORKER_SCRIPT="start:worker")
    until(worker, f"[queues] {queue_name}")
    assert set(ROLES.values()) == {"worker", "beat", "timers", "serve"}
    assert set(SCRIPTS.values()) == set(ROLES)


@pytest.mark.row(12)
def test_a_worker_of_one_queue_leaves_the_others_alone(commands, queue, queue_name):
    other = f"{queue_name}.execute"
    for name in (queue_name, other):
        commands.run("call", "who", "--queue", name)
    commands.start("worker", "-P", "solo", "-Q", other)
    driver = connect(commands.environment["BROKER"])
    key = f"bull:{other}:completed"
    wait_until(lambda: driver.execute(("ZCARD", key)) == 1, 30)
    assert queue.get_job_counts("waiting")["waiting"] == 1
    driver.close()


@pytest.mark.row(14)
def test_timers_let_due_jobs_wait_while_no_worker_is_up(commands, queue):
    queue.add("soon", {}, delay=300)
    queue.add("urgent", {}, delay=300, priority=2)
    queue.add("late", {}, delay=3_600_000)
    commands.start("timers", "--interval", "0.1")
    states = ("waiting", "prioritized", "delayed")
    wanted = {"waiting": 1, "prioritized": 1, "delayed": 1}
    wait_until(lambda: queue.get_job_counts(*states) == wanted, 30)


@pytest.mark.row(14)
def test_timers_leave_a_paused_queue_paused(commands, queue):
    queue.pause()
    queue.add("soon", {}, delay=100)
    commands.start("timers", "--interval", "0.1", "-Q", queue.name)
    wait_until(lambda: queue.get_job_counts("waiting")["waiting"] == 1, 30)
    assert queue.is_paused()
    assert queue.get_next_job("token", block=False) is None


LAZY_ENTRY = """
from bullrush.beat import BeatLazyFunc

if app.conf.beat_schedule:
    app.conf.beat_schedule["lazy"] = {
        "task": "who", "schedule": 1.0, "args": (BeatLazyFunc(lambda: 0),)
    }
"""


@pytest.mark.row(13)
def test_two_beats_send_one_tick_for_each_slot_of_20_s(commands, queue):
    """``often`` is a job scheduler, which workers go on with; ``lazy`` the beats send themselves.
    The first beat is killed halfway.
    """
    module = commands.folder / "proj.py"
    module.write_text(module.read_text() + LAZY_ENTRY)
    beats = [commands.start("beat", "-n", name, EVERY="1") for name in ("one", "two")]
    commands.start("worker", "-P", "solo")

    def ticks(of):
        jobs = queue.get_completed(0, -1)
        return [each for each in jobs if (each.scheduler_id == "often") == (of == "often")]

    wait_until(lambda: len(ticks("often")) >= 10 and ticks("lazy"), 60)
    beats[0].kill()
    before = len(ticks("lazy"))
    wait_until(lambda: len(ticks("often")) > 20 and len(ticks("lazy")) > before, 60)
    slots = sorted(int(job.id.rpartition(":")[2]) for job in ticks("often"))
    gaps = {later - earlier for earlier, later in pairwise(slots)}
    assert gaps == {1000}, "a slot has one tick, and none is left out"
    assert slots[-1] - slots[0] >= 20_000
    sent = sorted(job.timestamp for job in ticks("lazy"))
    assert len(sent) <= (sent[-1] - sent[0]) / 1000 + 1.5, "a beat counts from the last run of all"


class TestManifest:
    """``bullrush k8s manifest``."""

    @pytest.mark.row(23)
    def test_it_is_a_deployment_with_probes_and_a_drain(self, commands):
        told = commands.run("k8s", "manifest", "--name", "mailer", "--app", "shop.tasks")
        [deployment] = yaml.safe_load_all(told.stdout)
        assert (deployment["apiVersion"], deployment["kind"]) == ("apps/v1", "Deployment")
        assert deployment["spec"]["replicas"] == 3
        pod = deployment["spec"]["template"]["spec"]
        [container] = pod["containers"]
        assert container["resources"]["requests"] == {"cpu": "500m", "memory": "512Mi"}
        assert container["resources"]["limits"] == {"cpu": "2", "memory": "2Gi"}
        paths = {container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("liveness", "readiness")}
        assert paths == {"/live", "/ready"}
        variables = {each["name"]: each for each in container["env"]}
        assert variables["WORKER_SCRIPT"]["value"] == "start:worker"
        assert "secretKeyRef" in variables["REDIS_URL"]["valueFrom"]
        assert pod["terminationGracePeriodSeconds"] == 60
        assert container["lifecycle"]["preStop"]["exec"]["command"] == ["sleep", "5"]

    @pytest.mark.parametrize("role", sorted(SCRIPTS))
    def test_each_role_has_one_and_only_the_api_knows_the_token(self, commands, role):
        [deployment] = yaml.safe_load_all(commands.run("k8s", "manifest", "--role", role).stdout)
        [container] = deployment["spec"]["template"]["spec"]["containers"]
        variables = {each["name"]: each for each in container["env"]}
        assert variables["WORKER_SCRIPT"]["value"] == SCRIPTS[role]
        wanted = {"HOST", "PORT", "BULLRUSH_ADMIN_TOKEN"} if role == "api" else set()
        assert set(variables) & {"HOST", "PORT", "BULLRUSH_ADMIN_TOKEN"} == wanted
        assert ("BULLRUSH_HEALTH_PORT" in variables) == (role != "api")

    @pytest.mark.row(24, 25)
    def test_it_scales_by_a_depth_that_pods_do_not_multiply(self, commands):
        told = commands.run("k8s", "manifest", "--hpa", "--queue", "email")
        _, scaler = yaml.safe_load_all(told.stdout)
        assert (scaler["apiVersion"], scaler["kind"]) == (
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
        )
        assert (scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"]) == (3, 20)
        cpu, depth = scaler["spec"]["metrics"]
        assert cpu["resource"]["target"] == {"type": "Utilization", "averageUtilization": 70}
        assert depth["type"] == "External"
        assert depth["external"]["metric"]["name"] == "queue_waiting_jobs"
        assert depth["external"]["target"] == {"type": "AverageValue", "averageValue": "50"}
        keda = commands.run("k8s", "manifest", "--keda", "--queue", "email")
        _, scaled = yaml.safe_load_all(keda.stdout)
        assert scaled["kind"] == "ScaledObject"
        assert 'queue="email"' in scaled["spec"]["triggers"][0]["metadata"]["query"]

    @pytest.mark.parametrize(
        "words",
        [
            ("--name", "Not A Name"),
            ("--image", 'x"\n    command: ["sh"]'),
            ("--queue", 'a"}) or vector(1'),
            ("--hpa", "--keda"),
        ],
    )
    def test_what_would_break_it_is_refused(self, commands, words):
        assert commands.run("k8s", "manifest", *words).returncode == 2
