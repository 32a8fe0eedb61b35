"""The plan: what would be done, step by step, and what would not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gpufix.model import Held, Plan, Proposal, StepPreview
from gpufix.report.html.markup import Markup, joined, tag

_DIFF = {"+": "add", "-": "del", "@": "at"}


def plan(proposal: Proposal | None) -> Markup | None:
    """None where there is nothing to do, nothing was held back and nothing failed."""
    if proposal is None or not (proposal.plans or proposal.held or proposal.failures):
        return None
    return joined(
        _plans(proposal.plans),
        _steps(proposal),
        _held(proposal.held),
        [tag("p", f"{f.code} {f.name}: {f.message}", class_="note") for f in proposal.failures],
    )


def _plans(plans: Sequence[Plan]) -> Markup | None:
    if not plans:
        return None
    command = tag("p", "Carried out by ", tag("code", "gpufix fix --apply"), ", undone by ",
                  tag("code", "gpufix undo"), ".", class_="note")  # fmt: skip
    items = [
        tag("li", tag("span", p.safety, class_="label"), f" {', '.join(p.codes)}: {p.title}",
            [tag("div", note, class_="note") for note in p.notes], class_=p.safety)
        for p in plans
    ]  # fmt: skip
    return joined(command, tag("ol", items, class_="consequences"))


def _steps(proposal: Proposal) -> Markup | None:
    refused = proposal.refused
    why = tag("p", tag("strong", "Cannot be applied: "), refused) if refused else None
    return joined([_step(step) for step in proposal.steps], why)


def _step(step: StepPreview) -> Markup:
    lines = "\n".join(step.commands)
    commands = tag("pre", tag("code", lines)) if lines else None
    downloads = ", ".join(step.downloads)
    body = (
        tag("p", step.title),
        commands,
        tag("pre", tag("code", _diff(step.diff)), class_="diff", tabindex="0")
        if step.diff
        else None,
        tag("p", f"downloads {downloads}", class_="note") if downloads else None,
    )
    return tag("article", body)


def _diff(diff: str) -> Markup:
    return joined(_lines(diff))


def _lines(diff: str) -> Iterator[str | Markup]:
    for line in diff.splitlines():
        kind = _DIFF.get(line[:1])
        yield tag("span", line, class_=kind) if kind else line
        yield "\n"


def _held(held: Sequence[Held]) -> Markup | None:
    if not held:
        return None
    items = [
        tag("li", tag("span", h.plan.safety, class_="label"), f" {', '.join(h.plan.codes)}: "
            f"{h.plan.title} ({h.reason})", class_=h.plan.safety)
        for h in held
    ]  # fmt: skip
    return joined(
        tag("p", "Not done by itself:", class_="note"), tag("ul", items, class_="consequences")
    )
