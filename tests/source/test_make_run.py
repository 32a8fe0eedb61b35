"""What Makefiles do: the oracle is make itself, which prints recipes without running them."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from gpufix.source.builds.make_run import MakeRun, run_make
from gpufix.source.builds.run import UNKNOWN_PART

PATH = {"PATH": os.environ["PATH"]}
MORE = {"common.mk": "ifeq ($(GPU),B200)\nF += -arch=sm_100a\nelse ifeq ($(GPU),H100)\nF += -arch=sm_90a\n"
        "else\n$(error which GPU)\nendif\nout: a.cu\n\tnvcc $(F) a.cu\n"}  # fmt: skip
RULE = "all: a.o\na.o: a.cu\n\tnvcc $(F) -c a.cu -o a.o\n"
CASES = {
    "a variable": f"F = -arch=$(A)\nA = sm_86\n{RULE}",
    "set at once": f"A := sm_80\nF := -arch=$(A)\nA := sm_90\n{RULE}",
    "a default": f"A ?= sm_75\nA ?= sm_80\nF = -arch=${{A}}\n{RULE}",
    "added to": f"F = -O3\nF += -arch=sm_80 # this one\nF += -lineinfo\n{RULE}",
    "added to what is set at once": f"A = 80\nF := -O3\nF += -arch=sm_$(A)\nA = 90\n{RULE}",
    "continued": f"F = -O3 \\\n   -gencode arch=compute_80,code=sm_80 \\\n   -lineinfo\n{RULE}",
    "a comment keeps the blanks before it": f"G = x # y\nifeq ($(G),x)\nF = -arch=sm_80\nelse\nF = -arch=sm_90\nendif\n{RULE}",
    "conditions": f"ifdef F\nF = -O1\nelse ifneq ($(A),)\nF = -O2\nelse\nF = -arch=sm_80\nendif\n{RULE}",
    "conditions in quotes": f"A = b\nifeq \"$(A)\" 'b'\nF = -arch=sm_80\nendif\n{RULE}",
    "one in the other": f"ifeq (1,2)\nifeq (1,1)\nF = -O1\nelse\nF = -O2\nendif\nelse\nF = -arch=sm_80\nendif\n{RULE}",
    "foreach": f"S = 80 86 90\nF := $(foreach s,$(S),-gencode arch=compute_$(s),code=sm_$(s))\n{RULE}",
    "patterns": f"S = 80 86\nF = $(S:%=-arch=sm_%) $(patsubst %,-D%,$(S)) $(addprefix -I,$(S)) $(subst 8,9,$(S))\n{RULE}",
    "choices": f"F = $(if $(X),-O1,-arch=sm_80) $(or $(X),-O2) $(filter-out -g,-g -O3) $(and a,-lineinfo)\n{RULE}",
    "words": f"S = c b a b\nF = -D$(firstword $(S)) -D$(lastword $(S)) -D$(word 2,$(S)) $(addprefix -I,$(sort $(S))) -DN=$(words $(S))\n{RULE}",
    "a function of its own": f"flag = -gencode arch=compute_$(1),code=sm_$(2)\nF = $(call flag,80,86)\n{RULE}",
    "defined": f"define F\n-arch=sm_80\nendef\n{RULE}",
    "a variable of a target": f"F = -O3\nother: F = -O1\na.o: F += -arch=sm_80\n{RULE}",
    "a pattern rule": "F = -arch=sm_80\nall: a.o\n%.o: %.cu\n\tnvcc $(F) -c a.cu -o a.o\n",
    "a recipe beside the rule": "F = -arch=sm_80\nall: ; nvcc $(F) a.cu\n",
    "where a variable was set": "A = 1\nifeq ($(origin A)$(origin B)$(origin PATH)$(origin CXX),"
    f"fileundefinedenvironmentdefault)\nF = -arch=sm_80\nelse\nF = -arch=sm_90\nendif\n{RULE}",
    "included": "GPU := H100\ninclude common.mk\n",
    "included, and it stops": "include common.mk\n",
    "a dollar": "all:\n\tX=80; nvcc -arch=sm_$$X a.cu\n",
    "what is not there may be included": f"-include none.mk\nF = -arch=sm_80\n{RULE}",
    "no goal of the first": "F = -arch=sm_80\n.PHONY: x\nfirst:\n\t@echo nvcc none\nx:\n\tnvcc $(F) a.cu\n",
}  # fmt: skip


class Files:
    """Files below a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def text(self, path: str) -> str | None:
        """One of them."""
        file = self.root / path
        return file.read_text() if file.is_file() else None


def _run(root: Path, text: str, **environment: str) -> MakeRun:
    for name, more in {**MORE, "Makefile": text}.items():
        (root / name).write_text(more)
    (root / "a.cu").touch()
    return run_make(Files(root), "Makefile", {**PATH, **environment})


def _plain(lines: list[str]) -> list[str]:
    return [" ".join(re.sub(r"^@", "", line).split()) for line in lines if "nvcc" in line]


@pytest.mark.needs("make")
@pytest.mark.parametrize("case", CASES)
def test_it_says_what_make_says(case: str, tmp_path: Path) -> None:
    run = _run(tmp_path, CASES[case])
    real = subprocess.run(
        ["make", "-n", "-B"], cwd=tmp_path, capture_output=True, text=True, env=PATH, check=False
    )
    assert bool(run.stopped) == (real.returncode != 0), real.stderr
    said = _plain([command.text for command in run.commands if not command.goal])
    assert said == _plain(real.stdout.splitlines())


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        (f"F = $(shell nvidia-smi --query)\n{RULE}", True),
        (f"F != ./gpus\n{RULE}", True),
        (f"ifeq ($(shell ./gpus),80)\nF = -arch=sm_80\nelse\nF = -arch=sm_90\nendif\n{RULE}", True),
        (f"F = -arch=sm_80 $(shell pkg-config --cflags x)\n{RULE}", False),
        (f"F = -arch=sm_80\nifeq ($(shell ./gpus),1)\nG = 1\nendif\n{RULE}", False),
    ],
)
def test_what_only_a_run_tells(text: str, unknown: bool, tmp_path: Path) -> None:
    (command,) = _run(tmp_path, text).commands
    assert (UNKNOWN_PART in command.text) == unknown


def test_variables_of_the_environment_count_where_the_file_sets_none(tmp_path: Path) -> None:
    text = f"A ?= sm_75\nB = sm_80\nF = -arch=$(A) -code=$(B) $(C)\n{RULE}"
    (command,) = _run(tmp_path, text, A="sm_120", B="sm_120", C="-O1").commands
    assert command.text == "nvcc -arch=sm_120 -code=sm_80 -O1 -c a.cu -o a.o"


@pytest.mark.parametrize(
    "text",
    ["A = $(A)\nall:\n\tnvcc $(A)\n", "A = $(B)$(B)\n" + "".join(f"{chr(66 + n)} = $({chr(67 + n)})$({chr(67 + n)})\n" for n in range(20)) + "all:\n\tnvcc $(A)\n",
     f"A := {'a ' * 30_000}\n" + "$(A): $(A)\n\tnvcc $(A)\n" * 5_000,
     "A = " + "$(" * 60_000 + "\n$(A): x\n",
     "".join(f"a%{n}: b%{n} c\n" for n in range(9_000)) + "".join(f"x{n}: y{n}\n" for n in range(9_000))],
    ids=["of itself", "doubled", "written often", "brackets", "rules"],
)  # fmt: skip
def test_hostile_variables_end(text: str, tmp_path: Path) -> None:
    assert not _run(tmp_path, text).whole
