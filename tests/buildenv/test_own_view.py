"""A folder that is built is seen as the project that it is."""

from __future__ import annotations

import json
from pathlib import Path

import builders as b
import pytest
import source_tree as t

from gpufix.engine.builds.folder import inspect
from gpufix.engine.builds.order import Order
from gpufix.facts.python.environment import overlay_path
from gpufix.model import Facts

# A setting of the project's own, whose spelling no default shows.
KNOB = """\
archs = os.environ.get("MY_CUDA_ARCHS")
flags = []
if archs:
    for a in archs.split(","):
        flags.append(f"-gencode=arch=compute_{a},code=sm_{a}")
else:
    flags.append("-gencode=arch=compute_75,code=sm_75")
"""


def environment(
    folder: Path, state: Path, *named: str, **sections: object
) -> dict[str, str | None]:
    facts: Facts = b.healthy(**sections)
    order = Order(b.view(facts, *named), state, state, base={"XDG_STATE_HOME": str(state)})
    return order.environment(inspect(folder, facts)).settings()


def written(state: Path, project: Path, **variables: str | None) -> None:
    path = overlay_path(b.python().prefix, project, {"XDG_STATE_HOME": str(state)})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"variables": variables}))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {"setup.py": t.setup("*flags", KNOB), "ext.cu": "__global__ void k() {}\n"}
    return t.write(tmp_path / "project/submodules/ext", files)


def test_a_plain_folder_needs_no_setting(tmp_path: Path) -> None:
    plain = t.write(tmp_path / "plain", {"setup.py": t.setup(), "ext.cu": ""})
    assert "MY_CUDA_ARCHS" not in environment(plain, tmp_path, "sm_120")


def test_its_own_setting_is_read_from_its_sources(folder: Path, tmp_path: Path) -> None:
    found = environment(folder, tmp_path, "sm_120", "sm_90")
    assert (found["MY_CUDA_ARCHS"], found["TORCH_CUDA_ARCH_LIST"]) == ("90,120", "9.0;12.0+PTX")


def test_what_only_an_edit_would_mend_sets_nothing(tmp_path: Path) -> None:
    fixed = {"setup.py": t.setup('"-gencode=arch=compute_75,code=sm_75"'), "ext.cu": ""}
    found = environment(t.write(tmp_path / "fixed", fixed), tmp_path, "sm_120")
    assert found["TORCH_CUDA_ARCH_LIST"] == "12.0+PTX"


def test_environment_files_above_it_count(folder: Path, tmp_path: Path) -> None:
    project = folder.parent.parent
    written(tmp_path, project, CUDA_HOME="/usr/local/cuda-12.9", CPATH="/opt/a")
    written(tmp_path, folder, CPATH="/opt/b")
    kits = [b.toolkit("12.8"), b.toolkit("12.9", selected=False)]
    assert environment(folder, tmp_path, "sm_120", toolkits=kits)["CUDA_HOME"].endswith("12.9")
    other = t.write(tmp_path / "other", {"setup.py": t.setup(), "ext.cu": ""})
    assert environment(other, tmp_path, "sm_120", toolkits=kits)["CUDA_HOME"].endswith("12.8")


def test_a_configuration_that_cannot_be_used_is_no_obstacle(folder: Path, tmp_path: Path) -> None:
    (folder / "pyproject.toml").write_text("[tool]\ngpufix = 3\n")
    assert environment(folder, tmp_path, "sm_120")["TORCH_CUDA_ARCH_LIST"] == "12.0+PTX"
