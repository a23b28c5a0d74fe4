"""Scenarios on Celery and on bullrush: what they say is the same."""

from __future__ import annotations

import ast
import json

import pytest

from .conftest import PROJECT

_HELPERS = {"outcome", "settle", "wait_for_notes", "built", "made_up", "_told"}
SCENARIOS = [
    node.name
    for node in ast.parse((PROJECT / "scenarios.py").read_text()).body
    if isinstance(node, ast.FunctionDef) and node.name not in _HELPERS
]

#: Scenario -> what is written instead of what Celery writes, and why.
WANTED: dict[str, tuple[dict[str, str], str]] = {
    "soft_above_hard": (
        {'"InvalidOption"': "null"},
        "a soft limit above the hard one never fires; it is refused where it is written",
    ),
    "a_group_in_a_header": (
        {"[2, 4, 6]": "[4, 2, 6]"},
        "the results of a group inside a header come in the order in which it was written",
    ),
    "upgraded_canvases": (
        {'"chord|group": ["_chord"': '"chord|group": ["_chain"'},
        "the body of a chord takes what follows, a group as well",
    ),
    "shown": (
        {"| tasks.mul(2)": "| mul(2)", "[tasks.add(1), tasks.add(2)]": "(tasks.add(1), add(2))"},
        "names are shown in full",
    ),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_says_what_it_says_on_celery(celery_side, our_side, name):
    ours = json.dumps(our_side.ask(name), sort_keys=True)
    theirs = json.dumps(celery_side.ask(name), sort_keys=True)
    for written, instead in WANTED.get(name, ({}, ""))[0].items():
        assert written in ours, f"the row of {name!r} is not needed any more"
        ours = ours.replace(written, instead)
    assert json.loads(ours) == json.loads(theirs)
