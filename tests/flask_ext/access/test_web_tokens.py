"""A JWT is believed by the settings alone: whatever it says of itself, and however old its key."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import secrets
import sys
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from bullrush.core.errors import InvalidOption
from bullrush.flask_ext import Role
from bullrush.flask_ext.access.web_tokens import NoRole, WebTokens, web_token_rules

SECRET = "a secret of thirty-two bytes or more"
PAGE = "/probe/page"


def pems(key):
    """(private, public) in PEM."""
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


@pytest.fixture(scope="module")
def rsa_key():
    """A pair of RSA keys."""
    return pems(rsa.generate_private_key(65537, 2048))


@pytest.fixture(scope="module")
def other_rsa_key():
    """Another one."""
    return pems(rsa.generate_private_key(65537, 2048))


def signed(key=SECRET, algorithm="HS256", headers=None, **claims):
    """A token; claims of None are left out."""
    content = {"sub": "ann", "role": "admin", "exp": time.time() + 600, **claims}
    content = {name: value for name, value in content.items() if value is not None}
    return jwt.encode(content, key, algorithm, headers=headers)


def by_hand(header, claims, sign=lambda text: b""):
    """A token that no library would make."""

    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    text = part(header) + b"." + part(claims)
    return (text + b"." + base64.urlsafe_b64encode(sign(text)).rstrip(b"=")).decode()


def rules(**given):
    """Rules for HS256, with changes."""
    return web_token_rules({"algorithms": ["HS256"], "key": SECRET, **given})


def principal(token, **given):
    """Who a token is."""
    return WebTokens(rules(**given)).principal(token)


@pytest.mark.row(143)
def test_a_route_answers_401_without_a_token_403_with_a_low_role_and_200_with_the_right_one(
    open_app, browser
):
    app = open_app(
        BULLRUSH_JWT={"algorithms": "HS256", "key": SECRET, "issuer": "shop", "audience": "queues"}
    )
    client = browser(app).client

    def status(**claims):
        claims = {"iss": "shop", "aud": "queues", **claims}
        headers = {"Authorization": f"Bearer {signed(**claims)}"}
        return client.post("/probe/admin", headers=headers).status_code

    assert client.post("/probe/admin").status_code == 401
    assert status(role="admin") == 200
    assert status(role="operate") == status(role="read") == 403
    assert status(role="janitor") == status(role=None) == 403
    assert status(iss="other") == status(aud="other") == status(aud=None) == status(iss=None) == 401


@pytest.mark.row(143)
@pytest.mark.parametrize("algorithm", ["RS256", "RS512", "PS256"])
def test_an_rsa_signature_is_checked_with_the_public_key(algorithm, rsa_key, other_rsa_key):
    given = {"algorithms": [algorithm], "key": rsa_key[1]}
    assert principal(signed(rsa_key[0], algorithm), **given).role is Role.ADMIN
    assert principal(signed(other_rsa_key[0], algorithm), **given) is None


def test_curves_work_as_well():
    for key, algorithm in (
        (ec.generate_private_key(ec.SECP256R1()), "ES256"),
        (ed25519.Ed25519PrivateKey.generate(), "EdDSA"),
    ):
        private, public = pems(key)
        assert principal(signed(private, algorithm), algorithms=algorithm, key=public)


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", "HS512", "RS256", None, 5, []])
def test_the_algorithm_that_a_token_names_counts_for_nothing(alg):
    claims = {"sub": "ann", "role": "admin", "exp": int(time.time()) + 600}

    def sign(text):
        return hmac.new(SECRET.encode(), text, hashlib.sha256).digest()

    assert principal(by_hand({"alg": "HS256", "typ": "JWT"}, claims, sign)) is not None
    assert principal(by_hand({"alg": alg, "typ": "JWT"}, claims)) is None
    assert principal(by_hand({"alg": alg, "typ": "JWT"}, claims, sign)) is None


def test_a_public_key_is_no_secret(rsa_key):
    public = rsa_key[1].strip()

    def sign(text):
        return hmac.new(public.encode(), text, hashlib.sha256).digest()

    claims = {"sub": "ann", "role": "admin", "exp": int(time.time()) + 600}
    forged = by_hand({"alg": "HS256", "typ": "JWT"}, claims, sign)
    assert principal(forged, algorithms=["RS256"], key=rsa_key[1]) is None


@pytest.mark.parametrize(
    ("claims", "ok"),
    [
        ({"exp": -3600}, False),
        ({"exp": None}, False),
        ({"exp": "soon"}, False),
        ({"nbf": 3600}, False),
        ({"iat": 3600}, False),
        ({"exp": -5}, True),
        ({"nbf": 5}, True),
        ({}, True),
    ],
)
def test_times_are_checked_with_leeway(claims, ok):
    now = time.time()
    times = {name: now + v if isinstance(v, int) else v for name, v in claims.items()}
    found = principal(signed(**times), leeway=120 if ok else 1)
    assert (found is not None) == ok


@pytest.mark.parametrize(
    "header", [{"jku": "http://127.0.0.1:1/x"}, {"x5u": "http://127.0.0.1:1/x"}]
)
def test_a_token_cannot_bring_its_own_key(header, other_rsa_key, rsa_key):
    forged = signed(other_rsa_key[0], "RS256", headers=header)
    assert principal(forged, algorithms=["RS256"], key=rsa_key[1]) is None


@pytest.mark.parametrize(
    "token",
    ["eyJ", "eyJ.eyJ.eyJ", "eyJhbGciOiJIUzI1NiJ9..", "eyJ" + "A" * 20_000 + ".e.e", "..", ""],
)
def test_what_is_no_token_is_nobody(token):
    assert principal(token) is None


@pytest.mark.parametrize(
    ("claims", "given", "role"),
    [
        ({"role": "operate"}, {}, Role.OPERATE),
        ({"role": ["read", "operate", "janitor"]}, {}, Role.OPERATE),
        ({"role": "openid read"}, {}, Role.READ),
        ({"role": "ops"}, {"roles": {"ops": "operate"}}, Role.OPERATE),
        ({"role": "admin"}, {"roles": {"ops": "operate"}}, None),
        ({"role": "Admin"}, {}, None),
        ({"role": {"admin": True}}, {}, None),
        ({"role": True}, {}, None),
        (
            {"role": None, "realm_access": {"roles": ["queues"]}},
            {"role_claim": "realm_access.roles", "roles": {"queues": "admin"}},
            Role.ADMIN,
        ),
        (
            {"role": None, "https://shop.example/role": "read"},
            {"role_claim": "https://shop.example/role"},
            Role.READ,
        ),
    ],
)
def test_the_role_stands_where_the_settings_say(claims, given, role):
    if role is None:
        with pytest.raises(NoRole):
            principal(signed(**claims), **given)
    else:
        assert principal(signed(**claims), **given).role is role


def test_the_name_is_a_line_of_text():
    assert principal(signed(email="ann@example.org"), name_claim="email").name == "ann@example.org"
    assert principal(signed(sub="a\r\nb" + "x" * 500)).name == "a??b" + "x" * 116


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"algorithms": ["none"]}, "algorithms are some of"),
        ({"algorithms": []}, "algorithms"),
        ({"algorithms": ["HS256", "RS256"]}, "confuse"),
        ({"key": "too short"}, "32 bytes"),
        ({"key": None}, "key"),
        ({"key_file": "/no/such/file", "key": ()}, "cannot be read"),
        ({"key_file": "x"}, "one of 'key'"),
        ({"algorithms": ["RS256"]}, "public key in PEM"),
        ({"leeway": -1}, "leeway"),
        ({"roles": {"ops": "root"}}, "roles"),
        ({"rolle": "x"}, "rolle"),
    ],
)
def test_wrong_rules_are_refused_without_the_key_in_the_message(open_app, given, told):
    with pytest.raises(InvalidOption, match=re.escape(told)) as caught:
        open_app(BULLRUSH_JWT={"algorithms": ["HS256"], "key": SECRET, **given})
    assert SECRET not in str(caught.value)
    assert "too short" not in str(caught.value)


def test_a_private_key_or_a_public_one_as_a_secret_is_refused(rsa_key):
    for given in (
        {"algorithms": ["RS256"], "key": rsa_key[0]},
        {"algorithms": ["HS256"], "key": rsa_key[1]},
    ):
        with pytest.raises(InvalidOption):
            WebTokens(web_token_rules(given))


def test_without_pyjwt_the_settings_name_the_extra(open_app, monkeypatch):
    monkeypatch.setitem(sys.modules, "jwt", None)
    with pytest.raises(InvalidOption, match=re.escape("bullrush[jwt]")):
        open_app(BULLRUSH_JWT={"algorithms": ["HS256"], "key": SECRET})


def test_rules_do_not_show_their_key():
    assert SECRET not in repr(rules())


def test_two_keys_while_one_replaces_the_other():
    new = SECRET.upper()
    both = WebTokens(rules(key=[SECRET, new]))
    assert both.principal(signed()) is not None
    assert both.principal(signed(new)) is not None
    assert both.principal(signed(SECRET * 2)) is None


def replace(path, text):
    """As tools that rotate keys do: a new file in the place of the old one."""
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    os.replace(fresh, path)


def test_a_key_file_is_read_again_when_it_changes(tmp_path, rsa_key, other_rsa_key):
    path = tmp_path / "issuer.pem"
    path.write_text(rsa_key[1])
    tokens = WebTokens(web_token_rules({"algorithms": ["RS256"], "key_file": str(path)}))
    old, new = (signed(pair[0], "RS256") for pair in (rsa_key, other_rsa_key))
    assert tokens.principal(old) is not None
    replace(path, other_rsa_key[1])
    assert tokens.principal(old) is None
    assert tokens.principal(new) is not None


def jwks(*pairs, **more):
    """A key set in JSON."""
    keys = []
    for kid, pair in pairs:
        public = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256).prepare_key(
            pair[1]
        )
        entry = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(public))
        keys.append({**entry, "kid": kid, "use": "sig", "alg": "RS256", **more})
    return json.dumps({"keys": keys})


def test_a_key_set_is_rotated_and_keys_are_found_by_their_ids(tmp_path, rsa_key, other_rsa_key):
    path = tmp_path / "jwks.json"
    path.write_text(jwks(("1", rsa_key)))
    tokens = WebTokens(web_token_rules({"algorithms": ["RS256"], "jwks_file": str(path)}))
    old = signed(rsa_key[0], "RS256", {"kid": "1"})
    new = signed(other_rsa_key[0], "RS256", {"kid": "2"})
    assert [tokens.principal(each) is not None for each in (old, new)] == [True, False]
    replace(path, jwks(("1", rsa_key), ("2", other_rsa_key)))
    assert [tokens.principal(each) is not None for each in (old, new)] == [True, True]
    assert tokens.principal(signed(rsa_key[0], "RS256", {"kid": "2"})) is None
    assert tokens.principal(signed(rsa_key[0], "RS256")) is not None


def test_a_key_file_that_breaks_leaves_the_keys_of_before(tmp_path, rsa_key, caplog):
    path = tmp_path / "jwks.json"
    path.write_text(jwks(("1", rsa_key)))
    tokens = WebTokens(web_token_rules({"algorithms": ["RS256"], "jwks_file": str(path)}))
    for text in ("", "{", "[]", '{"keys": []}', '{"keys": [{"kty": "oct", "k": "aGk"}]}'):
        replace(path, text)
        assert tokens.principal(signed(rsa_key[0], "RS256")) is not None
    assert "those of before" in caplog.text


def test_a_secret_in_a_key_set_is_long_enough_too(tmp_path):
    path = tmp_path / "jwks.json"
    given = web_token_rules({"algorithms": ["HS256"], "jwks_file": str(path)})
    for secret, ok in ((SECRET, True), ("short", False)):
        text = base64.urlsafe_b64encode(secret.encode()).decode().rstrip("=")
        path.write_text(json.dumps({"keys": [{"kty": "oct", "k": text}]}))
        if ok:
            assert WebTokens(given).principal(signed()) is not None
        else:
            with pytest.raises(InvalidOption, match="32 bytes"):
                WebTokens(given)


def test_one_of_several_issuers_and_audiences_is_enough():
    several = {"issuer": ["shop", "bank"], "audience": ["queues", "jobs"]}
    assert principal(signed(iss="bank", aud=["jobs", "mail"]), **several) is not None
    assert principal(signed(iss="other", aud="jobs"), **several) is None
    assert principal(signed(iss="bank", aud="mail"), **several) is None


def test_a_key_set_without_a_fitting_key_is_refused(tmp_path, rsa_key):
    path = tmp_path / "jwks.json"
    for text in (jwks(("1", rsa_key), use="enc"), jwks(("1", rsa_key), alg="RS512"), "{}"):
        path.write_text(text)
        with pytest.raises(InvalidOption):
            WebTokens(web_token_rules({"algorithms": ["RS256"], "jwks_file": str(path)}))


def test_a_jwt_may_be_given_to_the_login_page_and_ends_its_session_when_it_ends(open_app, browser):
    user = browser(open_app(BULLRUSH_JWT={"algorithms": "HS256", "key": SECRET}))
    user.log_in(signed(role="operate", exp=time.time() + 3600))
    assert user.get(PAGE).get_json()["role"] == "OPERATE"
    assert user.get(PAGE).get_json()["session"] is True
    assert user.post("/probe/operate").status_code == 403
    sessions = user.client.application.extensions["bullrush"].door.sessions(["of the shop"])
    for exp, status in ((time.time() + 600, 200), (time.time() - 600, 401)):
        user.client.set_cookie("bullrush", sessions.open(None, signed(exp=exp)))
        assert user.get(PAGE).status_code == status


def test_the_login_page_says_when_a_jwt_is_of_no_use(open_app, browser):
    user = browser(open_app(BULLRUSH_JWT={"algorithms": "HS256", "key": SECRET}))
    assert "gives no role" in user.log_in(signed(role="janitor")).text
    assert "too long" in user.log_in(signed(more=secrets.token_hex(2500))).text
    assert user.cookie() is None


def test_bad_jwts_do_not_use_up_the_budget_of_an_address(open_app, browser):
    app = open_app(BULLRUSH_JWT={"algorithms": "HS256", "key": SECRET})
    client = browser(app).client
    headers = {"Authorization": f"Bearer {signed(exp=1)}"}
    assert {client.get(PAGE, headers=headers).status_code for _ in range(60)} == {401}
