"""Putting Lua scripts together."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bullrush.core.assembly import assemble

FOLDER = Path(__file__).resolve().parents[2] / "core" / "lua"
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.lua"))
SOURCES = sorted(FOLDER.rglob("*.lua"))

INNER = """\
local LIMIT, OTHER = 5, 6
local UNUSED = {a = 1,
  b = 2}
local TABLE = {c = 3}

local function shared(base)
  return call("LLEN", base .. key.wait) + TABLE.c
end

local function helper(base)
  return shared(base)
end

--- @rare
--- Says what is seldom said.
local function seldom(base)
  return helper(base)
end

local function nobody(base)
  return helper(base)
end
"""


def put_together(main: str, **includes: str) -> str:
    """The text of a script with these includes."""
    files = {"main.lua": main, **{f"includes/{name}.lua": text for name, text in includes.items()}}
    return assemble("main", files.__getitem__)


def test_names_are_spelled_and_comments_left_out():
    text = put_together("--- A script.\nreturn call('LLEN', base .. key.wait)\n")
    assert text == (
        "local call, base = redis.call, KEYS[1]\nreturn call('LLEN', base .. \"wait\")\n"
    )


def test_functions_and_constants_that_nobody_uses_are_left_out():
    text = put_together("--- @include inner\nreturn shared(base)\n", inner=INNER)
    assert "shared" in text
    assert "TABLE" in text
    for name in ("helper", "seldom", "nobody", "UNUSED", "b = 2"):
        assert name not in text


def test_a_rare_function_takes_in_what_only_it_needs():
    text = put_together("--- @include inner\nreturn shared(base) + seldom(base)\n", inner=INNER)
    assert re.search(
        r"local function shared.*local function seldom\(base\)\nlocal function helper", text, re.S
    )
    assert text.count("local function shared") == 1


def test_a_fragment_is_included_once():
    text = put_together(
        "--- @include a\n--- @include b\nreturn a() + b()\n",
        a="local function a()\n  return 1\nend\n",
        b="--- @include a\nlocal function b()\n  return a()\nend\n",
    )
    assert text.count("local function a") == 1


def test_fragments_that_include_each_other_are_refused():
    with pytest.raises(ValueError, match="a -> b -> a"):
        put_together("--- @include a\n", a="--- @include b\n", b="--- @include a\n")


def test_a_name_that_nobody_defines_is_refused():
    with pytest.raises(ValueError, match=r"key\.weight"):
        put_together("return call('LLEN', base .. key.weight)\n")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_every_function_begins_and_ends_as_they_are_looked_for(path):
    text = path.read_text()
    heads = re.findall(r"^local function .*", text, re.MULTILINE)
    assert all(head.endswith(")") for head in heads)
    assert len(heads) == len(re.findall(r"^end$", text, re.MULTILINE)) - len(
        re.findall(r"^(?:for|if|while) .*", text, re.MULTILINE)
    )


_RARE = re.compile(r"^local function \w+\((.*)\)\n((?:local f(?:.*\n)*?end\n)+)", re.MULTILINE)
_HELPER = re.compile(r"^local function (\w+)\((.*)\)\n((?:.*\n)*?)end\n", re.MULTILINE)


def caught(text: str) -> list[str]:
    """Helpers that mean a name of the whole script, where a parameter of that name is nearer."""
    found = []
    for parameters, helpers in _RARE.findall(text):
        for name, own_parameters, body in _HELPER.findall(helpers):
            own = " ".join([own_parameters, *re.findall(r"\b(?:local|for) ([\w, ]+)", body)])
            words = set(re.findall(r"(?<![\w.\"])[a-z_]\w*(?!\w*\")", body))
            if (words & set(re.findall(r"\w+", parameters))) - set(re.findall(r"\w+", own)):
                found.append(name)
    return found


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_helper_catches_a_parameter_of_the_rare_function_around_it(name):
    assert caught(assemble(name, lambda path: (FOLDER / path).read_text())) == []


def test_a_helper_that_catches_a_parameter_is_found():
    careless = INNER.replace("helper(base)\n  return shared(base)", "helper(other)\n  return base")
    text = put_together("--- @include inner\nreturn seldom(base)\n", inner=careless)
    assert caught(text) == ["helper"]
