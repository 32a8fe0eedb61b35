"""Point a requirement file to the wheels for the installed torch."""

from __future__ import annotations

from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.fixes.source.planned_edits import rewrite
from gpufix.knowledge import packages
from gpufix.knowledge.packages import TORCH_INDEX, index_url
from gpufix.model import Finding, Plan, Skip, Torch
from gpufix.model.source_payload import AbsentPin, WheelAddress
from gpufix.source.edits import Edit, Offsets, applied

NAME = "match-wheel-address"


@fix(NAME, "WHL505")
def match_wheel_address(finding: Finding, view: View) -> Plan | Skip | None:
    """torch's own index by its variant; another page only where it is known to exist."""
    found = finding.payload
    if isinstance(found, AbsentPin):
        reason = "which build is wanted in its place is for you to say"
        return Skip(fix=NAME, code="WHL505", subject=finding.subject, reason=reason)
    if not isinstance(found, WheelAddress) or view.facts.torch is None:
        return None
    path, url, lines = found.path, found.url, found.lines
    new = _address(url, view.facts.torch)
    if new is None:
        reason = f"no page like {url} is known for torch {view.facts.torch.version}"
        return Skip(fix=NAME, code="WHL505", subject=finding.subject, reason=reason)

    def change(text: str) -> str | None:
        offsets, edits = Offsets(text), []
        for line in lines:
            start = text.find(url, offsets.line_start(line))
            if start < 0:
                return None
            edits.append(Edit(start, start + len(url), new))
        return applied(text, edits)

    write = rewrite(view, path, change)
    if write is None:
        reason = f"{path} could not be changed"
        return Skip(fix=NAME, code="WHL505", subject=finding.subject, reason=reason)
    return Plan(
        fix=NAME,
        codes=["WHL505"],
        subjects=[finding.subject],
        title=f"point {path} to {new}",
        safety="unsafe",
        steps=[write],
    )


def _address(url: str, torch: Torch) -> str | None:
    """The same index or page for the installed build."""
    variant, release = torch.variant or "", torch.release or ""
    if url.startswith(TORCH_INDEX.partition("{")[0]) and url.rstrip("/").count("/") == 4:
        try:
            return index_url(variant)
        except ValueError:
            return None
    for name in packages.names():
        page = packages.find_links(name, release, variant)
        if page and url.startswith(page.partition("torch-")[0]):
            return page
    return None
