"""What a pattern means: names of workers, routing keys."""

from __future__ import annotations

import fnmatch
import re

MATCHERS = ("glob", "pcre")


def matches(name: str, pattern: str, matcher: str | None = None) -> bool:
    """Whether the pattern fits the whole name.

    Args:
        matcher: ``glob``, which is the default, or ``pcre`` for a regular expression.

    Raises:
        ValueError: no such matcher, or no regular expression.
    """
    kind = matcher or "glob"
    if kind not in MATCHERS:
        raise ValueError(f"matcher is one of {', '.join(MATCHERS)}, not {matcher!r}")
    if kind == "glob":
        return fnmatch.fnmatchcase(name, pattern)
    try:
        return re.match(pattern, name) is not None
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from None


def topic_matches(pattern: str, key: str) -> bool:
    """Whether a routing key is meant: ``*`` is one word of it, ``#`` any number of them."""
    words = {"*": r"[^.]+", "#": r".*"}
    made = r"\.".join(words.get(word, re.escape(word)) for word in pattern.split("."))
    return (
        re.fullmatch(made.replace(r"\..*", r"(\..*)?").replace(r".*\.", r"(.*\.)?"), key)
        is not None
    )
