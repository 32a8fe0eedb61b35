"""A back end is set only where it is shown to run: torch's own first, else a package that fits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import builders as b
import pytest
import source_tree as t

from gpufix.checks.runtime.run801_backend_variable import backend_variable
from gpufix.checks.runtime.run802_missing_system_header import missing_system_header
from gpufix.evidence.view import View
from gpufix.fixes.runtime.choose_backend import choose_backend
from gpufix.fixes.source.switch_rasteriser import switch_rasteriser
from gpufix.model import CodePart, Gap, Library, Plan, Problem, Record, SetVariables, Skip

BLACKWELL, HOPPER, ADA, AMPERE, TURING = "sm_120", "sm_90", "sm_89", "sm_80", "sm_75"
PINS = ["torch==2.7.0"]
TORCH = b.dist("torch", "2.7.0+cu128")


def source(accepts: tuple[str, ...], *variables: str, default: str = "flash_attn") -> str:
    """A module that takes a back end from the first variable that is set."""
    names = variables or ("ATTN_BACKEND",)
    lines = [f'BACKEND = "{default}"', f'env = os.environ.get("{names[0]}")']
    lines += [f'if env is None:\n    env = os.environ.get("{name}")' for name in names[1:]]
    lines += [f"if env is not None and env in {list(accepts)}:", "    BACKEND = env"]
    return "\n".join(["import os", *lines, ""])


def library(name: str, *archs: str, ptx: tuple[str, ...] = (), **more: Any) -> Library:
    """A library of xformers' whose containers hold all of this code."""
    code = [*b.code(*archs), *b.code(*ptx, kind="ptx", ptx_version="8.5")]
    path = f"xformers/{name}.so"
    return b.library(path, code, **{"distribution": "xformers", "links_torch": True, **more})


# As the wheels hold it: operators for all, and FlashAttention 3, which Hopper's compiler made.
OPERATORS = library("_C", "sm_70", "sm_75", "sm_80", "sm_90a", ptx=("sm_80",))
FLASH_3 = library("_C_flashattention3", "sm_90a")
BOTH_ARCHS = library("flash_attn_3/_C", "sm_80", "sm_90a", ptx=("sm_80",))
FIT = library("_C", "sm_80", "sm_90", "sm_120")
ACCEPTS_ALL = source(("xformers", "flash_attn", "sdpa", "naive"))
PACKAGES = source(("xformers", "flash_attn"))
NAIVE = source(("naive", "xformers", "flash_attn"))
SPARSE = source(("xformers", "flash_attn"), "SPARSE_ATTN_BACKEND", "ATTN_BACKEND")


def look(
    root: Path,
    files: dict[str, str],
    target: str,
    *libraries: Library,
    version: str = "0.0.30",
    requires: list[str] | None = None,
    **sections: Any,
) -> View:
    """A project on torch 2.7.0 with an xformers of these libraries; without any: none."""
    xformers = b.dist("xformers", version, requires=PINS if requires is None else requires)
    dists = [TORCH, *([xformers] if libraries else [])]
    given = {"torch": b.torch("2.7.0+cu128"), "distributions": dists, **sections}
    given.setdefault("binaries", b.binaries(*libraries))
    return t.look(t.write(root, dict(files)), *([target] if target else []), **given)


def chosen(view: View) -> dict[str, str | None]:
    """What the plans for the findings set together."""
    plans = [choose_backend(finding, view) for finding in t.found(backend_variable, view)]
    steps = [step for plan in plans if isinstance(plan, Plan) for step in plan.steps]
    assert all(plan.safety == "safe" for plan in plans if isinstance(plan, Plan))
    return {n: v for s in steps if isinstance(s, SetVariables) for n, v in s.variables.items()}


def reasons(view: View) -> str:
    plans = [choose_backend(finding, view) for finding in t.found(backend_variable, view)]
    return "\n".join(plan.reason for plan in plans if isinstance(plan, Skip))


HEALTHY: dict[str, tuple[str, str, tuple[Library, ...], str]] = {
    "torch's own first": (ACCEPTS_ALL, BLACKWELL, (FIT,), "sdpa"),
    "and where no package is": (ACCEPTS_ALL, BLACKWELL, (), "sdpa"),
    "a package that fits": (PACKAGES, BLACKWELL, (FIT,), "xformers"),
    "code by JIT": (PACKAGES, BLACKWELL, (OPERATORS,), "xformers"),
    "native, and another library for newer GPUs only": (
        PACKAGES,
        ADA,
        (OPERATORS, FLASH_3),
        "xformers",
    ),
    "the newer GPU itself": (PACKAGES, HOPPER, (OPERATORS, FLASH_3), "xformers"),
    "an old GPU": (PACKAGES, TURING, (OPERATORS, FLASH_3), "xformers"),
    "a package before what takes the whole matrix": (NAIVE, BLACKWELL, (FIT,), "xformers"),
    "which comes before nothing": (NAIVE, BLACKWELL, (OPERATORS, FLASH_3), "naive"),
    "a driver's library, which a GPU's machine has": (
        PACKAGES,
        ADA,
        (
            replace(
                FIT, problems=[Problem(kind="missing-library", name="libcuda.so.1", driver=True)]
            ),
        ),
        "xformers",
    ),
}


def test_what_its_dispatcher_leaves_out_does_not_count(tmp_path: Path) -> None:
    given = {"version": "0.0.34", "requires": ["torch>=2.7"]}
    view = look(tmp_path, {"a.py": PACKAGES}, BLACKWELL, OPERATORS, BOTH_ARCHS, **given)
    assert chosen(view) == {"ATTN_BACKEND": "xformers"}, reasons(view)


@pytest.mark.parametrize("case", HEALTHY)
def test_what_runs_is_set(tmp_path: Path, case: str) -> None:
    text, target, libraries, value = HEALTHY[case]
    view = look(tmp_path, {"a.py": text}, target, *libraries)
    assert chosen(view) == {"ATTN_BACKEND": value}, reasons(view)
    after = look(tmp_path, {"a.py": text}, target, *libraries, env={"ATTN_BACKEND": value})
    assert t.found(backend_variable, after) == []


PARTS = replace(
    OPERATORS, code=b.code("sm_80", "sm_120"), parts=[CodePart(code=[0, 1]), CodePart(code=[0])]
)
BROKEN = replace(FIT, problems=[Problem(kind="missing-library", name="libx.so.1")])
UNREAD = Gap(section="binaries", subject=f"{b.SITE}/xformers/_C.so", reason="is truncated")
CRASHED = Gap(section="binaries", subject="binaries", reason="the collector crashed")
GONE = b.dist("xformers", "0.0.30", record=Record(missing=["xformers/ops.py"], missing_count=1))

# sections of the view, the libraries of xformers, and what the reason says
UNFIT: dict[str, tuple[str, tuple[Library, ...], dict[str, Any], str]] = {
    "older code only": (
        BLACKWELL,
        (library("_C", "sm_80", "sm_90"),),
        {},
        "holds machine code for sm_80, sm_90; none of it runs on sm_120",
    ),
    "one library of two, which is launched all the same": (
        BLACKWELL,
        (OPERATORS, library("_other", "sm_90a")),
        {},
        "_other.so holds machine code for sm_90a",
    ),
    "one that its dispatcher takes": (
        BLACKWELL,
        (OPERATORS, FLASH_3),
        {},
        "takes xformers/_C_flashattention3.so on sm_120",
    ),
    "PTX of kernels that fail there": (
        BLACKWELL,
        (OPERATORS, BOTH_ARCHS),
        {"version": "0.0.32.post2"},
        "its kernels are for compute capability 9.0 and older",
    ),
    "one container of two": (BLACKWELL, (PARTS,), {}, "holds machine code for sm_80"),
    "newer code only": (AMPERE, (FLASH_3,), {}, "holds no code that runs on sm_80"),
    "a library that does not load": (
        BLACKWELL,
        (BROKEN,),
        {},
        "cannot load _C.so: missing library libx.so.1",
    ),
    "another torch required": (
        BLACKWELL,
        (FIT,),
        {"requires": ["torch==2.6.0"]},
        "requires torch==2.6.0",
    ),
    "another torch named": (
        BLACKWELL,
        (FIT,),
        {"version": "0.0.30+pt26cu124", "requires": []},
        "names torch 2.6",
    ),
    "a requirement absent": (
        BLACKWELL,
        (FIT,),
        {"requires": [*PINS, "einops"]},
        "requires einops; not installed",
    ),
    "files gone": (BLACKWELL, (FIT,), {"distributions": [TORCH, GONE]}, "xformers/ops.py"),
    "for another Python": (
        BLACKWELL,
        (replace(FIT, python_tag="cp310"),),
        {},
        "no compiled library",
    ),
    "no library was read": (BLACKWELL, (FIT,), {"binaries": b.binaries()}, "no compiled library"),
    "its library was not read whole": (BLACKWELL, (FIT,), {"gaps": [UNREAD]}, "is truncated"),
    "none was looked at": (BLACKWELL, (FIT,), {"gaps": [CRASHED]}, "the collector crashed"),
    "no GPU is known": ("", (FIT,), {"gpus": []}, "no GPU is known"),
    "torch lacks the target": (
        BLACKWELL,
        (FIT,),
        {"torch": b.torch("2.7.0+cu126")},
        "none runs on sm_120",
    ),
}


@pytest.mark.parametrize("case", UNFIT)
def test_what_is_not_shown_to_run_is_not_set(tmp_path: Path, case: str) -> None:
    target, libraries, sections, reason = UNFIT[case]
    view = look(tmp_path, {"a.py": PACKAGES}, target, *libraries, **sections)
    assert chosen(view) == {}
    assert reason in reasons(view)
    assert "flash-attn is not installed" in reasons(view)


def test_one_built_before_a_change_of_torchs_layout(tmp_path: Path) -> None:
    """Its symbols resolve, and the first operator that it registers ends the process (ABI305)."""
    view = look(
        tmp_path,
        {"a.py": PACKAGES},
        BLACKWELL,
        FIT,
        requires=[],
        torch=b.torch("2.9.0+cu128"),
        distributions=[b.dist("torch", "2.9.0+cu128"), b.dist("xformers", "0.0.30")],
        answers={
            f"torch-symbols:{FIT.path}": ["_ZN5torch11CppFunctionD1Ev"],
            f"c10-destructors:{FIT.path}": ["_ZN3c1014FunctionSchemaD1Ev"],
        },
    )
    assert chosen(view) == {}
    assert "built for torch 2.8 or older" in reasons(view)


@pytest.mark.parametrize(
    ("torch", "reason"),
    [
        (b.torch("2.7.0+cu126"), "none runs on sm_120"),
        (b.torch("2.7.0+cpu", cuda=None), "has no code for sm_120"),
        (b.torch("2.7.0+cu128", state="broken"), "torch is not whole"),
        (b.torch("2.7.0a0+git", build="source", variant=None, cuda="12.8"), "is not known"),
        (b.torch("1.13.1+cu117"), "came with torch 2.0"),
    ],
)
def test_torchs_own_must_run_as_well(tmp_path: Path, torch: Any, reason: str) -> None:
    view = look(tmp_path, {"a.py": ACCEPTS_ALL}, BLACKWELL, torch=torch)
    assert chosen(view) == {}
    assert reason in reasons(view)


def test_each_part_of_a_program_gets_what_it_accepts(tmp_path: Path) -> None:
    files = {"dense.py": ACCEPTS_ALL, "sparse.py": SPARSE}
    unfit = look(tmp_path, files, BLACKWELL, OPERATORS, FLASH_3)
    assert chosen(unfit) == {"ATTN_BACKEND": "sdpa"}
    assert "takes xformers/_C_flashattention3.so on sm_120" in reasons(unfit)  # of the sparse part
    fit = look(tmp_path, files, BLACKWELL, FIT)
    assert chosen(fit) == {"ATTN_BACKEND": "sdpa", "SPARSE_ATTN_BACKEND": "xformers"}


@pytest.mark.parametrize(
    ("env", "libraries", "value"),
    [
        ({"ATTN_BACKEND": "flash_attn"}, (FIT,), "xformers"),  # the one that both parts know
        ({"ATTN_BACKEND": "flash_attn"}, (), None),
        ({"ATTN_BACKEND": "flash_attn", "SPARSE_ATTN_BACKEND": "sdpa"}, (), "sdpa"),
    ],
)
@pytest.mark.parametrize("known", [True, False])
def test_a_variable_is_set_to_what_all_who_read_it_accept(
    tmp_path: Path,
    env: dict[str, str],
    libraries: tuple[Library, ...],
    value: str | None,
    known: bool,
) -> None:
    """In the project; where it does not read the variable, in the programs that are known to."""
    files = {"dense.py": ACCEPTS_ALL, "sparse.py": SPARSE} if known else {"a.py": ""}
    view = look(tmp_path, files, BLACKWELL, *libraries, env=env)
    assert chosen(view).get("ATTN_BACKEND") == value, reasons(view)
    assert value or "is not known to accept sdpa" in reasons(view)


def test_nobody_else_is_moved_to_what_does_not_run(tmp_path: Path) -> None:
    """Another file takes the value of the same variable without looking at it."""
    other = 'import os\nB = os.environ.get("ATTN_BACKEND", "native")\n'
    view = look(tmp_path, {"a.py": ACCEPTS_ALL, "b.py": other}, BLACKWELL)
    assert chosen(view) == {}
    assert "would move b.py to sdpa" in reasons(view)


def test_what_a_program_accepts_is_not_guessed(tmp_path: Path) -> None:
    text = 'import os\nB = os.environ.get("ATTN_BACKEND", "flash_attn")\n'
    view = look(tmp_path, {"a.py": text}, BLACKWELL, FIT)
    assert chosen(view) == {}
    assert "not seen in the source" in reasons(view)


@pytest.mark.parametrize(("archs", "switched"), [(("sm_120",), True), (("sm_80",), False)])
def test_a_rasteriser_without_code_for_the_target_is_no_way_out(
    tmp_path: Path, archs: tuple[str, ...], switched: bool
) -> None:
    text = "import nvdiffrast.torch as dr\nctx = dr.RasterizeGLContext()\n"
    built = b.library("_nvdiffrast_c.so", b.code(*archs), distribution="nvdiffrast")
    root = t.write(tmp_path, {"r.py": text})
    dists = [b.dist("nvdiffrast", "0.3.3")]
    without = {"system-header:EGL/egl.h": False}
    view = t.look(root, BLACKWELL, distributions=dists, binaries=b.binaries(built), answers=without)
    (finding,) = t.found(missing_system_header, view)
    assert isinstance(switch_rasteriser(finding, view), Plan if switched else Skip)
