"""JSON as it is stored."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from bullrush.core.encoding import encode_json

TEXT = st.text(st.characters(codec="utf-8"))
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
KEYS = TEXT | st.integers() | st.booleans() | st.none()
VALUES = st.recursive(
    PLAIN | TEXT,
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(KEYS, inner),
    max_leaves=20,
)


@given(VALUES)
def test_it_is_what_the_standard_library_writes_without_spaces(value):
    expected = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    assert encode_json(value) == expected
