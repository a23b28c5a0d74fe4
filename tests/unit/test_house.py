"""What a newcomer relies on: packaging, sizes, docs."""

from __future__ import annotations

import ast
import configparser
import importlib
import inspect
import typing
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = {"core": "bullrush.core", "shim": "bullrush", "flask_ext": "bullrush.flask_ext"}
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
#: Modules over 400 lines, each with its reason.
LONG = {}


def settings() -> configparser.ConfigParser:
    """setup.cfg."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "setup.cfg")
    return parser


def test_every_package_is_in_setup_cfg():
    found = set()
    for path in SOURCES:
        parts = path.parent.relative_to(ROOT).parts
        found.add(".".join((FOLDERS[parts[0]], *parts[1:])))
    assert found == set(settings()["options"]["packages"].split())


def test_every_script_is_installed():
    data = settings()["options.package_data"]
    for folder in {path.parent for path in (ROOT / "core").rglob("*.lua")}:
        package = ".".join(("bullrush", *folder.relative_to(ROOT).parts))
        assert "*.lua" in data[package]


def test_the_readme_starts_with_the_two_commands():
    lines = [line for line in (ROOT / "README.md").read_text().splitlines() if line.strip()]
    assert [line.split()[:2] for line in lines[1:3]] == [["make", "demo"], ["make", "test"]]


def test_the_changelog_has_a_place_for_the_next_change():
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_modules_and_functions_stay_short(path):
    text = path.read_text()
    if path.relative_to(ROOT).as_posix() not in LONG:
        assert text.count("\n") <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert (node.end_lineno or 0) - node.lineno <= 60, node.name


@pytest.mark.parametrize(
    "module",
    [
        "bullrush",
        "bullrush.core",
        "bullrush.core.worker",
        "bullrush.core.drivers",
        "bullrush.core.pools",
        "bullrush.flask_ext",
    ],
)
def test_public_names_have_docstrings(module):
    found = importlib.import_module(module)
    for name in found.__all__:
        each = getattr(found, name)
        alias = typing.get_origin(each) is not None  # Python 3.10 takes those for classes
        if alias or not (inspect.isclass(each) or inspect.isfunction(each)):
            continue
        assert inspect.getdoc(each), f"{module}.{name} says nothing"
        for part, member in vars(each).items() if inspect.isclass(each) else ():
            if not part.startswith("_") and callable(member) and module != "bullrush.core.drivers":
                assert inspect.getdoc(member), f"{module}.{name}.{part} says nothing"
