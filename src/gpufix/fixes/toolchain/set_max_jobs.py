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
    return Plan(
        fix="set-max-jobs",
        codes=["TCH208"],
        subjects=["MAX_JOBS"],
        title=f"set MAX_JOBS to {jobs}",
        safety="safe",
        steps=[SetVariables(variables={"MAX_JOBS": jobs})],
    )
