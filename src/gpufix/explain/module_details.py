"""A module that is not installed: how its package is called, and where it comes from."""

from __future__ import annotations

import re

from gpufix.explain import stated
from gpufix.explain.added_parts import newest
from gpufix.explain.explanation import Explanation, Told, context
from gpufix.explain.frames import frames_before
from gpufix.explain.imports import (
    asking_package,
    is_own_folder,
    lacking_name,
    own_folder,
    removed_python,
)
from gpufix.explain.log_scan import Hit
from gpufix.explain.releases_with import of_python, pip_name, replaced
from gpufix.knowledge import name_spans
from gpufix.knowledge.data_table import table

_NAME = re.compile(
    r"No module named ['\"`]?(?P<module>[A-Za-z_]\w*)"
    r"|not found in your environment: (?P<listed>[\w.-]{1,60}(?:, ?[\w.-]{1,60}){0,9})"
    r"|(?:requires|needs) (?:the )?['\"`]?(?P<library>\w[\w.-]{1,40})['\"`]? (?:library|package|module)? ?(?:but it was not found|to be installed)"
    r"|['\"`]?(?P<absent>[A-Za-z][\w.-]{1,40})['\"`]? (?:package |library )?(?:is|was) not (?:installed|found|available)(?! because)"
)
# A part of a package that is there: another release has it. "No module named 'flash_attn.flash_attention'".
_WHOLE = re.compile(r"No module named ['\"`](?P<name>\w+(?:\.\w+)+)['\"`]")
_PART = re.compile(r"No module named ['\"`](?P<package>\w+)\.\w")
_INSTALLED_WHOLE = frozenset(
    {"flash_attn", "mamba_ssm", "xformers", "timm", "torchaudio", "deepspeed", "bitsandbytes", "auto_gptq", "awq", "vllm",
     "sglang", "trl", "accelerate", "peft", "diffusers", "lightning", "mmcv", "mmengine", "mmdet", "onnx", "tensorrt_llm"}
)  # fmt: skip


# A node of ComfyUI is loaded by its folder's path or name, in which a hyphen may stand; no package is called so.
_OF_NODE = re.compile(
    r"No module named ['\"`](?P<whole>(?:[^'\"`\n]{0,200}custom_nodes[./\\]+(?P<node>[^.'\"`/\\\n]{1,80})|(?P<first>[\w.]{0,60}-[\w-]{1,60})(?=\.))"
    r"[^'\"`\n]{0,200})['\"`]"
)


def _node_part(whole: str, node: str) -> Told:
    part = f"custom_nodes/{node}"
    return Told(
        f"{node} is a part that was added to ComfyUI, and {whole} is a file of its own. Its folder lacks it, has another name, or is of another "
        "state than the file that asks.",
        f"Bring the part to its newest state, {newest(part)}, and start again. Where the newest lacks the file too, take an earlier release. "
        f"Or delete {part} and clone it again under its own name (a release from the registry may leave files out).",
    )


def not_installed(explanation: Explanation, hit: Hit) -> Explanation:
    """The command that brings the module, where its package is known."""
    if of := _OF_NODE.search(hit.shown):
        return _node_part(of["whole"], of["node"] or of["first"]).of(explanation)
    found = _NAME.search(hit.shown)
    if found is None:
        return explanation
    part = _PART.search(hit.shown)
    whole = _WHOLE.search(hit.shown)
    if part and whole and _asks_for_its_own(part["package"], whole["name"], hit):
        return explanation.but(
            role="cause",
            what=f"A file of {part['package']} asks for another one of {part['package']}, {whole['name']}, which is not there: its folder holds files "
            "of two releases, or was not unpacked whole.",
            do=f"Remove all of it and install it again: `pip uninstall -y {pip_name(part['package'])}`, delete what is left of the folder "
            f"{part['package']} in site-packages, `python -m pip install --no-cache-dir {pip_name(part['package'])}` (at the project's release). Files "
            "that a script copied over it, or a second package with the same folder, mix it again.",
        )
    if part and (part["package"] in _INSTALLED_WHOLE or name_spans.recorded(part["package"])):
        return removed_python(lacking_name(explanation, hit), hit)
    known = table("import_names")
    names = known["names"]
    if found["module"] in known["parts"]:
        return explanation.but(do=_part_of_python(found["module"], known["parts"]))
    if is_own_folder(found["module"]):
        return explanation.but(do=own_folder(found["module"]))
    if found["module"] and _in_a_build(hit) and name_spans.of_module(found["module"], "") is None:
        return explanation.but(do=_for_build(found["module"]))
    if found["module"]:
        if whole := _WHOLE.search(hit.shown):
            if gone := replaced(whole["name"], asking_package(hit, found["module"])):
                return gone.of(explanation)
            if other := next((names[one] for one in _wholes(whole["name"]) if one in names), None):
                return explanation.but(do=install([other], whole["name"]))
            built = names.get(found["module"], "").startswith(("git+", "--no-build"))
            if _BINARY.fullmatch(whole["name"]) and not built:
                return explanation.but(
                    what=_BROKEN.format(whole["name"]), do=_again(found["module"])
                )
            if found["module"] not in names:
                return explanation.but(do=_part_of(found["module"], whole["name"]))
        command = names.get(found["module"])
        if command is None:
            came = name_spans.of_module(found["module"], "")
            if came and came.package == name_spans.PYTHON:
                return of_python(came.span, found["module"], asking_package(hit, "")).of(
                    explanation
                )
            return explanation.but(do=_unlisted(found["module"], explanation.do, hit))
        return explanation.but(
            what=_brought(found["module"], command) or explanation.what,
            do=stated.for_pyg(install([command], found["module"]), hit),
        )
    asked = re.split(r", ?", (found["listed"] or found["library"] or found["absent"]).rstrip("."))
    commands = [names.get(one.replace("-", "_"), names.get(one.lower(), one)) for one in asked]
    return explanation.but(do=install(commands, asked[0].replace("-", "_")))


def _asks_for_its_own(package: str, name: str, hit: Hit) -> bool:
    """Whether an installed package's own file, and no compiled part of it, is what lacks."""
    shown = frames_before(hit)
    own = bool(shown) and shown[-1].package == package
    return own and not _BINARY.fullmatch(name) and not name.rpartition(".")[2].startswith("_")


# Where pip or uv builds in an environment of its own.
_ISOLATED = re.compile(
    r"pip-build-env|builds-v0|Getting requirements to build|get_requires_for_build|prepare_metadata_for_build"
)


def _in_a_build(hit: Hit) -> bool:
    """Whether a setup.py asks for the module, in such an environment."""
    before = context(hit, 3000, 0)
    return bool(
        _ISOLATED.search(before) and re.search(r"setup\.py|<string>|build_meta", before[-600:])
    )


def _for_build(module: str) -> str:
    pip = pip_name(module)
    return (
        f"It is built in an environment of its own, which has no {module}: `python -m pip install {pip} setuptools wheel`, then the same "
        "with --no-build-isolation (uv: `--no-build-isolation-package NAME`). Or a newer release of what is built, or one with a wheel for "
        "this Python."
    )


# How extensions that a project compiles are called: fused_act_ext, selective_scan_cuda_core, sort_vertices_kernel.
_COMPILED = re.compile(
    r"\w*(?:_ext|_cuda|_cuda_core|_cpp|_gpu|_kernels?|_rasteri[sz]er|_rasterization|_cext|_lib)"
)


# A compiled module of an installed package: pydantic_core._pydantic_core, rpds.rpds, numpy.core._multiarray_umath.
_BINARY = re.compile(r"(?P<package>\w+)(?:\.\w+){0,3}\.(?:(?P=package)|_(?!C\b)[a-z]\w+)")
_BROKEN = "{} is the compiled part of a package that is here: its wheel is of another Python or system, or was not unpacked whole."


def _wholes(name: str) -> list[str]:
    """ "a.b.c": itself and what it is a part of, without the package."""
    parts = name.split(".")
    return [".".join(parts[:length]) for length in range(len(parts), 1, -1)]


def _again(package: str) -> str:
    pip = pip_name(package)
    return (
        f"`python -m pip install --force-reinstall --no-cache-dir {pip}` with the Python that ran this. Where the files were copied or "
        f"packed elsewhere (a folder for Lambda, --target): for that Python and system, `pip install --platform manylinux2014_x86_64 "
        f"--only-binary=:all: --python-version 3.X --target DIR {pip}`."
    )


def _unlisted(module: str, do: str, hit: Hit) -> str:
    """The row's remedy, for an extension, or with who asks for the module."""
    if _COMPILED.fullmatch(module):
        return (
            f"{module} is an extension that is compiled from sources, and most often no package of PyPI. `grep -rl {module} "
            "--include=setup.py .` finds the folder of the project or package that builds it (after `git submodule update --init "
            f"--recursive`). `pip install --no-build-isolation ./THAT/FOLDER` builds it, with nvcc of torch's CUDA. Where {module} "
            "is a package's own: reinstall the package, or take its wheel for this torch and Python."
        )
    asker = asking_package(hit, module)
    return (
        f"{do} Here {asker} asks for it: `pip install -U {pip_name(asker)}` brings what its newest release wants."
        if asker
        else do
    )


def _brought(module: str, command: str) -> str | None:
    """Which package has a module that is not called like it."""
    asked = next((word for word in command.split() if not word.startswith("-")), "").partition("#")[
        0
    ]
    pip = re.split(r"[@\[]", asked.rstrip("/").removesuffix(".git").rpartition("/")[2])[0]
    if asked.startswith("./") or pip.endswith(".whl") or _same(pip, module):
        return None
    if "only when it is asked to" in _hint(module):
        return f"{module} is a compiled part of {pip}, which leaves it out unless it is asked for: {pip} is not here, or is without it."
    return f"The module {module} is not installed for the Python that ran this: the package {pip} brings it."


def _same(*names: str) -> bool:
    return len({re.sub(r"[-_]", "", name).lower() for name in names}) == 1


def _part_of_python(module: str, wants: dict[str, str]) -> str:
    """A module of the standard library that an interpreter was built or packaged without."""
    name = module.lstrip("_")
    packaged = {"tkinter": "python3-tk", "venv": "python3-venv", "ensurepip": "python3-venv"}.get(
        name
    )
    ways = [f"for the system's Python `apt install {packaged}`"] if packaged else []
    if headers := wants[module]:
        ways.append(f"`apt install {headers}` and build Python again (`pyenv install --force 3.X`)")
    ways.append("a Python that is whole (`uv python install`, conda)")
    return f"{module} is a part of Python itself, and no package of PyPI: {'; or '.join(ways)}."


def _part_of(package: str, name: str) -> str:
    pip = pip_name(package)
    older = name_spans.before_the_break(pip) or f"{pip}==X.Y.Z"
    return (
        f"{name} is a part of {package}. Where {package} is not installed: `python -m pip install {pip}` (a folder of the "
        f"project's own: start in the project's folder, or PYTHONPATH=.). Where it is, another release has the part: `pip "
        f'install -U {pip}`, or `pip install "{older}"` for code that is older.'
    )


def install(commands: list[str], module: str) -> str:
    """One command for all; what is built from its source stands last, with the options that it wants."""
    whole = " ".join(sorted(commands, key=lambda one: "--" in one))
    return (
        f"Install it for the Python that ran this: `python -m pip install {whole}`.{_hint(module)}"
    )


def _hint(module: str) -> str:
    row = table("import_names")["hints"].get(module)
    return f" {row}" if row else ""


def compiled_part(explanation: Explanation, hit: Hit) -> Explanation:
    """A package without its compiled module, or a compiled module that no package brought."""
    if told := _of_itself(hit):
        return told.of(explanation)
    found = re.search(r"No module named ['\"`]?(?P<package>[A-Za-z_]\w*)\._C\b", hit.shown)
    if found is None:
        return not_installed(explanation, hit)
    package = found["package"]
    return explanation.but(
        do=f"{package} is here without its compiled part. Start Python outside of its source folder, which hides the "
        f"installed package; else reinstall it (`python -m pip install --force-reinstall --no-deps {package}`), or build "
        f"it: `pip install --no-build-isolation -e .` in its folder, or `gpufix build PATH`."
    )


# The last frame is a setup.py that imports what pip builds by it.
_OWN_IMPORT = re.compile(
    r"setup\.py\", line \d+, in <module>\s+(?:from|import) (?P<name>\w+)[^\n]*\n[^\n]*$"
)


def _of_itself(hit: Hit) -> Told | None:
    own = _OWN_IMPORT.search(f"{hit.before[-600:]}{hit.shown}")
    if own is None or not re.search(rf"Collecting [^\n]*\b{own['name']}\b", hit.before):
        return None
    return Told(
        f"The setup.py of {own['name']} imports {own['name']} itself, which is not installed yet. It counts on its own folder being on Python's path, "
        "which an embedded Python (python_embeded) and an isolated build do not have.",
        f"A newer {own['name']}, whose setup.py does without; or a full Python in place of the embedded one. Else fetch its sources, take that import out "
        "of setup.py (its version as plain text), and `python -m pip install --no-build-isolation .` in that folder.",
    )


_TOOLS = {"Cython": "Cython", "pybind11": "pybind11", "ninja": "ninja", "cmake": "cmake", "packaging": "packaging", "skbuild": "scikit-build", "scikit_build_core": "scikit-build-core"}  # fmt: skip


# What newer releases of setuptools refuse, and the first one that does.
_REFUSED = (("use_2to3", "58"), ("_require' must be", "67"), ("_requires' must be", "67"))


def build_tool(explanation: Explanation, hit: Hit) -> Explanation:
    """The command that brings a tool of a build that is not setuptools, or the older setuptools that is asked for."""
    part = re.search(r"No module named ['\"`]?(?P<whole>setuptools\.[\w.]+)", hit.shown)
    gone = name_spans.of_module(part["whole"], "") if part else None
    bound = f"<={gone.span.last}" if gone and gone.span.last else None
    for words, first in _REFUSED:
        if words in hit.shown:
            bound = f"<{first}"
    if "'distutils' has no attribute 'version'" in re.sub(r"[\"`‘’]", "'", hit.shown):
        return explanation.but(
            what="Code of that time takes distutils.version for granted; setuptools 59.6 and newer bring it no more by themselves.",
            do='A newer release of what imports it (torch 1.8 to 1.10 with tensorboard: a newer torch), or `pip install "setuptools<59.6"`.',
        )
    if bound:
        return explanation.but(
            what="The source is older than this setuptools, which refuses what its setup.py says, or has that part no more.",
            do=f"A newer release of the package, or one with a wheel. Else build it with an older setuptools: `echo 'setuptools{bound}' > c.txt` and "
            f'`PIP_CONSTRAINT=c.txt pip install …` (uv: --build-constraint c.txt); without isolation `pip install "setuptools{bound}" wheel`.',
        )
    found = re.search(r"No module named ['\"`]?(?P<module>\w+)", hit.shown)
    if found and found["module"] == "distutils":
        return explanation.but(
            what="distutils went from Python with 3.12; setuptools brings it back where it is installed.",
            do="A newer release of what imports it, which does without, or a Python before 3.12. Else `pip install -U setuptools wheel` in this "
            "environment, and --no-build-isolation for a build.",
        )
    tool = _TOOLS.get(found["module"]) if found else None
    if tool is None:
        return explanation
    return explanation.but(
        do=f"`python -m pip install {tool}` in this environment, then build with --no-build-isolation. Without it pip builds in an environment "
        f"of its own, to which a package that forgot {tool} does not bring it (`pip install {tool} numpy setuptools wheel && pip install "
        "--no-build-isolation …`). Or take a release with a wheel for this Python."
    )


def no_metadata(explanation: Explanation, hit: Hit) -> Explanation:
    """A distribution that has another name today: what asks for the old one is older."""
    name = explanation.captures.get("name", "")
    now = table("import_names")["names"].get(name.replace("-", "_"), name)
    if " " in now or _same(now, name):
        return explanation
    asker = asking_package(hit, name)
    whose = f"a newer release of {asker or 'what asks for it'} (`pip install -U {pip_name(asker or 'NAME')}`)"
    return explanation.but(
        what=f"There is no distribution {name} here, and the package {name} comes with {now} today: what asks for {name} is of the time of the old name.",
        do=f"{whose[0].upper()}{whose[1:]}, which asks for {now}; `python -m pip install {now}` does not bring the old name.",
    )


def triton_missing(explanation: Explanation, hit: Hit) -> Explanation:
    """Where an error names it, the program does not go on without."""
    said = context(hit, 400, 400)
    failed = re.search(r"Error\b|Exception|Can't import|annot import", hit.shown)
    if not failed or "some optimizations will not be enabled" in said:
        return explanation
    rest = explanation.do.partition("Else: ")[2]
    off = (
        " Or choose another attention in the program (sdpa), which does without."
        if "ttention" in said
        else ""
    )
    return explanation.but(do=f"{rest[0].upper()}{rest[1:]}{off}")
