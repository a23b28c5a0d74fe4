"""The code in the guides runs as it stands and prints what stands below it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bullrush import signals

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
GUIDE = (ROOT / "migration_guide.md").read_text()
#: But the first, whose indented lines are commands.
TITLES = [each.partition("\n")[0] for each in GUIDE.split("\n## ") if "```python" in each][1:]
PIECE = re.compile(r"```python\n(?P<code>.*?)```|(?P<output>(?:^ {4}[^\n]*\n)+)", re.S | re.M)


@pytest.mark.parametrize("page", ["flows_and_schedulers.md", "worker.md"])
def test_the_code_of_a_page_prints_what_stands_below_it(page, redis_url, monkeypatch, capsys):
    monkeypatch.setenv("BULLRUSH_REDIS_URL", redis_url)
    check((DOCS / page).read_text(), page, capsys)


@pytest.mark.parametrize("title", TITLES)
def test_the_code_of_the_migration_guide_prints_what_stands_below_it(title, capsys, monkeypatch):
    for name in signals.__all__:  # What one section connects must not be heard in the next.
        monkeypatch.setattr(getattr(signals, name), "receivers", ())
    section = GUIDE.partition(f"## {title}\n")[2].partition("\n## ")[0]
    check(section, title, capsys)


def check(text, page, capsys):
    """Run the code of a text from top to bottom, and compare what it prints."""
    pieces = list(PIECE.finditer(text))
    names: dict[str, object] = {"__name__": "__main__" if page[0].isupper() else page}
    assert pieces
    try:
        for piece in pieces:
            if piece["code"]:
                exec(compile(piece["code"], page, "exec"), names)
            else:
                assert capsys.readouterr().out == re.sub(r"^ {4}", "", piece["output"], flags=re.M)
    finally:  # The end of a page is the end of the program, for who reads it.
        for each in names.values():
            if hasattr(each, "close") and not isinstance(each, type):
                each.close()
    assert capsys.readouterr().out == ""
