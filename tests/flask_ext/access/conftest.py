"""Browsers and tokens for the tests of access. No Redis is needed to decide who is let in."""

from __future__ import annotations

import re
import uuid

import pytest
from flask import Blueprint, Flask, jsonify

from bullrush.flask_ext import Bullrush, Role
from bullrush.flask_ext.access.guarding import (
    GuardedBlueprint,
    current_csrf_token,
    current_principal,
    is_logged_in,
    needs,
)

TOKENS = {
    "viewer": {"token": "the token of the viewer", "role": "read"},
    "operator": {"token": "the token of the operator", "role": "operate"},
    "boss": {"token": "the token of the boss", "role": "admin"},
}


def probe() -> Blueprint:
    """A page and an action for each role."""
    blueprint = GuardedBlueprint("probe", __name__, url_prefix="/probe", pages=True)

    @blueprint.get("/page")
    @needs(Role.READ)
    def page():
        principal = current_principal()
        return jsonify(
            name=principal.name,
            role=principal.role.name,
            csrf=current_csrf_token(),
            session=is_logged_in(),
        )

    for role in Role:
        view = needs(role)(lambda role=role: jsonify(done=role.name))
        blueprint.post(f"/{role.name.lower()}", endpoint=role.name)(view)

    @blueprint.get("/broken")
    @needs(Role.READ)
    def broken():
        raise RuntimeError("the password is hush")

    return blueprint


@pytest.fixture
def open_app():
    """Makes applications on memory; keyword arguments are keys of ``app.config``."""
    made = []

    def make(auth=None, **config):
        app = Flask("shop")
        app.config.from_mapping(
            BULLRUSH_REDIS_URL=f"memory://{uuid.uuid4().hex}",
            BULLRUSH_TOKENS=TOKENS,
            SECRET_KEY="of the shop",
        )
        app.config.from_mapping(config)
        Bullrush(app, auth=auth)
        app.register_blueprint(probe())
        made.append(app)
        return app

    yield make
    for app in made:
        app.extensions["bullrush"].close()


class Browser:
    """What a browser does with the login page."""

    def __init__(self, app, **base):
        self.client = app.test_client()
        self.base = base

    def get(self, path, **options):
        """Open a path, as a page of this origin does."""
        headers = {"Sec-Fetch-Site": "same-origin", **options.pop("headers", {})}
        return self.client.get(path, headers=headers, **self.base, **options)

    def post(self, path, *, headers=None, **options):
        """Send a change, as a page of this origin does."""
        headers = {"Sec-Fetch-Site": "same-origin", **(headers or {})}
        return self.client.post(path, headers=headers, **self.base, **options)

    def form(self, path="/admin/queues/login"):
        """The hidden fields of the login page."""
        html = self.get(path).text
        return dict(re.findall(r'name="(csrf_token|next)" value="([^"]*)"', html))

    def log_in(self, token, **changes):
        """Give a token to the login page."""
        form = {**self.form(), "token": token, **changes}
        return self.post("/admin/queues/login", data=form)

    def csrf(self):
        """The CSRF token that a page shows."""
        return self.get("/probe/page").get_json()["csrf"]

    def cookie(self, name="bullrush"):
        """The value of a cookie; None when there is none."""
        found = self.client.get_cookie(name)
        return None if found is None else found.value


@pytest.fixture
def browser():
    """Opens a browser."""
    return Browser
