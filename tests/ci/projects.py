"""Two projects to gate: one whose environment is broken, and its healthy twin."""

from __future__ import annotations

import subprocess
from pathlib import Path

import needs

ROOT = Path(__file__).parent.parent.parent
# bottleneck 1.3.7 asks for any numpy, and is built for NumPy 1: pip installs it without a word.
REQUIREMENTS = {
    "broken": "bottleneck==1.3.7\nnumpy==2.2.6\n",
    "healthy": "bottleneck==1.4.2\nnumpy==2.2.6\n",
}


def project(folder: Path, state: str) -> Path:
    """A repository whose environment is broken or healthy; the broken one lacks a submodule, too."""
    needs.require("wheels built for NumPy 1")
    folder.mkdir()
    (folder / "requirements.txt").write_text(REQUIREMENTS[state])
    (folder / "pyproject.toml").write_text("[project]\nname = 'app'\nversion = '1'\n")
    if state == "broken":
        needs.require("git")
        (folder / ".gitmodules").write_text(
            '[submodule "glm"]\n\tpath = third_party/glm\n\turl = https://example.org/glm.git\n'
        )
        (folder / "third_party" / "glm").mkdir(parents=True)
        (folder / "setup.py").write_text(
            "from setuptools import Extension, setup\n"
            "glm = Extension('glm', ['glm.cpp'], include_dirs=['third_party/glm'])\n"
            "setup(name='app', ext_modules=[glm])\n"
        )
        link = f"160000,{'1' * 40},third_party/glm"  # as a clone without its submodules has it
        for command in (["init", "-q"], ["update-index", "--add", "--cacheinfo", link]):
            subprocess.run(["git", "-C", str(folder), *command], check=True)
    return folder
