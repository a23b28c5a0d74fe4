"""Keys for JSON Web Tokens from an https address: believed for a while, and never without them."""

from __future__ import annotations

import datetime
import http.server
import ipaddress
import json
import ssl
import threading
import time

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bullrush.core.errors import InvalidOption
from bullrush.flask_ext.access.key_sources import PAUSE, KeysByUrl
from bullrush.flask_ext.access.web_tokens import WebTokens, web_token_rules

LIFETIME = 400.0


def certificate(folder):
    """A file with a certificate for 127.0.0.1 that vouches for itself, and one with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.timezone.utc)
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(here, critical=False)
        .sign(key, hashes.SHA256())
    )
    form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "cert.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(*form))
    return str(folder / "cert.pem"), str(folder / "key.pem")


class Issuer:
    """An https server with a key set. `answer` is what it says: (status, headers, body)."""

    def __init__(self, folder):
        self.asked, self.pairs = 0, {}
        self.ca_file, key_file = certificate(folder)
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.asked += 1
                status, headers, body = issuer.answer
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                """Nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca_file, key_file)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        self.url = f"https://127.0.0.1:{self.server.server_port}/keys?v=1"

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def serve(self, *kids):
        """Have keys of these ids; those of before are gone."""
        for kid in kids:
            self.pairs.setdefault(kid, ec.generate_private_key(ec.SECP256R1()))
        algorithm = jwt.get_algorithm_by_name("ES256")
        keys = [
            {**json.loads(algorithm.to_jwk(self.pairs[kid].public_key())), "kid": kid}
            for kid in kids
        ]
        self.answer = (200, {}, json.dumps({"keys": keys}).encode())

    def token(self, kid, **claims):
        content = {"sub": "ann", "role": "admin", "exp": time.time() + 600, **claims}
        return jwt.encode(content, self.pairs[kid], "ES256", headers={"kid": kid})


@pytest.fixture
def issuer(tmp_path):
    issuer = Issuer(tmp_path)
    issuer.serve("one")
    yield issuer
    issuer.close()


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def rules_of(issuer, **more):
    given = {"algorithms": "ES256", "jwks_url": issuer.url, "jwks_ca_file": issuer.ca_file}
    return web_token_rules({**given, "jwks_lifetime": LIFETIME, **more})


@pytest.fixture
def tokens(issuer, clock):
    rules = rules_of(issuer)
    tokens = WebTokens(rules)
    tokens._keys = KeysByUrl(rules, clock)
    return tokens


def test_a_token_is_checked_by_the_keys_of_the_address_which_is_asked_once(tokens, issuer):
    assert issuer.asked == 0
    for _ in range(20):
        assert tokens.principal(issuer.token("one")).name == "ann"
    assert issuer.asked == 1
    issuer.pairs["stranger"] = ec.generate_private_key(ec.SECP256R1())
    forged = jwt.encode(
        {"role": "admin", "exp": time.time() + 60},
        issuer.pairs["stranger"],
        "ES256",
        headers={"kid": "one"},
    )
    assert tokens.principal(forged) is None


def test_a_new_key_is_found_and_an_old_one_ends(tokens, issuer, clock):
    old = issuer.token("one")
    assert tokens.principal(old)
    issuer.serve("two")
    clock.now += PAUSE
    assert tokens.principal(issuer.token("two"))
    assert tokens.principal(old) is None


def test_tokens_with_unknown_keys_do_not_make_us_ask_all_the_time(tokens, issuer, clock):
    tokens.principal(issuer.token("one"))
    issuer.pairs["unknown"] = ec.generate_private_key(ec.SECP256R1())
    clock.now += PAUSE
    for _ in range(50):
        assert tokens.principal(issuer.token("unknown")) is None
    assert issuer.asked == 2


BROKEN = [
    (500, {}, b"down"),
    (200, {}, b"no json"),
    (200, {}, b"[]"),
    (200, {}, b'{"keys": []}'),
    (302, {"Location": "http://127.0.0.1:9/"}, b""),
]


@pytest.mark.parametrize("answer", BROKEN)
def test_without_an_answer_nobody_is_let_in_and_it_is_asked_seldom(
    tokens, issuer, clock, answer, caplog
):
    good, issuer.answer = issuer.answer, answer
    for _ in range(10):
        assert tokens.principal(issuer.token("one")) is None
    assert issuer.asked == 1
    assert "v=1" not in caplog.text
    issuer.answer = good
    clock.now += PAUSE
    assert tokens.principal(issuer.token("one"))


def test_keys_hold_for_their_lifetime_and_no_longer(tokens, issuer, clock):
    token = issuer.token("one")
    assert tokens.principal(token)
    issuer.answer = BROKEN[0]
    clock.now += LIFETIME / 2
    assert tokens.principal(token)
    clock.now += LIFETIME / 2 - 1
    assert tokens.principal(token)
    clock.now += 1
    assert tokens.principal(token) is None


def test_an_address_that_is_not_vouched_for_gives_no_keys(issuer):
    tokens = WebTokens(rules_of(issuer, jwks_ca_file=None))
    assert tokens.principal(issuer.token("one")) is None


def test_an_address_that_says_nothing_is_waited_for_in_vain_for_a_bounded_time(issuer):
    issuer.close()
    tokens = WebTokens(rules_of(issuer, jwks_timeout=0.2))
    assert tokens.principal(issuer.token("one")) is None


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"jwks_url": "http://issuer/keys"}, "https"),
        ({"jwks_url": "file:///etc/passwd"}, "https"),
        ({"jwks_url": "https://ann:hush@issuer/keys"}, "https"),
        ({"jwks_url": "https://issuer/keys", "algorithms": "HS256"}, "secret"),
        ({"jwks_url": "https://issuer/keys", "jwks_file": "keys.json"}, "one of"),
        ({"jwks_url": "https://issuer/keys", "jwks_timeout": 0}, "jwks_timeout"),
        ({"jwks_file": "keys.json", "jwks_ca_file": "ca.pem"}, "jwks_ca_file"),
    ],
)
def test_wrong_rules_are_refused(given, told):
    with pytest.raises(InvalidOption, match=told) as refused:
        web_token_rules({"algorithms": "ES256", **given})
    assert "hush" not in str(refused.value)


def test_certificates_that_cannot_be_read_are_refused(issuer, tmp_path):
    with pytest.raises(InvalidOption, match=r"ca\.pem"):
        WebTokens(rules_of(issuer, jwks_ca_file=str(tmp_path / "ca.pem")))
