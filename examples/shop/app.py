"""A shop: the web application. Requests only add jobs; the work is in `tasks`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tasks
from flask import Flask, current_app, jsonify, request

from bullrush.flask_ext import Bullrush

bullrush = Bullrush()


def create_app(**config: Any) -> Flask:
    """The application.

    Args:
        **config: keys of ``app.config``: ``PHOTO_FOLDER``, ``SMTP_PORT``, and those of Bullrush.
    """
    app = Flask("shop")
    app.config.from_mapping(
        EMAIL_FROM="shop@shop.example",
        BULLRUSH_REDIS_URL="embedded://",
        BULLRUSH_QUEUE_ALIASES={"email": "email-queue"},
    )
    app.config.from_mapping(config)
    bullrush.init_app(app)
    app.post("/orders")(place_order)
    app.post("/photos/<name>")(upload_photo)
    return app


def place_order() -> Any:
    """Take an order: confirm it by e-mail, charge the card, and ask for a review some time
    later.
    """
    order = request.get_json()
    jobs = {
        "confirmation": tasks.send_confirmation.delay(order["number"], to=order["email"]),
        "payment": tasks.charge_card.delay(order["number"], amount=order["amount"]),
        "review": tasks.ask_for_review.apply_async(
            args=[order["number"]], countdown=order["review_after"]
        ),
    }
    return jsonify({what: job.id for what, job in jobs.items()}), 202


def upload_photo(name: str) -> Any:
    """Store a photo and have it prepared for the shop."""
    path = Path(current_app.config["PHOTO_FOLDER"], Path(name).name)
    path.write_bytes(request.get_data())
    job = tasks.process_photo.delay(str(path))
    return jsonify(photo=job.id), 202
