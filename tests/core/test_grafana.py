"""The dashboards and alert rules in docs ask for metrics that there are."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from bullrush.core.exposition import exposition
from bullrush.core.measures import Measures, QueueMeasures
from bullrush.core.operations.states import STATES
from bullrush.core.snapshot import QueueSnapshot
from bullrush.core.thresholds import Thresholds

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "grafana"
METRIC = re.compile(r"\b(?:bullrush_|bullmq_|queue_waiting|redis_up)\w*")


@pytest.fixture
def known():
    """The names of all samples."""
    measures = QueueMeasures({"send": Measures()})
    counts = dict.fromkeys(STATES, 0)
    text = exposition([QueueSnapshot("mail", counts, measures=measures, concurrency=1)])
    families = text_string_to_metric_families(text.decode())
    return {sample.name for family in families for sample in family.samples}


@pytest.mark.parametrize("name", ["overview", "queue"])
def test_a_dashboard_shows_what_there_is(known, name):
    dashboard = json.loads((FOLDER / f"{name}.json").read_text())
    asked = [each["expr"] for panel in dashboard["panels"] for each in panel["targets"]]
    asked += [each.get("query", "") for each in dashboard["templating"]["list"]]
    found = {metric for expression in asked for metric in METRIC.findall(expression)}
    assert len(found) > 3
    assert found <= known
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)


@pytest.mark.row(162, 163, 164, 165)
def test_alerts_have_the_limits_of_the_thresholds(known):
    (group,) = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    rules = {rule["alert"]: rule["expr"] for rule in group["rules"]}
    assert {metric for expr in rules.values() for metric in METRIC.findall(expr)} <= known
    limits = Thresholds()
    for alert, pair in (
        ("Waiting", limits.waiting),
        ("Failed", limits.failed),
        ("WorkersLost", limits.active),
        ("Delayed", limits.delayed),
    ):
        for suffix, limit in zip(("", "Many"), pair, strict=True):
            assert f"> {limit}" in rules[f"Bullrush{alert}{suffix}"]
