"""RUN801: back ends that variables, or defaults in their place, choose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import builders as b
import source_tree as t
from rows import ROOT, Fires, rows

from gpufix.checks.registry import WARNING, Fault
from gpufix.checks.runtime.run801_backend_variable import backend_variable
from gpufix.evidence.view import View
from gpufix.knowledge import families
from gpufix.model import Environment, Evidence, StartVariable
from gpufix.model.payload import EnvironmentVariable, Switched

DENSE, SPARSE, CONV = "ATTN_BACKEND", "SPARSE_ATTN_BACKEND", "SPARSE_BACKEND"
# One variable and what is known of it; two, of which the first counts; one that is taken as it is.
CHOICE = """\
import os
BACKEND = "flash_attn"
env = os.environ.get("ATTN_BACKEND")
if env is not None and env in ["xformers", "flash_attn", "sdpa"]:
    BACKEND = env
"""
TWO = CHOICE.replace(DENSE, SPARSE).replace(
    "if env is not",
    f"""\
if env is None:
    env = os.environ.get("{DENSE}")
if env is not""",
)
ANY = 'import os\nBACKEND = os.environ.get("MY_BACKEND", "xformers")\n'
HERE = b.binaries(b.library("torch/lib/libtorch_cuda.so", b.code("sm_89"), distribution="torch"))
TORCH, FLASH = b.torch(), b.dist("flash-attn")
SDPA = ["choose-backend safe"]
CHOSEN = {"variables": [], "accepts": [], "default": "flash_attn", "line": 1}
BY_NONE = {"files": {"a.py": {"choices": [CHOSEN]}}, "gaps": []}


def of(*dists: object, **env: str) -> View:
    """No project: variables and packages alone."""
    sections = {"project": None, "distributions": list(dists), "binaries": HERE}
    return b.view(b.healthy(**sections, environment=b.environment(**env)))


def reads(*texts: str, dists: Any = (), torch: Any = TORCH, **env: str) -> Callable[[Path], View]:
    """Programs that take their back ends so, where these variables are set."""
    files: dict[str, str | bytes] = {
        f"src/{n}.py": text for n, text in zip("abc", texts, strict=False)
    }
    sections = {"torch": torch, "distributions": list(dists), "binaries": HERE}
    return lambda root: t.look(t.write(root, files), env=env, **sections)


def named(variable: str, value: str, package: str) -> Fault:
    return Fault(
        WARNING,
        variable,
        f'{variable} is "{value}"; {package} is not installed.',
        payload=EnvironmentVariable(variable, value),
    )


def chosen(
    variable: str, value: str, how: str, package: str, line: int, default: str, name: str = "a"
) -> Fault:
    path = f"src/{name}.py"
    return Fault(
        WARNING,
        f"{path}: {variable}",
        f"{path} chooses {value} {how}; {package} is not installed.",
        evidence=(Evidence(text=f"{variable}, else {default}", path=f"{ROOT}/{path}", line=line),),
        payload=EnvironmentVariable(variable, value, path),
    )


def of_choice(how: str) -> Fault:
    return chosen(DENSE, "flash_attn", how, "flash-attn", 4, "flash_attn")


def switched(
    variable: str, value: str, wants: str, by: str | None = None, off: str | None = None
) -> Fault:
    row = next(r for r in families.switches() if r.variable == variable and wants in r.wants)
    return Fault(
        WARNING,
        variable,
        f'{variable} is "{value}"; {row.wants[0]} is not installed: {row.says}.',
        evidence=(*([f"set by {by}"] if by else []), f"source: {row.source}"),
        payload=Switched(variable, row.wants, by, off),
    )


def started(*dists: object, default: bool = True, **env: str) -> View:
    """sitecustomize switches TensorFlow's Keras."""
    at = StartVariable(value="1", place="/env/sitecustomize.py:2", default=default)
    variables = Environment(process=env, started={LEGACY: at})
    return b.view(b.facts(distributions=list(dists), environment=variables))


LEGACY = "TF_USE_LEGACY_KERAS"
TF = b.dist("tensorflow", "2.20.0")

SILENT = {
    "what a switch wants is here": of(TF, b.dist("tf-keras", "2.20.1"), **{LEGACY: "1"}),
    "a switch is off": of(TF, **{LEGACY: "0"}),
    "nobody asks for a switch": of(b.dist("tensorflow", "2.15.0"), **{LEGACY: "1"}),
    "the process says otherwise than the code at its start": started(TF, **{LEGACY: "0"}),
    "Keras's back end is here": of(b.dist("keras", "3.12.0"), b.dist("jax"), KERAS_BACKEND="jax"),
    "healthy": b.view(b.healthy()),
    "healthy AMD": b.view(b.healthy_amd()),
    "sdpa is torch's own": of(**{DENSE: "sdpa"}),
    "set to nothing": of(**{DENSE: ""}),
    "its package is here": of(FLASH, **{DENSE: "flash_attn"}),
    "one of its packages is here": of(b.dist("spconv-cu120"), **{CONV: "spconv"}),
    "an unknown value": of(**{DENSE: "magic"}),
    "programs compare it letter by letter": of(**{DENSE: "Flash_Attn"}),
    "another variable": of(MY_BACKEND="flash_attn"),
    "the default is here": reads(CHOICE, dists=[FLASH]),
    "the default is torch's own": reads(CHOICE.replace('= "flash_attn"', '= "sdpa"')),
    "one of the default's packages is here": reads(
        ANY.replace("xformers", "spconv"), dists=[b.dist("spconv-cu120")]
    ),
    "another back end is chosen": reads(CHOICE, **{DENSE: "sdpa"}),
    "the first variable chooses another": reads(TWO, **{SPARSE: "sdpa", DENSE: "magic"}),
    "the second variable chooses what is here": reads(TWO, dists=[FLASH], **{DENSE: "flash_attn"}),
    "the second variable chooses another": reads(TWO, **{DENSE: "sdpa"}),
    "no torch": reads(CHOICE, torch=None),
    "a choice by no variable, as a snapshot may hold it": lambda root: t.look(
        t.write(root, {"a.py": ""}), answers={f"project-python:{root}": BY_NONE}
    ),
}

FIRING = {
    "TensorFlow is switched to a Keras that is not here": Fires(
        of(TF, **{LEGACY: "True"}),
        switched(LEGACY, "True", "tf-keras"),
        ["unset-variable safe"],
    ),
    "by code at the start": Fires(
        started(TF),
        switched(LEGACY, "1", "tf-keras", "/env/sitecustomize.py:2", off="0"),
        ["unset-variable safe"],
    ),
    "by code that outranks the process": Fires(
        started(TF, default=False, **{LEGACY: "0"}),
        switched(LEGACY, "1", "tf-keras", "/env/sitecustomize.py:2"),
    ),
    "Keras is told to use JAX": Fires(
        of(b.dist("keras", "3.12.0"), KERAS_BACKEND="jax"),
        switched("KERAS_BACKEND", "jax", "jax"),
        ["unset-variable safe"],
    ),
    "JAX must take CUDA, among others": Fires(
        of(b.dist("jax", "0.7.2"), JAX_PLATFORMS="cuda,cpu"),
        switched("JAX_PLATFORMS", "cuda,cpu", "jax-cuda12-plugin"),
        ["unset-variable safe"],
    ),
    "downloads by a package that is not here": Fires(
        of(b.dist("huggingface-hub", "0.36.2"), HF_HUB_ENABLE_HF_TRANSFER="1"),
        switched("HF_HUB_ENABLE_HF_TRANSFER", "1", "hf-transfer"),
        ["unset-variable safe"],
    ),
    "not installed": Fires(of(**{DENSE: "flash_attn"}), named(DENSE, "flash_attn", "flash-attn")),
    "all three variables": Fires(
        of(**{CONV: "spconv", SPARSE: "xformers", DENSE: "flash_attn_3"}),
        [
            named(DENSE, "flash_attn_3", "flash-attn-3"),
            named(SPARSE, "xformers", "xformers"),
            named(CONV, "spconv", "spconv"),
        ],
        offers=SDPA,
    ),
    "a program knows another": Fires(
        reads(CHOICE, **{DENSE: "xformers"}),
        named(DENSE, "xformers", "xformers"),
        offers=SDPA,
    ),
    "the default": Fires(reads(CHOICE), of_choice(f"without {DENSE}"), offers=SDPA),
    "an unknown value is not taken": Fires(
        reads(CHOICE, **{DENSE: "magic"}),
        of_choice(f'with {DENSE}="magic" (it knows xformers, flash_attn, sdpa)'),
        offers=SDPA,
    ),
    "nor one that is missing and unknown to the program": Fires(
        reads(CHOICE, **{DENSE: "sageattn"}),
        [
            named(DENSE, "sageattn", "sageattention"),
            of_choice(f'with {DENSE}="sageattn" (it knows xformers, flash_attn, sdpa)'),
        ],
        offers=SDPA,
    ),
    "the first of two variables that are not set": Fires(
        reads(TWO),
        chosen(SPARSE, "flash_attn", f"without {SPARSE}", "flash-attn", 6, "flash_attn"),
        offers=SDPA,
    ),
    "the second of two variables": Fires(
        reads(TWO, **{DENSE: "xformers"}), named(DENSE, "xformers", "xformers"), offers=SDPA
    ),
    "two programs that read it alike": Fires(
        reads(CHOICE, CHOICE),
        replace(
            of_choice(f"without {DENSE}"),
            evidence=tuple(
                Evidence(text=f"{DENSE}, else flash_attn", path=f"{ROOT}/src/{n}.py", line=4)
                for n in "ab"
            ),
        ),
        offers=SDPA,
    ),
    "the second of three programs": Fires(
        reads(CHOICE, ANY, "", dists=[FLASH]),
        chosen("MY_BACKEND", "xformers", "without MY_BACKEND", "xformers", 2, "xformers", "b"),
    ),
    "the variable is at fault for one, the default for another": Fires(
        reads(CHOICE, ANY, **{DENSE: "flash_attn"}),
        [
            named(DENSE, "flash_attn", "flash-attn"),
            chosen("MY_BACKEND", "xformers", "without MY_BACKEND", "xformers", 2, "xformers", "b"),
        ],
        offers=SDPA,
    ),
    "a variable of the program's own": Fires(
        reads(ANY, MY_BACKEND="flash_attn"),
        chosen(
            "MY_BACKEND", "flash_attn", 'with MY_BACKEND="flash_attn"', "flash-attn", 2, "xformers"
        ),
    ),
}

test_silent, test_firing = rows(backend_variable, SILENT, FIRING)
