"""Give each translation unit torch's C++ ABI where the build file's own flag cannot be changed."""

from __future__ import annotations

from gpufix.evidence import cxx
from gpufix.evidence.cxx import units as units_of
from gpufix.evidence.source_view import absolute
from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.fixes.source.follow_torch_abi import follow_torch_abi
from gpufix.fixes.source.planned_edits import rewrite, source
from gpufix.model import Finding, Plan, Skip, WriteFile
from gpufix.model.source_payload import FixedAbi
from gpufix.source import edits
from gpufix.source.cxx import cxx_edits
from gpufix.source.cxx.code import CxxCode
from gpufix.source.cxx.cxx_edits import apply

_NAME = "inject-abi-header"


@fix(_NAME, "SRC602")
def inject_abi_header(finding: Finding, view: View) -> Plan | Skip | None:
    """force_abi.h first in each source, and CMake passes torch's value on to it."""
    flag = finding.payload_as(FixedAbi)
    if flag.file != "cmake" or isinstance(follow_torch_abi(finding, view), Plan):
        return None
    path = flag.path
    units = units_of(view, path)
    if not units or not all(map(cxx_edits.takes_header, units)):
        return finding.skip(_NAME, "its sources are not known, or nvcc compiles some of them")
    passed = rewrite(view, path, edits.pass_torch_abi)
    if passed is None:
        return finding.skip(_NAME, f"{path} has no command to put it behind")
    steps: list[WriteFile] = [passed]
    for folder in sorted({unit.rpartition("/")[0] for unit in units}):
        header = f"{folder}/{cxx_edits.HEADER}" if folder else cxx_edits.HEADER
        if header not in cxx.source_kinds(view):
            steps.append(WriteFile(path=absolute(view, header), content=cxx_edits.HEADER_TEXT))
    for unit in units:
        found = source(view, unit)
        if found is None:
            return finding.skip(_NAME, f"{unit} cannot be read")
        text = apply(found.text, cxx_edits.inject(CxxCode(found.text)))
        if text != found.text:
            steps.append(found.step(text))
    return finding.plan(
        _NAME,
        "safe",
        f"let the sources built by {path} take the C++ ABI of the installed torch",
        *steps,
        notes=["what was built before must be built again"],
    )
