"""A build that failed without its reason in the text: whose it is, and the usual causes in order."""

from __future__ import annotations

import re

from gpufix.explain import stated
from gpufix.explain.explanation import Explanation, Told, context
from gpufix.explain.log_scan import Hit
from gpufix.knowledge import families, listings
from gpufix.knowledge.data_table import numbers
from gpufix.knowledge.messages import message_of
from gpufix.text.names import normalise

_NAMED = re.compile(
    r"(?:Failed building (?:wheel|editable) for|Failed to build installable wheels for some pyproject\.toml based projects|"
    r"Failed to (?:build|download and build)|Building wheel for|Could not build wheels for|"
    r"Encountered error while [\w ]{5,40}\.\s{1,9}╰─>)"
    r"[ :(`'\"]{1,4}(?P<name>[A-Za-z][\w.-]{1,60}?)(?=[=@`'\",;\s)]|$)"
)
_EXTENSION = re.compile(r"cpp_extension|nvcc|\.cu\b|CUDAExtension|\['ninja'", re.IGNORECASE)
_DEEPSPEED = re.compile(
    r"(?<![A-Za-z])(?P<op>(?:fused|cpu)_(?:adam|lamb|lion|adagrad)|async_io|transformer_inference|sparse_attn)(?![A-Za-z])"
)
# pip fetched sources where a wheel would have done, and stopped before it compiled anything.
_SOURCES = re.compile(
    r"(?:Downloading|Using cached) \S{0,200}?(?P<name>[A-Za-z][\w.]*(?:-[A-Za-z][\w.]*){0,4})-(?P<version>\d[\w.]{0,30})\.(?:tar\.gz|zip)\b"
)
_NO_NAME = {"see", "wheels", "some", "the", "one", "for", "and", "installable"}
_MAKES = (
    "nvcc of torch's CUDA major in CUDA_HOME (`nvcc --version`) and a g++ that this nvcc takes; torch installed first, and "
    "--no-build-isolation"
)


def whose(explanation: Explanation, hit: Hit) -> Explanation:
    """What usually helps for that package: a wheel in the build's place, then what the build wants."""
    name = _name(hit)
    if "[WinError 2]" in context(hit, 3000, 1500):
        return explanation.but(
            do="The build starts a program that is not on PATH: cl.exe, nvcc, ninja, cmake or git. Install the Visual Studio 2022 "
            "Build Tools with C++ and build in their x64 Native Tools prompt (`where cl` finds it there), with the CUDA "
            "toolkit's bin on PATH. Or take a wheel that is built for this Python and torch."
        )
    if name is None:
        sources = list(_SOURCES.finditer(hit.before[-3000:]))
        return _of_sources(hit, sources[-1]).of(explanation) if sources else explanation
    key = normalise(name)
    if (
        listings.key(key) is None
        and key not in families.names()
        and not _EXTENSION.search(context(hit))
    ):
        return explanation.but(
            do=f"Run it again with -v and look at the first error. Usual, in this order: no wheel of {name} for this Python "
            f"or system (another Python, 3.10 to 3.12, or a release that has wheels: `pip install --only-binary=:all: "
            f"{name}`). Next, no compiler or headers (build-essential, python3-dev, Visual Studio Build Tools); a newer setuptools "
            "than its setup.py takes (PIP_BUILD_CONSTRAINT, before pip 25.3 PIP_CONSTRAINT: a file that says setuptools<82)."
        )
    page = listings.key(key) is not None and not listings.source_alone(key)
    wheel = (
        f"a wheel of {name} for your torch, CUDA, Python and C++ ABI from its releases, or the torch for which it has wheels"
        if page
        else f"a wheel of {name} that somebody has built for your torch, CUDA and Python"
    )
    windows = (
        " On Windows the x64 Native Tools prompt of Visual Studio 2022 as well."
        if stated.stated(hit).windows
        else ""
    )
    return explanation.but(
        do=f"The first error, further up, says why (-v shows it). What usually helps, in this order: {wheel};"
        f"{stated.wheel(hit, key)} for a build {_MAKES}; MAX_JOBS=4 if memory runs out.{windows}"
    )


_BEFORE_CYTHON_3 = ("pyyaml", "6.0.1")  # its sources until then: packages.json, cython-sources


def _of_sources(hit: Hit, fetched: re.Match[str]) -> Told:
    """Whose sources pip fetched: a wheel was wanting, and they are older than what builds them."""
    python = stated.stated(hit).python
    here = f"Python 3.{python.removeprefix('cp3')}" if python else "this Python"
    name, version = fetched["name"], fetched["version"]
    package, first = _BEFORE_CYTHON_3
    if normalise(name) == package and numbers(version) < numbers(first):
        row = message_of("cython-sources")
        return Told(f"{name} {version} has no wheel for {here}, and is built. {row.what}", row.do)
    what = "A build from sources failed; why stands above."
    if not listings.key(normalise(name)):
        what = (
            f"{name} {version} has no wheel for {here}: pip builds it from its sources, and most often they are older than the "
            "setuptools, Cython or Python that builds them. Why stands above."
        )
    return Told(
        what,
        f"pip builds {name} {version} from its sources: that release has no wheel for {here}. Take a newer {name} that has "
        f"one (`pip install -U --only-binary={name} {name}`), or a Python of that release's time. Else give its isolated build the older "
        "setuptools that its setup.py wants (pkg_resources is gone from 82 on): `echo 'setuptools<82' > c.txt` and `PIP_CONSTRAINT=c.txt "
        "PIP_BUILD_CONSTRAINT=c.txt pip install …` (uv: --build-constraint c.txt). -v shows the first error.",
    )


_CRATE = re.compile(
    r"could not compile `(?P<crate>[\w-]{1,60})`|build command for `(?P<command>[\w-]{1,60}) v"
)
# Crates that every package of Python in Rust has: they name none.
_OF_ALL = re.compile(r"pyo3|pyo3-\w+|maturin|openssl-sys|cc|ring|proc-macro2|zstd-sys")


_OF_PYTHON = re.compile(r"\bpip|maturin|wheel|setuptools|pyproject|site-packages|\buv\b|\.py\b")


def cargo(explanation: Explanation, hit: Hit) -> Explanation:
    """The package that is built, where the text names it."""
    crate = _CRATE.search(context(hit, 3000, 1500))
    own = crate and (crate["crate"] or crate["command"])
    name = _name(hit) or (None if not own or _OF_ALL.fullmatch(own) else own)
    if name is None:
        return explanation
    if "custom build command" in hit.shown and not _OF_PYTHON.search(context(hit)):
        return explanation.but(
            role="symptom",
            what=f"The build script of the Rust crate {name} failed; what stands under `--- stderr` says why.",
            do="Look (or paste) further down, at the lines under `--- stderr`: a compiler, a library or a program that it does not "
            "find. For a crate with CUDA kernels nvcc has to be on PATH (CUDA_ROOT, CUDA_PATH), and CUDA_COMPUTE_CAP=89 names the GPU (8.9).",
        )
    pinned = (
        " (transformers pins it: a newer transformers brings one)" if name == "tokenizers" else ""
    )
    return explanation.but(
        do=explanation.do.replace(
            "A release with a wheel", f"A release of {name} with a wheel{pinned}"
        ).replace("NAME", name)
    )


def extension(explanation: Explanation, hit: Hit) -> Explanation:
    """torch's own report that an extension did not compile."""
    named = whose(explanation, hit)
    if named is not explanation:
        return named
    if found := _DEEPSPEED.search(context(hit, 400, 400)):
        return explanation.but(
            do=f"{found['op']} is DeepSpeed's, compiled at its first use: give it nvcc of torch's CUDA (CUDA_HOME, `nvcc --version`; "
            "conda: `conda install -c nvidia cuda-toolkit`), a g++ that it takes, `pip install ninja` and python3-dev, after `rm -rf "
            f"~/.cache/torch_extensions`. Or build it at the installation: `DS_BUILD_{found['op'].upper()}=1 pip install --force-reinstall "
            '--no-cache-dir --no-build-isolation deepspeed`. Or go without: torch\'s AdamW (optimizer "torch_adam": true).'
        )
    return explanation.but(
        do="Paste the part above, from the first `FAILED:` or `error:`. Usual, in this order: CUDA_HOME at another CUDA "
        "than torch's, or none; a g++ that this nvcc does not take (CC, CXX); sources older than this torch or CUDA. A "
        "wheel of the project's releases makes the build needless."
    )


def _name(hit: Hit) -> str | None:
    for text in (hit.shown, hit.before[-3000:], hit.after[:1500]):
        found = [m["name"] for m in _NAMED.finditer(text) if m["name"].lower() not in _NO_NAME]
        if found:
            return found[-1]
    return None


_SOURCE_FILE = re.compile(
    r"\.(?:c|cc|cpp|cxx|cu|cuh|h|hpp|txt|in)$|(?:^|/)(?:third_?party|external|extern|submodules?|deps|cutlass)/"
)


def no_rule(explanation: Explanation, hit: Hit) -> Explanation:
    """A source that lacks, or a library of the system in a place where it is not."""
    path = explanation.captures.get("path", "")
    if re.match(r"/(?:usr|opt|lib\w*)/", path) and re.search(r"\.(?:so|a)[\d.]*$", path):
        name = re.split("/", path)[-1].partition(".so")[0]
        return explanation.but(
            rule="TCH204",
            what=f"{path} is not there: the CMake package that was found names it in that place, and its library is in another one or not installed.",
            do=f"`find / -name '{name}*'` shows where it is. Name that folder (set_target_properties(TARGET PROPERTIES IMPORTED_LOCATION …)), or "
            f"CMAKE_PREFIX_PATH at the release that is whole. Or install the package with its library again (`apt install` of its -dev package), in an empty build folder.",
        )
    if _SOURCE_FILE.search(path):
        return explanation.but(
            what=f"The source file {path} is not there: a submodule was not fetched, the checkout is not whole, or the build was started from another folder.",
            do="`git submodule update --init --recursive`, in an empty build folder, from the project's own folder.",
        )
    return explanation
