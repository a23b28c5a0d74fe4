"""The layers of docs/architecture.md, read from the sources."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bullrush.core.job import FIELDS
from bullrush.core.keys import JOB_KEYS, QUEUE_KEYS

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {"core": "bullrush.core", "shim": "bullrush", "flask_ext": "bullrush.flask_ext"}
SOURCES = sorted(path for folder in PACKAGES for path in (ROOT / folder).rglob("*.py"))
LUA = sorted((ROOT / "core" / "lua").rglob("*.lua"))

#: Lowest first. A module may import its own layer and those below.
CORE_LAYERS = (
    {"keys", "errors", "clock"},
    {"private_keys"},
    {
        "job",
        "backoff",
        "outcome",
        "telemetry",
        "records",
        "trip",
        "measures",
        "history",
        "options",
        "new_job",
        "parents",
        "nodes",
        "planting",
        "encoding",
        "checks",
        "calls",
        "cron",
        "schedule",
        "turns",
        "budgets",
        "leases",
        "advance",
        "scripts",
        "assembly",
        "environment",
        "lua",
    },
    {"drivers"},
    {"operations"},
    {
        "faces",
        "queue",
        "flow",
        "event_stream",
        "events",
        "publishing",
        "views",
        "watching",
        "delivery",
        "relocating",
        "spooling",
        "batch",
        "fleet",
        "revocations",
        "catalogue",
        "exposition",
        "health",
        "snapshot",
        "depths",
        "deploys",
        "thresholds",
        "workers",
        "inventory",
    },
    {"pools"},
    {"worker"},
)
#: Library -> the only places that may import it.
HOMES = {
    "redis": ("core/drivers/",),
    "hiredis": ("core/drivers/",),
    "fakeredis": ("core/drivers/",),
    "cronsim": ("core/cron.py",),
    "kombu": (
        "shim/serialization.py",
        "shim/exceptions.py",
        "shim/app/amqp.py",
        "shim/utils/",
        "shim/bridge/",
    ),
    "celery": ("shim/bridge/",),
    "flask": ("flask_ext/",),
    "opentelemetry": ("shim/contrib/opentelemetry.py",),
    "prometheus_client": ("core/exposition.py",),
}
#: Fields whose spelling is also that of an event field, an option or of other people's JSON.
SPELLED_ELSEWHERE = {
    "returnvalue": "a field of the event stream (core/event_stream.py)",
    "failedReason": "a field of the event stream, and of the admin JSON",
    "attemptsMade": "a field of the admin JSON",
}
#: Words too common to be looked for: they mean other things as well.
COMMON = {
    "name",
    "data",
    "opts",
    "timestamp",
    "delay",
    "priority",
    "parent",
    "progress",
    "stacktrace",
}


def modules() -> Iterator[tuple[str, str, ast.Module]]:
    """(path in the repository, dotted name, syntax tree) of every source file."""
    for path in SOURCES:
        relative = path.relative_to(ROOT)
        parts = [PACKAGES[relative.parts[0]], *relative.with_suffix("").parts[1:]]
        dotted = ".".join(part for part in parts if part != "__init__")
        yield relative.as_posix(), dotted, ast.parse(path.read_text())


def imports(dotted: str, path: str, tree: ast.Module) -> Iterator[str]:
    """Every module that is imported, by its full name."""
    package = dotted if path.endswith("__init__.py") else dotted.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - (node.level - 1)]
            base = ".".join(above) if node.level else ""
            yield ".".join(filter(None, (base, node.module)))


ALL = [(path, dotted, sorted(set(imports(dotted, path, tree)))) for path, dotted, tree in modules()]


def layer_of(dotted: str) -> int | None:
    """The layer of a module of the core, or None for one of another package."""
    parts = dotted.split(".")
    if parts[:2] != ["bullrush", "core"] or len(parts) < 3:
        return None
    return next(i for i, layer in enumerate(CORE_LAYERS) if parts[2] in layer)


@pytest.mark.parametrize(("path", "dotted", "names"), ALL, ids=[each[0] for each in ALL])
def test_a_module_imports_only_its_layer_and_those_below(path, dotted, names):
    own = layer_of(dotted)
    for name in names:
        if path.startswith("core/"):
            assert name == "bullrush.core" or not name.startswith("bullrush") or "core" in name
        if path.startswith("shim/"):
            assert not name.startswith("bullrush.flask_ext")
        other = layer_of(name)
        if own is not None and other is not None:
            assert other <= own, f"{path} imports {name}, which is a layer above"


@pytest.mark.parametrize(("path", "dotted", "names"), ALL, ids=[each[0] for each in ALL])
def test_a_library_is_imported_only_where_it_lives(path, dotted, names):
    for name in names:
        homes = HOMES.get(name.split(".")[0])
        assert homes is None or path.startswith(homes), f"{path} imports {name}"
        assert name.split(".")[0] not in PACKAGES, f"{path} imports bare {name}"


def test_tests_and_examples_import_the_packages_by_their_names():
    for path in (*(ROOT / "tests").rglob("*.py"), *(ROOT / "examples").rglob("*.py")):
        if "node_modules" not in path.parts:
            for name in imports("x", path.name, ast.parse(path.read_text())):
                assert name.split(".")[0] not in PACKAGES, f"{path.name} imports bare {name}"


def test_fields_are_spelled_in_one_file():
    words = set(FIELDS.values()) - COMMON - set(SPELLED_ELSEWHERE)
    for path, _, tree in modules():
        if path == "core/job.py":
            continue
        found = {
            n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and n.value in words
        }
        assert not found, f"{path} spells {found}; core/job.py has the names"
    for lua in LUA:
        code = re.sub(r"--.*", "", lua.read_text())
        spelled = {w for w in words | {"returnvalue", "failedReason"} if f'"{w}"' in code}
        assert not spelled, f"{lua.name} spells {spelled}; write field.NAME"


def test_keys_are_spelled_in_one_file():
    suffixes = {s for s in (*QUEUE_KEYS.values(), *JOB_KEYS.values()) if "-" in s or ":" in s}
    # The states and the event names of that spelling are no keys.
    suffixes -= {"waiting-children"}
    for path, _, tree in modules():
        if path == "core/keys.py":
            continue
        found = {
            n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and n.value in suffixes
        }
        assert not found, f"{path} spells {found}; core/keys.py has the names"
    for lua in LUA:
        code = re.sub(r"--.*", "", lua.read_text())
        concatenated = re.findall(r'base \.\. "([^"]+)"', code)
        assert not concatenated, f"{lua.name} spells {concatenated}; write key.NAME"
