"""What the shop does outside of web requests. These are ordinary Celery tasks."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage
from email.utils import make_msgid
from pathlib import Path

from flask import current_app
from PIL import Image

from bullrush import Task, shared_task

#: Size of the picture in the shop window and of the one in the basket, with their JPEG qualities.
FULL, FULL_QUALITY = (1920, 1080), 85
THUMBNAIL, THUMBNAIL_QUALITY = (320, 240), 75


class GatewayBusy(Exception):
    """The payment gateway asks to try again later."""


@shared_task(name="shop.send_confirmation", queue="email-queue")
def send_confirmation(order: int, to: str) -> dict[str, object]:
    """Tell a customer that the order has arrived. Which mail server to use is the web application's
    setting.
    """
    message = EmailMessage()
    message["From"] = current_app.config["EMAIL_FROM"]
    message["To"] = to
    message["Subject"] = f"Your order {order}"
    message["Message-ID"] = make_msgid(domain="shop.example")
    message.set_content(f"Thank you! We have received your order {order}.\n")
    port = current_app.config["SMTP_PORT"]
    with smtplib.SMTP("127.0.0.1", port, local_hostname="shop.example", timeout=5) as server:
        server.send_message(message)
    return {"success": True, "messageId": message["Message-ID"]}


@shared_task(name="shop.process_photo", queue="images")
def process_photo(path: str) -> dict[str, int]:
    """Make the two pictures that the shop shows from what a photographer sent; sizes in bytes."""
    original = Path(path)
    full, thumbnail = original.with_suffix(".jpg"), original.with_suffix(".thumb.jpg")
    with Image.open(original) as photo:
        picture = photo.convert("RGB")
    picture.thumbnail(FULL)
    picture.save(full, quality=FULL_QUALITY, optimize=True)
    picture.thumbnail(THUMBNAIL)
    picture.save(thumbnail, quality=THUMBNAIL_QUALITY, optimize=True)
    return {
        "original": original.stat().st_size,
        "full": full.stat().st_size,
        "thumbnail": thumbnail.stat().st_size,
    }


@shared_task(
    bind=True,
    name="shop.charge_card",
    queue="payments",
    autoretry_for=(GatewayBusy,),
    max_retries=5,
    default_retry_delay=0.3,
)
def charge_card(self: Task, order: int, amount: str) -> str:
    """Charge a card. The gateway of this example is busy the first two times."""
    if self.request.retries < 2:
        raise GatewayBusy(f"busy, call {self.request.retries + 1}")
    return f"charged {amount} for order {order}"


@shared_task(name="shop.ask_for_review", queue="reminders")
def ask_for_review(order: int) -> str:
    """Remind a customer some time after the order."""
    return f"asked for a review of order {order}"


@shared_task(name="shop.reserve_stock", queue="stock")
def reserve_stock(sku: str, amount: int) -> dict[str, object]:
    """Set goods aside. The warehouse asks for this, and its programs are written in Node."""
    return {"sku": sku, "reserved": amount}
