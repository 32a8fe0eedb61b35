"""Which rules to run: `--select` and `--ignore` take codes and family prefixes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gpufix.checks.registry import Rule


class UnknownCode(ValueError):
    """A selector that matches no rule."""

    def __init__(self, selector: str, codes: Sequence[str]):
        import difflib

        near = difflib.get_close_matches(selector.upper(), codes, n=3)
        hint = f"; did you mean {', '.join(near)}?" if near else "; `gpufix rules` lists them"
        super().__init__(f"no rule has the code {selector!r}{hint}")


@dataclass(frozen=True)
class Selection:
    """Selectors as given: "TCH201", "TCH2", "TCH" or a rule's name. Empty `select` = all."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    def apply(self, rules: Sequence[Rule]) -> list[Rule]:
        """The rules to run. Raises UnknownCode for a selector that matches none."""
        chosen = _matching(self.select, rules) if self.select else {r.code for r in rules}
        dropped = _matching(self.ignore, rules)
        return [r for r in rules if r.code in chosen - dropped]


def _matching(selectors: Sequence[str], rules: Sequence[Rule]) -> set[str]:
    matched: set[str] = set()
    for selector in selectors:
        wanted = selector.strip()
        hits = {r.code for r in rules if _matches(wanted, r)}
        if not hits:
            raise UnknownCode(selector, [r.code for r in rules])
        matched |= hits
    return matched


def _matches(wanted: str, rule: Rule) -> bool:
    return bool(wanted) and (rule.code.startswith(wanted.upper()) or rule.name == wanted.lower())
