"""The headers that tell browsers what a page may do."""

from __future__ import annotations

from flask import Response

#: Everything comes from files of this application; nothing is inline, nothing frames it.
PAGE_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"


def protect(response: Response) -> Response:
    """Add them. A view that set its own Cache-Control keeps it.

    The referrer goes to the same origin: with none at all, browsers would send the login form with
    ``Origin: null``.
    """
    is_page = response.mimetype == "text/html"
    headers = response.headers
    headers.setdefault("Cache-Control", "no-store")
    headers["Content-Security-Policy"] = PAGE_POLICY if is_page else DATA_POLICY
    headers["X-Content-Type-Options"] = "nosniff"
    headers["X-Frame-Options"] = "DENY"
    headers["Referrer-Policy"] = "same-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    if not headers["Cache-Control"].startswith("max-age"):
        response.vary.update(("Authorization", "Cookie"))
    return response
