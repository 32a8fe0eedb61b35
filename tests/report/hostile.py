"""Reports made of text that tries to act on what displays it."""

from __future__ import annotations

from hypothesis import strategies as st

import gpufix
from gpufix.model import (
    Diagnosis,
    Evidence,
    Finding,
    Gap,
    PatientSummary,
    PlanSummary,
    Severity,
    Summary,
    Target,
)

EVIL = "\x1b[31mred\x1b[0m [bold]markup[/bold] \u202egnp.exe \x07 a\r\n::error::injected %0A::b"

# Whole payloads, for what random characters do not find in a hundred tries.
PAYLOADS = (
    EVIL,
    "<script>alert(1)</script>",
    "</pre></details><img src=x onerror=alert(1)>",
    "]]></failure><failure>",
    '" onload="x',
    "[click](https://evil.example) ![i](https://evil.example/i.png)",
    "](file:///etc/passwd) {0} {{1}}",
    "@everyone #1 GH-1 owner/repo#2 https://evil.example www.evil.example <https://evil.example>",
    "```\n# title\n```sh\nrm -rf /\n```",
    "~~~ `a` ``b`` ```c```",
    "| a | b |\n| - | - |\n> quote\n- list\n1. one\n---\n***",
    "\ud800 \ufffe \x00",
    "-->\n<!-- --><b>",
    "&lt;b&gt; &#64;x &amp;",
    "$x$ $$y$$ ~~z~~ __b__ *i*",
    "---",
    "===",
    "- - -",
    "12. a\n13) b",
    "+ a",
    "    indented",
    "x" * 5000,
    "",
)
TEXTS = st.one_of(
    st.sampled_from(PAYLOADS),
    st.text(max_size=40),
    st.lists(st.sampled_from(PAYLOADS[:-2]), min_size=2, max_size=3).map("".join),
)


def diagnosis(text: str, project: str | None = None, command: str | None = None) -> Diagnosis:
    """Every string that can come from elsewhere is `text`, but for those given."""
    finding = Finding(
        code="WHL503",
        name="files-missing",
        severity=Severity.error,
        subject=text,
        message=text,
        evidence=[Evidence(text=text), Evidence(text=text, path=text, line=3)],
        consequences=[
            Finding(code="A", name="b", severity=Severity.advice, subject=text, message=text)
        ],
        fixes=[
            PlanSummary(title=text, safety="safe", command=text if command is None else command)
        ],
    )
    return Diagnosis(
        gpufix_version=gpufix.__version__,
        patient=PatientSummary(
            prefix=text, torch=text, python=text, executable=text, project=project or text
        ),
        targets=[Target(vendor="nvidia", arch="sm_120", name=text, source=text)],
        findings=[finding],
        gaps=[Gap(section="s", subject=text, reason=text)],
        summary=Summary(verdict="faults", error=1),
        judged=("WHL503", "WHL504"),
    )
