"""Cutting and joining text, under Celery's names."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill


def truncate(text: str, maxlen: int = 128, suffix: str = "...") -> str:
    """The text, cut after so many characters with the suffix behind."""
    return text[:maxlen] + suffix if len(text) >= maxlen else text


def indent(text: str, indent: int = 0, sep: str = "\n") -> str:
    """Every line moved to the right."""
    return sep.join(" " * indent + line for line in text.split(sep))


def fill_paragraphs(text: str, width: int, sep: str = "\n") -> str:
    """Each line wrapped."""
    return sep.join(fill(line, width) for line in text.split(sep))


def ensure_newlines(text: str, needed: int = 2) -> str:
    """The text with at least so many line ends behind it."""
    there = len(text) - len(text.rstrip("\n"))
    return text + "\n" * max(0, needed - there)


def pluralize(count: float, text: str, suffix: str = "s") -> str:
    """The word for so many of them."""
    return text if count == 1 else text + suffix


def abbr(text: str, max: int, abbr_suffix: str = "...") -> str:
    """The text, at most so long with the suffix."""
    return text if len(text) <= max else text[: max - len(abbr_suffix)] + abbr_suffix


def join(parts: Sequence[str], sep: str = "\n") -> str:
    """The parts that are not empty."""
    return sep.join(part for part in parts if part)
