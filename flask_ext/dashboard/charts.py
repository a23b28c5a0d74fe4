"""Small pictures as SVG, drawn by the server: they need neither a script nor a style.

Only numbers and our own words go into them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from ..words import short

#: The states in the order of a job's life -> what people call them.
STATES: dict[str, str] = {
    "active": "active",
    "waiting": "waiting",
    "prioritized": "prioritized",
    "delayed": "delayed",
    "waiting-children": "waiting for children",
    "failed": "failed",
    "completed": "completed",
}


def sparkline(
    values: Sequence[float], kind: str = "", width: int = 104, height: int = 26
) -> Markup:
    """A line over an area, the newest value at the right. A text for screen readers goes with it.

    Args:
        values: oldest first.
        kind: a word that the style knows, such as ``failed``.
    """
    if len(values) < 2 or not any(values):
        values = (0, 0)
    top, step = max(*values, 1), width / (len(values) - 1)
    points = [
        f"{index * step:.1f},{height - 2 - value / top * (height - 5):.1f}"
        for index, value in enumerate(values)
    ]
    label = f"last {len(values)} minutes: at most {short(int(top if any(values) else 0))}"
    return Markup(
        '<svg class="spark {kind}" viewBox="0 0 {width} {height}" preserveAspectRatio="none" '
        'role="img" aria-label="{label}"><polygon points="0,{height} {line} {width},{height}"/>'
        '<polyline points="{line}"/></svg>'
    ).format(kind=kind, width=width, height=height, label=label, line=" ".join(points))


def state_bar(counts: Mapping[str, int]) -> Markup:
    """The unfinished and failed jobs of a queue as one stacked bar, each part named by a title.

    Completed jobs are left out: they would hide all others.
    """
    shown = [(state, counts.get(state, 0)) for state in STATES if state != "completed"]
    shown = [(state, number) for state, number in shown if number]
    total = sum(number for _, number in shown)
    left, parts = 0.0, []
    for state, number in shown:
        # A few among many thousand are still to be seen.
        width = max(2.0, number / total * (100 - 2 * len(shown)))
        part = Markup('<rect class="{}" x="{}" width="{}" height="8"><title>{}: {}</title></rect>')
        parts.append(part.format(state, f"{left:.2f}", f"{width:.2f}", STATES[state], number))
        left += width
    words = ", ".join(f"{number} {STATES[state]}" for state, number in shown) or "nothing to do"
    head = '<svg class="bar" viewBox="0 0 {} 8" preserveAspectRatio="none" role="img" '
    tail = 'aria-label="{}">{}</svg>'
    return Markup(head + tail).format(f"{max(left, 1):.2f}", words, Markup("").join(parts))


def throughput(
    buckets: Sequence[tuple[int, int, str]],
    marks: Sequence[tuple[float, str]] = (),
    height: int = 104,
) -> Markup:
    """Completed jobs above a zero line and failed ones below it, the newest at the right.

    Args:
        buckets: (completed, failed, when), oldest first.
        marks: (how far from the left, from 0 to 1; a text) of moments that are marked.
    """
    width, gutter, below = 1000, 34, 30
    most = max(max((done for done, _, _ in buckets), default=0), 1)
    worst = max(max((failed for _, failed, _ in buckets), default=0), 1)
    zero, step = height - below, (width - gutter) / max(len(buckets), 1)
    bars = []
    for index, (done, failed, when) in enumerate(buckets):
        x, up = gutter + index * step, done / most * (zero - 12)
        down = max(failed / max(worst, most / 4) * (below - 14), 2 if failed else 0)
        bars.append(
            _bucket(x, step, zero, (up, down), f"{when}: {done} completed, {failed} failed")
        )
    texts = _axis(zero, gutter, width, most, buckets)
    lines = Markup("").join(
        _mark(gutter + place * (width - gutter), zero, text) for place, text in marks
    )
    words = f"{sum(b[0] for b in buckets)} completed and {sum(b[1] for b in buckets)} failed"
    return Markup(
        '<svg class="throughput" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}{}</svg>'
    ).format(width, height, words, texts, Markup("").join(bars), lines)


def _bucket(x: float, step: float, zero: float, size: tuple[float, float], title: str) -> Markup:
    up, down = size
    return Markup(
        '<g><rect class="hit" x="{x}" y="0" width="{step}" height="{all}"/>'
        '<rect class="completed" x="{x}" y="{top}" width="{wide}" height="{up}"/>'
        '<rect class="failed" x="{x}" y="{zero}" width="{wide}" height="{down}"/>'
        "<title>{title}</title></g>"
    ).format(
        x=f"{x:.1f}",
        step=f"{step:.1f}",
        wide=f"{max(step - 2, 1):.1f}",
        all=zero + 16,
        top=f"{zero - up:.1f}",
        up=f"{up:.1f}",
        zero=zero + 1,
        down=f"{down:.1f}",
        title=title,
    )


def _mark(x: float, zero: float, text: str) -> Markup:
    return Markup(
        '<g class="mark"><line x1="{x}" x2="{x}" y1="6" y2="{zero}"/>'
        '<path d="M{left} 2h6l-3 5z"/><title>{text}</title></g>'
    ).format(x=f"{x:.1f}", left=f"{x - 3:.1f}", zero=zero, text=text)


def _axis(
    zero: float, gutter: float, width: float, most: int, buckets: Sequence[tuple[int, int, str]]
) -> Markup:
    line = Markup('<line class="{}" x1="{}" x2="{}" y1="{}" y2="{}"/>')
    text = Markup('<text class="{}" x="{}" y="{}">{}</text>')
    parts = [
        line.format("grid", gutter, width, 12, 12),
        line.format("grid", gutter, width, (zero + 12) / 2, (zero + 12) / 2),
        line.format("zero", gutter, width, zero, zero),
        text.format("left", gutter - 8, 16, short(most)),
        text.format("left", gutter - 8, zero + 4, "0"),
    ]
    marks = [0, len(buckets) // 2, len(buckets) - 1] if len(buckets) > 2 else []
    step = (width - gutter) / max(len(buckets), 1)
    for place, index in zip(("start", "middle", "end"), marks, strict=False):
        x = gutter + index * step + (step if place == "end" else 0)
        parts.append(text.format(place, f"{x:.1f}", zero + 27, buckets[index][2]))
    return Markup("").join(parts)
