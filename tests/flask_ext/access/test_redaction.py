"""What is shown of a job has no secrets in it, whatever the job carries."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullrush.core.errors import InvalidOption
from bullrush.flask_ext.access.redaction import (
    CHARACTERS,
    DEPTH,
    HIDDEN,
    VALUES,
    Redaction,
    is_card,
    redact,
)


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "PASSWORD",
        "userPassword",
        "db_password",
        "password2",
        "mypassword",
        "passwordHash",
        "accessToken",
        "X-Auth-Token",
        "token_value",
        "clientSecret",
        "SECRET_KEY",
        "Authorization",
        "apiKey",
        "API-Key",
        "apikey",
        "Set-Cookie",
        "private key",
        "awsAccessKeyId",
        "cardNumber",
        "cvv",
        "IBAN",
        "session_id",
    ],
)
def test_fields_with_the_name_of_a_secret_are_hidden(name):
    assert redact({name: "hush", "to": "ann"}) == {name: HIDDEN, "to": "ann"}
    assert redact([{"deep": ({name: {"more": "hush"}},)}]) == [{"deep": [{name: HIDDEN}]}]


@pytest.mark.parametrize(
    "name", ["max_tokens", "author", "secretary", "pass", "cards", "keyboard", "to", "", "identity"]
)
def test_other_fields_are_shown(name):
    assert redact({name: "seen"}) == {name: "seen"}


def test_the_value_itself_is_not_changed():
    value = {"password": "hush", "list": [{"token": "hush"}]}
    redact(value)
    assert value == {"password": "hush", "list": [{"token": "hush"}]}


def test_nothing_is_shown_as_nothing():
    assert redact({"password": None}) == {"password": None}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("password=hush next", f"password={HIDDEN} next"),
        ("?user=ann&token=hush&x=1", f"?user=ann&token={HIDDEN}&x=1"),
        ('{"password": "hu \\" sh", "a": 1}', f'{{"password": "{HIDDEN}", "a": 1}}'),
        ("KeyError: {'api_key': 'hush', 'a': 1}", f"KeyError: {{'api_key': '{HIDDEN}', 'a': 1}}"),
        (r'"{\"apiKey\": \"hush\"}"', rf'"{{\"apiKey\": \"{HIDDEN}\"}}"'),
        ("Authorization: Bearer hush.hush", f"Authorization: {HIDDEN}"),
        ("sent Bearer hushhush to them", f"sent Bearer {HIDDEN} to them"),
        ("headers['Authorization'] = 'hush'", f"headers['Authorization'] = '{HIDDEN}'"),
        ("redis://:hush@localhost:6379/0", f"redis://:{HIDDEN}@localhost:6379/0"),
        ("postgres://ann:hush@db/shop", f"postgres://ann:{HIDDEN}@db/shop"),
        ("got eyJhbGciOi.eyJzdWIiOi.c2ln in", f"got {HIDDEN} in"),
        ("card 4111 1111 1111 1111.", f"card {HIDDEN}."),
        ("card 5555-5555-5555-4444", f"card {HIDDEN}"),
        ('password="never closed', f'password="{HIDDEN}"'),
        ("the api key: hush", f"the api key: {HIDDEN}"),
        ("no such mailbox: ann@example.org", "no such mailbox: ann@example.org"),
        ("at 1700000000000 ms, 1764010000000000 us", "at 1700000000000 ms, 1764010000000000 us"),
        ('File "token.py", line 3', 'File "token.py", line 3'),
        ("max_tokens=5", "max_tokens=5"),
    ],
)
def test_texts_lose_what_looks_like_a_secret(text, shown):
    assert redact(text) == shown
    assert redact({"log": [text]}) == {"log": [shown]}


def test_numbers_of_cards_are_hidden_as_numbers_too():
    assert redact({"paid": 4111111111111111, "at": 1700000000000, "n": 7}) == {
        "paid": HIDDEN,
        "at": 1700000000000,
        "n": 7,
    }
    assert not is_card("4111111111111112")
    assert not is_card("0000000000000000")


def test_bytes_are_read_as_json_and_otherwise_as_text():
    assert redact(b'{"password": "hush"}') == {"password": HIDDEN}
    assert redact(b'{"password": "hush"') == f'{{"password": "{HIDDEN}"'
    assert redact(b"\xff\xfe password=hush") == f"\ufffd\ufffd password={HIDDEN}"
    assert redact({b"password": b"\x00hush"}) == {"password": HIDDEN}


def test_exceptions_and_other_things_are_shown_by_their_kind():
    assert redact(ValueError("password=hush")) == f"ValueError: password={HIDDEN}"
    assert redact({"x": object()}) == {"x": "[object]"}


def test_own_names_and_paths_join_those_that_are_known():
    rules = Redaction(("password", "nick name", "customer.street", "*.phone", "rows.note"))
    value = {
        "nickName": "hush",
        "password": "hush",
        "customer": {"street": "hush", "city": "Bonn", "phone": "hush"},
        "street": "seen",
        "phone": "seen",
        "rows": [{"note": "hush"}, {"note": "hush", "more": {"note": "seen"}}],
    }
    assert rules(value) == {
        "nickName": HIDDEN,
        "password": HIDDEN,
        "customer": {"street": HIDDEN, "city": "Bonn", "phone": HIDDEN},
        "street": "seen",
        "phone": "seen",
        "rows": [{"note": HIDDEN}, {"note": HIDDEN, "more": {"note": "seen"}}],
    }


def test_the_settings_add_names_or_switch_names_off(open_app):
    def shown(value):
        app = open_app(BULLRUSH_REDACT=value)
        return app.extensions["bullrush"].settings.policy.redaction({"password": "1", "nick": "2"})

    assert shown(None) == {"password": HIDDEN, "nick": "2"}
    assert shown(["nick"]) == {"password": HIDDEN, "nick": HIDDEN}
    assert shown(False) == {"password": "1", "nick": "2"}
    for wrong in ("nick", 5, [5], [""], ["."]):
        with pytest.raises(InvalidOption, match="BULLRUSH_REDACT"):
            shown(wrong)


def test_depth_and_size_are_bounded():
    deep = "hush"
    for _ in range(5000):
        deep = {"a": deep}
    shown = redact(deep)
    for _ in range(DEPTH):
        shown = shown["a"]
    assert shown == "[too deep]"
    endless = []
    endless.append(endless)
    assert "[too deep]" in json.dumps(redact(endless))
    assert len(redact(list(range(VALUES * 3)))) <= VALUES + 1
    wide = redact({str(number): 1 for number in range(VALUES * 3)})
    assert wide["..."] == f"[{VALUES * 3 - len(wide) + 1} more]"
    assert len(redact("x" * CHARACTERS * 3)) < CHARACTERS + 100


def test_numbers_without_a_json_form_are_shown_as_text():
    shown = redact([float("nan"), float("inf"), 10**5000, -(10**200)])
    assert shown == ["nan", "inf", "[a very large number]", "[a very large number]"]


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "password",
        "password=",
        "a_",
        "eyJ",
        "1 ",
        "1",
        "://",
        "a://",
        "bearer ",
        "a b ",
        'password="\\',
        'token "',
        "eyJaaaaa.bbbbb",
        "a:",
        "'",
        '\\"',
    ],
)
def test_no_text_takes_long(text):
    """Squared, so many steps would run into the time that every test has."""
    redact((text * CHARACTERS)[:CHARACTERS])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.binary(), inner),
)


@settings(max_examples=200, deadline=None)
@given(JSON)
def test_whatever_is_shown_can_be_written_as_json(value):
    json.dumps(redact(value), allow_nan=False)


def test_a_secret_does_not_survive_anywhere_in_random_values():
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)

    def value(depth):
        kind = chance.randrange(6 if depth else 3)
        if kind == 0:
            return chance.choice(["seen", 5, None, 1.5, True])
        if kind == 1:
            return {chance.choice(["token", "userPassword", "API_KEY"]): "hush-hush"}
        if kind == 2:
            return chance.choice(
                ["password=hush-hush", '{"secret": "hush-hush"}', b"token: hush-hush"]
            )
        if kind in (3, 4):
            return {f"k{n}": value(depth - 1) for n in range(chance.randrange(4))}
        return [value(depth - 1) for _ in range(chance.randrange(4))]

    for _ in range(500):
        assert "hush" not in json.dumps(redact(value(4)))
