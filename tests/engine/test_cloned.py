"""Extensions that the project's scripts clone: with --build, pip builds them where torch is."""

from __future__ import annotations

from pathlib import Path

import builders as b
import pytest
import source_tree as t

from gpufix.engine.builds.unbuilt import build_plans
from gpufix.evidence.requirements import objections
from gpufix.model import Install, Plan

SCRIPT = """\
#!/bin/bash
RASTER=false
while [ $# -gt 0 ]; do
    case "$1" in
        --nvdiffrast) RASTER=true ;;
    esac
    shift
done
if [ "$RASTER" = true ] ; then
    git clone https://github.com/NVlabs/nvdiffrast.git /tmp/x/nvdiffrast
    pip install /tmp/x/nvdiffrast --no-build-isolation
fi
"""
DEEP = """\
git clone https://github.com/autonomousvision/mip-splatting.git /tmp/x/mip
pip install /tmp/x/mip/submodules/diff-gaussian-rasterization/
"""


def plans(tmp_path: Path, script: str, **sections: object) -> list[Plan]:
    root = t.write(tmp_path, {"setup.sh": script})
    return build_plans(t.look(root, "sm_120", **sections))[0]


@pytest.mark.parametrize(
    ("script", "title", "requirement"),
    [
        (
            SCRIPT,
            "build nvdiffrast, which setup.sh, run with --nvdiffrast, clones",
            "nvdiffrast @ git+https://github.com/NVlabs/nvdiffrast",
        ),
        (
            DEEP,
            "build diff-gaussian-rasterization, which setup.sh clones",
            "diff-gaussian-rasterization @ git+https://github.com/autonomousvision/mip-splatting"
            "#subdirectory=submodules/diff-gaussian-rasterization",
        ),
    ],
)
def test_each_is_built_where_torch_is(
    script: str, title: str, requirement: str, tmp_path: Path
) -> None:
    (plan,) = plans(tmp_path, script)
    (step,) = plan.steps
    assert isinstance(step, Install)
    assert (plan.title, step.install, step.dependencies) == (title, [requirement], False)
    assert step.environment["PIP_NO_BUILD_ISOLATION"] == "0"
    assert step.environment["TORCH_CUDA_ARCH_LIST"].startswith("12.0")
    assert list(objections(step, b.healthy())) == []


def test_none_that_is_installed_or_cannot_be_built(tmp_path: Path) -> None:
    assert plans(tmp_path, SCRIPT, distributions=[b.dist("nvdiffrast", "0.4.0")]) == []
    assert plans(tmp_path, SCRIPT, torch=b.torch("2.9.0+cpu")) == []
    assert plans(tmp_path, SCRIPT, toolkits=[]) == []
    unknown = SCRIPT.replace("NVlabs/nvdiffrast", "somebody/else")
    assert plans(tmp_path, unknown) == []
