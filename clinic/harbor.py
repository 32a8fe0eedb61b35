"""The cases as tasks of Harbor, so that agents can be measured by them.

Format: https://www.harborframework.com/docs/tasks. The image is built in two stages: the first makes
the patient with the clinic, the second holds the patient alone, so that no answer is in reach. The
agent writes what it found to answer.json, and repairs the environment where the case has a check.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from clinic.case import HERE, Case, Kind, taxonomy

AT = "/patient"
DEBIAN = {"g++": "g++", "gcc": "gcc", "cmake": "cmake", "git": "git", "make": "make"}
DEBIAN |= {"readelf": "binutils", "patchelf": "patchelf", "clang++-19": "clang-19"}
DEBIAN |= {"/usr/bin/python3.11": "python3", "dpkg": "dpkg"}
PLAIN = "debian:bookworm-slim"
CUDA = "nvidia/cuda:13.0.1-devel-ubuntu22.04"
PYTHON = "/opt/python"  # of both stages: a venv points at it
CLINIC = "3.11"  # the Python that runs the clinic and the verifier
IGNORED = shutil.ignore_patterns("results", "__pycache__", "cases")


def export(case: Case, folder: Path) -> Path:
    """Write a task of this case below the folder."""
    place = folder / case.id
    if place.exists():
        raise FileExistsError(f"{place} is there already")
    context = place / "environment"
    shutil.copytree(HERE, context / "clinic", ignore=IGNORED)
    shutil.copytree(case.folder, context / "clinic" / "cases" / case.id)
    files = {
        "task.toml": _settings(case),
        "instruction.md": _instruction(case),
        "environment/Dockerfile": _image(case),
        "tests/test.sh": TEST,
        "tests/verify.py": (HERE / "harbor_verify.py").read_text("utf-8"),
        "tests/case.json": case.model_dump_json(indent=1),
    }
    for name, text in files.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (place / "tests" / "test.sh").chmod(0o755)
    return place


TEST = f"""#!/bin/sh
# The verifier needs nothing but Python, and not the patient's.
{PYTHON}/bin/python3 /tests/verify.py /tests/case.json {AT} /logs/verifier/reward.json
"""


def _settings(case: Case) -> str:
    keywords = json.dumps([case.kind.value, case.family, *case.tags])
    return f"""schema_version = "1.1"

[task]
name = "gpu-clinic/{case.id}"
description = "What is wrong with this GPU environment, if anything"
keywords = {keywords}

[metadata]
category = "{case.kind.value}"
source = {json.dumps(case.source or case.mechanism)}
license = "{case.license}"

[agent]
timeout_sec = 900.0

[verifier]
timeout_sec = 900.0

[environment]
build_timeout_sec = 1800.0
cpus = 2
memory_mb = 8192
storage_mb = 20480
workdir = "{AT}"
"""


def _instruction(case: Case) -> str:
    known = taxonomy()
    causes = known.environment if case.kind is Kind.environment else known.tree
    what = f"The Python environment `{AT}/{case.recipe.folder}`"
    if case.recipe.project:
        what += f", with the project `{AT}/project`,"
    gpus = f" for the GPU {', '.join(case.gpu)}" if case.gpu else ""
    lines = [f"- `{name}`: {meaning}" for name, meaning in causes.items()]
    if case.kind is Kind.tree:
        question = f"{what} is about to be built{gpus}. Will the build do what it should?"
        more = (
            "\nIf not, change it so that it will. Change nothing else, and nothing when it will.\n"
        )
    else:
        question = f"{what} is to be used{gpus}. Is it in order?"
        more = (
            "\nIf something is wrong, repair it. Change nothing else, and nothing when it is in "
            "order.\n"
        )
    variables = "\n".join(f"- `{k}={v}`" for k, v in case.recipe.environment.items())
    return f"""{question} This machine has no GPU and no driver; that is not the fault.
{more}
Write `{AT}/answer.json`: an object with `healthy` (true or false) and, when something is wrong,
`cause` (a name of the list), `subject` (the library, distribution, symbol or variable it is about)
and `files` (a list; for a project, the files where it lies).

Causes:
{chr(10).join(lines)}
""" + (f"\nIt is used with these variables:\n{variables}\n" if variables else "")


def _image(case: Case) -> str:
    cuda = bool({"nvcc", "cuobjdump"} & set(case.recipe.needs))
    packages = {DEBIAN[n] for n in case.recipe.needs if n in DEBIAN}
    packages |= {"ca-certificates", "curl"} | ({"g++"} if cuda else set())
    base = CUDA if cuda else PLAIN
    pythons = " ".join(dict.fromkeys((CLINIC, case.python)))
    install = f"RUN apt-get update && apt-get install -y {' '.join(sorted(packages))}"
    return f"""FROM {base} AS ready
{install}
COPY --from=ghcr.io/astral-sh/uv:0.13.9 /uv /usr/local/bin/uv
ENV UV_PYTHON_INSTALL_DIR=/opt/pythons UV_PYTHON_PREFERENCE=only-managed
RUN uv python install {pythons} && ln -s "$(dirname "$(dirname "$(uv python find {CLINIC})")")" {PYTHON}

FROM ready AS maker
RUN uv venv --seed --python {CLINIC} /opt/clinic && \\
    uv pip install --python /opt/clinic/bin/python typer rich pydantic tomli
WORKDIR /src
COPY clinic clinic
ENV CLINIC_CACHE=/tmp/clinic
RUN /opt/clinic/bin/python -m clinic make {case.id} --at {AT}

FROM ready
COPY --from=maker {AT} {AT}
WORKDIR {AT}
"""
