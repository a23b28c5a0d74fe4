"""Where the peers of the worker benchmarks run: Python ones in environments of their own, under
`.cache/bench`, because their dependencies contradict each other.

    python benchmarks/environments.py       # make bench-peers: install them all
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).parent
CACHE = HERE.parent / ".cache" / "bench"
NODE = HERE.parent / "tests/interop/node/node_modules"
#: Environment -> what is installed there.
PACKAGES = {
    "many": (
        *("celery[redis]", "dramatiq", "rq", "huey", "taskiq", "taskiq-redis", "bullmq"),
        *("redis", "hiredis", "uvloop"),
    ),
    "arq": ("arq", "hiredis", "uvloop"),
    "saq": ("saq[redis]", "typing-extensions", "hiredis", "uvloop"),
}
#: Peer -> its file in `workers/`, and its environment, or Node's package; ours has neither.
PEERS = {
    "bullrush_core": ("bullrush_core.py", ""),
    "bullrush_tasks": ("bullrush_tasks.py", ""),
    "bullmq6": ("bullmq.js", "bullmq"),
    "bullmq5": ("bullmq.js", "bullmq5"),
    "celery": ("celery_peer.py", "many"),
    "dramatiq": ("dramatiq_peer.py", "many"),
    "rq": ("rq_peer.py", "many"),
    "huey": ("huey_peer.py", "many"),
    "taskiq": ("taskiq_peer.py", "many"),
    "bullmq_python": ("bullmq_python.py", "many"),
    "arq": ("arq_peer.py", "arq"),
    "saq": ("saq_peer.py", "saq"),
}


def command(peer: str, role: str) -> list[str]:
    """What starts a peer in a role."""
    file, place = PEERS[peer]
    if file.endswith(".js"):
        return ["node", str(HERE / "workers" / file), place, role]
    python = _python(place) if place else Path(sys.executable)
    return [str(python), str(HERE / "roles.py"), str(HERE / "workers" / file), role]


def is_installed(peer: str) -> bool:
    """Whether it can be started here."""
    file, place = PEERS[peer]
    if file.endswith(".js"):
        return shutil.which("node") is not None and (NODE / place).is_dir()
    return not place or (CACHE / place / ".installed").exists()


def install() -> None:
    """Make the environments that are missing."""
    for place, packages in PACKAGES.items():
        stamp = CACHE / place / ".installed"
        if stamp.exists():
            continue
        print(f"installing {', '.join(packages)} in {CACHE / place}")
        venv.create(CACHE / place, with_pip=True)
        pip = [str(_python(place)), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, "--disable-pip-version-check", *packages], check=True)
        stamp.touch()


def _python(place: str) -> Path:
    return CACHE / place / "bin" / "python"


if __name__ == "__main__":
    install()
