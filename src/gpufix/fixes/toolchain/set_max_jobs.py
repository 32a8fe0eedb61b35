"""Start no more compilers than fit into memory."""

from __future__ import annotations

from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.model import Finding, Plan, SetVariables
from gpufix.model.payload import JobLimit


@fix("set-max-jobs", "TCH208")
def set_max_jobs(finding: Finding, view: View) -> Plan:
    """MAX_JOBS, which cpp_extension hands to ninja."""
    jobs = str(finding.payload_as(JobLimit).jobs)
    return finding.plan(
        "set-max-jobs",
        "safe",
        f"set MAX_JOBS to {jobs}",
        SetVariables(variables={"MAX_JOBS": jobs}),
        subjects=["MAX_JOBS"],
    )
