"""Real servers that watch over each other: sentinels with a master and a replica, and a Cluster."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from bullrush.core.drivers.server_binary import find_server
from tests.support.waiting import wait_until

#: s until servers have found each other, or have chosen a new master.
LONG = 60.0
MASTER = "mymaster"


class Server:
    """A redis-server with the options given, on a port of its own."""

    def __init__(self, *options: str, port: int | None = None, sentinel: bool = False) -> None:
        self.port = port or free_ports(1)[0]
        self.folder = Path(tempfile.mkdtemp(prefix="bullrush-fleet-"))
        self.host = "127.0.0.1"
        config = self.folder / "redis.conf"
        lines = [f"port {self.port}", "bind 127.0.0.1", f"dir {self.folder}", *options]
        config.write_text("\n".join(lines) + "\n")
        arguments = (
            ["--sentinel"] if sentinel else ["--save", "", "--repl-diskless-sync-delay", "0"]
        )
        self._command = [str(find_server()), str(config), *arguments]
        self.client = redis.Redis(
            port=self.port, decode_responses=True, retry=Retry(NoBackoff(), 0)
        )
        self.start()

    def start(self) -> None:
        """Run, with what it has on its disk."""
        self.process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_until(self.answers, LONG)

    def answers(self) -> bool:
        """Whether it is up."""
        with suppress(redis.ConnectionError, redis.BusyLoadingError):
            return bool(self.client.ping())
        return False

    def forbid(self, *commands: str) -> None:
        """Nobody may use these commands any more, and everybody all others."""
        denied = [f"-{each}" for each in commands]
        self.client.acl_setuser("default", enabled=True, nopass=True, commands=["+@all", *denied])

    def kill(self) -> None:
        """As a machine dies."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def close(self) -> None:
        """End it and take its files away."""
        self.client.close()
        if self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Fleet:
    """Several servers; a context manager."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    def start(self, *options: str, port: int | None = None, sentinel: bool = False) -> Server:
        """One more server."""
        server = Server(*options, port=port, sentinel=sentinel)
        self._stack.callback(server.close)
        return server

    def __enter__(self):
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()


class WatchedMaster(Fleet):
    """A master with two replicas, and three sentinels that agree by two."""

    def __enter__(self) -> WatchedMaster:
        self.servers = [self.start("appendonly yes", "appendfsync always")]
        for _ in range(2):
            self.servers.append(self.start(f"replicaof 127.0.0.1 {self.servers[0].port}"))
        rules = (
            f"sentinel monitor {MASTER} 127.0.0.1 {self.servers[0].port} 2",
            f"sentinel down-after-milliseconds {MASTER} 1000",
            f"sentinel failover-timeout {MASTER} 5000",
            f"sentinel parallel-syncs {MASTER} 1",
        )
        self.sentinels = [self.start(*rules, sentinel=True) for _ in range(3)]
        wait_until(lambda: self._seen("num-other-sentinels", 2), LONG)
        wait_until(lambda: self._seen("num-slaves", 2), LONG)
        return self

    @property
    def hosts(self) -> str:
        """The sentinels, as a URL has them."""
        return ",".join(f"127.0.0.1:{each.port}" for each in self.sentinels)

    @property
    def master(self) -> Server:
        """Who is the master by the sentinels."""
        port = int(self.sentinels[0].client.sentinel_get_master_addr_by_name(MASTER)[1])
        return next(each for each in self.servers if each.port == port)

    def in_sync(self) -> bool:
        """Whether every replica follows."""
        return self.master.client.info("replication")["connected_slaves"] == 2

    def _seen(self, what: str, count: int) -> bool:
        return all(
            int(each.client.sentinel_masters()[MASTER][what]) >= count for each in self.sentinels
        )


class Cluster(Fleet):
    """Three masters with a replica each."""

    def __enter__(self) -> Cluster:
        options = ("cluster-enabled yes", "cluster-node-timeout 1000", "appendonly yes")
        options += ("cluster-replica-validity-factor 0", "appendfsync always")
        self.nodes = [self.start(*options, port=port) for port in free_ports(6, most=55000)]
        places = [f"127.0.0.1:{each.port}" for each in self.nodes]
        command = ["redis-cli", "--cluster", "create", *places, "--cluster-replicas", "1"]
        subprocess.run([*command, "--cluster-yes"], check=True, capture_output=True)
        wait_until(lambda: all(map(self._ready, self.nodes)), LONG)
        return self

    @property
    def hosts(self) -> str:
        """The nodes, as a URL has them."""
        return ",".join(f"127.0.0.1:{each.port}" for each in self.nodes)

    def owner(self, slot: int) -> Server:
        """The master that has a slot, by the first node that is up."""
        up = next(each for each in self.nodes if each.process.poll() is None)
        for first, last, (_, port, *_), *_ in up.client.execute_command("CLUSTER SLOTS"):
            if first <= slot <= last:
                return next(each for each in self.nodes if each.port == port)
        raise AssertionError(f"nobody has slot {slot}")

    def _ready(self, node: Server) -> bool:
        found = node.client.cluster("INFO")
        replication = node.client.info("replication")
        linked = replication["role"] == "master" or replication["master_link_status"] == "up"
        return found["cluster_state"] == "ok" and int(found["cluster_known_nodes"]) == 6 and linked


def free_ports(count: int, most: int = 65535) -> list[int]:
    """Ports where nobody listens; a Cluster needs those 10000 above as well."""
    with ExitStack() as probes:
        found: list[int] = []
        while len(found) < count:
            probe = probes.enter_context(socket.socket())
            probe.bind(("127.0.0.1", 0))
            if (port := probe.getsockname()[1]) < most:
                found.append(port)
        return found
