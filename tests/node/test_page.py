"""docs/node.md names every rule on nodes."""

from __future__ import annotations

from pathlib import Path

from gpufix.checks.registry import builtin_rules

PAGE = (Path(__file__).parents[2] / "docs" / "node.md").read_text("utf-8")


def test_every_rule_on_nodes_stands_on_the_page() -> None:
    codes = [rule.code for rule in builtin_rules(project=False) if rule.scope == "node"]
    assert len(codes) >= 35
    assert [code for code in codes if f"[{code}](rules/{code}.md)" not in PAGE] == []
