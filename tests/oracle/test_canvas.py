"""Random canvases, some with tasks that fail, on Celery and on bullrush."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

#: How many canvases; ``make oracle N=500`` tries other ones every time.
EXAMPLES = int(os.environ.get("BULLRUSH_ORACLE_EXAMPLES", "0"))
#: s after which Celery is taken to wait for ever, as it does for a group behind a failed step.
PATIENCE = 2.0
CHORD_ERROR = "celery.exceptions.ChordError"

_NUMBERS = st.integers(1, 9)
_LEAVES = st.one_of(
    st.tuples(st.just("total"), _NUMBERS),
    st.tuples(st.just("keep"), _NUMBERS),
    st.tuples(st.just("alone"), _NUMBERS),
)


def _canvases(leaves):
    def larger(inner):
        several = st.lists(inner, min_size=1, max_size=3)
        return st.one_of(
            st.tuples(st.just("chain"), several),
            st.tuples(st.just("group"), several),
            st.tuples(st.just("chord"), several, inner),
        )

    return st.recursive(leaves, larger, max_leaves=7)


_SETTINGS = settings(
    max_examples=EXAMPLES or 15,
    derandomize=not EXAMPLES,
    deadline=None,
    database=None,
    print_blob=True,
    # To make an example smaller takes longer than to read it.
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def _compare(celery_side, our_side, tree):
    theirs = celery_side.ask("made_up", tree, PATIENCE)
    ours = our_side.ask("made_up", tree, PATIENCE)
    note(f"{tree}\ncelery:   {theirs}\nbullrush: {ours}")
    if "nothing" in str(theirs) or "PENDING" in str(theirs):
        return  # Celery leaves somebody waiting for ever; whatever we answer is better
    ours = _with_celerys_word_for_the_error(tree, ours, theirs)
    if _has_a_group_in_a_header(tree):
        # Celery gives the results of such a group in an order of its own; ours is as written.
        ours, theirs = _sorted(ours), _sorted(theirs)
    assert _as_far_as_celery_leads_back(ours, theirs) == theirs


def _with_celerys_word_for_the_error(tree, ours, theirs):
    """Two causes of another error at the end, both in the table of what differs: `parent` leads to
    a step that Celery does not name, and what that raised is raised; and a chord that fails in a
    group beside other failures ends when its body is taken, so that another may be the first.
    """
    own, wanted = (each.get("returned") or [] for each in (ours, theirs))
    if not own or not wanted or own[0][0] != "raised" or wanted[0][0] != "raised":
        return ours
    of_header = _chord_error_of(own[0]) == wanted[0][1] and len(own) > len(wanted)
    either = {own[0][1][0], wanted[0][1][0]} == {"builtins.ValueError", CHORD_ERROR}
    if of_header or (either and _fails_beside_a_failure(tree)):
        return {**ours, "returned": [[*wanted[0][:2], own[0][2]], *own[1:]]}
    return ours


def _chord_error_of(raised):
    """What Celery says of a chord whose header raised that."""
    name, args = raised[1]
    shown = ", ".join(map(repr, args))
    return [CHORD_ERROR, [f"Dependency ID raised {name.rpartition('.')[2]}({shown})"]]


def _fails_beside_a_failure(tree) -> bool:
    kind, *parts = tree
    inner = [each for part in parts if isinstance(part, (list, tuple)) for each in _trees(part)]
    several = kind == "group" and sum("fail" in str(each) for each in inner) > 1
    return several or any(map(_fails_beside_a_failure, inner))


def _as_far_as_celery_leads_back(ours, theirs):
    """From the end of a chord whose body is no single task, `parent` leads in Celery to the header
    at once; ours names the steps between as well.
    """
    own, wanted = (each.get("returned") or [] for each in (ours, theirs))
    if len(own) <= len(wanted) or own[:1] != wanted[:1]:
        return ours
    rest = iter(own)
    return {**ours, "returned": [each for each in wanted if each in rest]}


def _has_a_group_in_a_header(tree) -> bool:
    kind, *parts = tree
    inner = [each for part in parts if isinstance(part, (list, tuple)) for each in _trees(part)]
    direct = parts[0] if kind in ("group", "chord") else []
    nested = kind in ("chord", "group") and any(_ends_in_a_group(each) for each in direct)
    return nested or any(map(_has_a_group_in_a_header, inner))


def _trees(part):
    """The part itself when it is one canvas, else those in the list."""
    return [part] if isinstance(part[0], str) else part


def _ends_in_a_group(tree) -> bool:
    kind, *parts = tree
    if kind == "chain":
        return _ends_in_a_group(parts[0][-1])
    return kind == "group" or (kind == "chord" and _ends_in_a_group(parts[1]))


def _sorted(value):
    if isinstance(value, dict):
        # The steps stay as they lead back, from the last to the first.
        return {key: list(map(_sorted, each)) for key, each in value.items()}
    return sorted(map(_sorted, value), key=repr) if isinstance(value, list) else value


pytestmark = pytest.mark.timeout(60 + 10 * (EXAMPLES or 15))


@given(_canvases(_LEAVES))
@_SETTINGS
def test_a_random_canvas_gives_what_it_gives_on_celery(celery_side, our_side, tree):
    _compare(celery_side, our_side, tree)


@given(_canvases(st.one_of(_LEAVES, st.just(("fail",)))))
@_SETTINGS
def test_a_random_canvas_with_failures_ends_as_it_does_on_celery(celery_side, our_side, tree):
    _compare(celery_side, our_side, tree)
