"""Let the compiler search a folder of the project's headers, wherever it runs."""

from __future__ import annotations

from gpufix.evidence.source_view import absolute
from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.model import Finding, Plan, SetVariables
from gpufix.model.source_payload import RelativeInclude


@fix("search-own-headers", "SRC615")
def search_own_headers(finding: Finding, view: View) -> Plan:
    """CPATH is searched after every -I, by g++ and nvcc."""
    lost = finding.payload_as(RelativeInclude)
    folder = absolute(view, lost.folder)
    value = ":".join([folder, *filter(None, [view.env("CPATH")])])
    return finding.plan(
        "search-own-headers",
        "safe",
        f"add {lost.folder} to CPATH",
        SetVariables(variables={"CPATH": value}),
        notes=[f"os.path.abspath() around the folder in {lost.path} does it for everyone"],
    )
