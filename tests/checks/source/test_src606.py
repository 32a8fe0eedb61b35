"""SRC606: a setup.py that imports torch, and builds in isolation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import builders as b
import source_tree as t
from rows import Fires, Given, rows

from gpufix.checks.registry import ADVICE, WARNING, Fault
from gpufix.checks.source.src606_needs_no_build_isolation import needs_no_build_isolation
from gpufix.knowledge import torch_releases
from gpufix.model import Severity
from gpufix.model.source_payload import IsolatedBuild, IsolatedInstalls

NEWEST = torch_releases.all()[-1].version
BUILT = ["build-without-isolation safe"]
TOLD_HOW = ["build-without-isolation manual"]
TORCH = '[build-system]\nrequires = ["setuptools", "torch"]\n'
PINNED = '[build-system]\nrequires = ["setuptools", "torch==2.9.0"]\n'
OTHERS = '[build-system]\nrequires = ["setuptools", "torchvision"]\n'


PIP = b.dist("pip", "25.3")


def of(*installed: Any, folder: str = "", toml: str | None = None, **sections: Any) -> Given:
    """A setup.py that imports torch (line 3), and what is installed."""
    files = {f"{folder}setup.py": t.setup(), f"{folder}ext.cu": ""}
    files |= {f"{folder}pyproject.toml": toml} if toml is not None else {}
    return t.project(files, **({"distributions": list(installed)} | sections))


def tried(text: str) -> Given:
    return t.project({"setup.py": f"{text}\nfrom setuptools import setup\nsetup(name='x')\n"})


def editable(path: str, folder: str = "a/") -> Given:
    """Another name is installed from a folder of the project."""
    return lambda root: t.look(
        t.write(root, {f"{folder}setup.py": t.setup(), f"{folder}ext.cu": ""}),
        distributions=[b.dist("other", editable=f"{root}/{path}")],
    )


def scripted(text: str) -> Given:
    """A project that a script installs."""
    return t.project({"setup.py": t.setup(), "ext.cu": "", "install.sh": text}, distributions=[PIP])


def imports(severity: Severity, folder: str = "", line: int = 3) -> Fault:
    path = f"{folder}/setup.py" if folder else "setup.py"
    return Fault(
        severity,
        path,
        f"{path} imports torch, which its build does not declare: a build in isolation does not "
        "find it.",
        evidence=(t.at(path, line, "import of torch"),),
        payload=IsolatedBuild(folder),
    )


UNNAMED = "import torch\nfrom setuptools import setup\nsetup({})\n"


def script(text: str, **sections: Any) -> Given:
    given = {"distributions": [PIP]} | sections
    return t.project({"setup.sh": text, "ext.cu": ""}, **given)


def installs(
    names: str, *lines: tuple[int, str], severity: Severity = WARNING, others: bool = False
) -> Fault:
    builds = "builds import" if "," in names else "build imports"
    return Fault(
        severity,
        "setup.sh",
        f"setup.sh has pip build {names} in isolation: the {builds} torch, and nothing declares it.",
        evidence=tuple(t.at("setup.sh", *line) for line in lines),
        payload=IsolatedInstalls("setup.sh", tuple(n for n, _ in lines), others),
    )


TOLD = "{} has pip build {} in isolation: the build imports torch, and nothing declares it."


def required(
    text: str,
    path: str = "requirements.txt",
    script: str = "",
    image: str = "",
    **sections: Any,
) -> Given:
    """A requirement file, and what installs it."""
    files = {path: text, "setup.sh": script, "Dockerfile": image}
    given = {"distributions": [PIP]} | sections
    return t.project({name: body for name, body in files.items() if body}, **given)


def requires(
    name: str,
    line: tuple[int, str],
    path: str = "requirements.txt",
    severity: Severity = WARNING,
) -> Fault:
    return Fault(
        severity,
        path,
        TOLD.format(path, name),
        evidence=(t.at(path, *line),),
        payload=IsolatedInstalls(path, (line[0],), True, "requirements"),
    )


CMAKE = "cmake_minimum_required(VERSION 3.18)\nproject(p CUDA)\nfind_package(Torch REQUIRED)\n"
CMAKE_SETUP = "import subprocess\nfrom setuptools import setup\nsubprocess.run(['cmake', '.'])\nsetup(name='x')\n"
SCIKIT = (
    '[build-system]\nrequires = ["scikit-build-core", "torch<2.5"]\n'
    'build-backend = "scikit_build_core.build"\n'
)


def another(subject: str, written: str) -> Fault:
    """A build requirement that takes another torch than the installed."""
    return Fault(
        WARNING,
        subject,
        f'pyproject.toml has "{written}" among its build requirements: a build in isolation takes '
        "another one; torch 2.9.0+cu128 is installed.",
        evidence=(t.at("pyproject.toml", 2, written),),
        payload=IsolatedBuild(""),
    )


def lone(name: str, requires: str, installed: bool = True, built: bool = True) -> Given:
    """A setup.py that imports a module besides torch, which it does not need."""
    extension = "ext_modules=[Extension('x', ['x.cpp'])]" if built else ""
    return t.project(
        {
            "setup.py": f"import {name}\nfrom setuptools import Extension, setup\n"
            f"setup(name='x', {extension})\n",
            "x.cpp": "",
            "k.cu": "",
            "pyproject.toml": f"[build-system]\nrequires = [{requires}]\n",
        },
        answers={f"lacks-module:{name}": not installed},
    )


NVDIFFRAST = "https://github.com/NVlabs/nvdiffrast"
CLONED = f"git clone {NVDIFFRAST}.git /tmp/e/nv{{0}}\npip install /tmp/e/nv{{1}}\n"
BY_OPTION = """\
for a in "$@"; do case "$a" in --octree) OCTREE=true ;; esac; done
if [ "$OCTREE" = true ]; then
  git clone --recurse-submodules https://github.com/JeffreyXiang/diffoctreerast.git /tmp/e/octree
  pip install /tmp/e/octree
fi
"""
SHELL = ["install-without-isolation safe"]
SILENT = {
    "a script without isolation": script(CLONED.format("", " --no-build-isolation")),
    "a script that switches it off": script(
        "export PIP_NO_BUILD_ISOLATION=1\n" + CLONED.format("", "")
    ),
    "a release whose build needs no torch": script(f"pip install git+{NVDIFFRAST}@v0.3.3\n"),
    "a commit of which nobody knows the release": script(f"pip install git+{NVDIFFRAST}@253ac4f\n"),
    "a clone at an older release": script(
        f"git clone -b v0.3.3 {NVDIFFRAST} nv\npip install ./nv\n"
    ),
    "a clone that is moved": script(
        f"git clone {NVDIFFRAST} nv\ncd nv\ngit checkout $TAG\npip install .\n"
    ),
    "a package that declares it": script(
        "pip install git+https://github.com/mit-han-lab/nunchaku\n"
    ),
    "another project of that name": script("pip install git+https://github.com/me/nvdiffrast\n"),
    "wheels of a page": script("pip install flash-attn -f https://example.org/wheels.html\n"),
    "installed by now": script(
        "pip install flash-attn\n", distributions=[PIP, b.dist("flash-attn", "2.8.3")]
    ),
    "another environment's": script("conda activate other\npip install flash-attn\n"),
    "a function that nobody calls": script("f() {\n  pip install flash-attn\n}\n"),
    "a requirement file, of a wheel's address": required(
        "flash-attn @ https://example.org/flash_attn-2.8.3-cp311-cp311-linux_x86_64.whl \\\n"
        "    --hash=sha256:0\n"
    ),
    "a requirement file, of wheels": required("lap\nflash-attn-layers\n"),
    "a requirement file, installed by now": required(
        "flash-attn\n", distributions=[PIP, b.dist("flash-attn", "2.8.3")]
    ),
    "a requirement file of tests": required("flash-attn\n", path="tests/requirements.txt"),
    "a requirement file that a script installs without isolation": required(
        "flash-attn\n", script="pip install --no-build-isolation -r requirements.txt\n"
    ),
    "a Dockerfile without isolation": required(
        "", image="FROM x\nRUN pip install --no-build-isolation flash-attn\n"
    ),
    "another module, which is declared": lone("numpy", '"setuptools", "numpy"', installed=True),
    "another module, which a requirement may bring": lone("numpy", '"setuptools", "foo"'),
    "another module, which is not here either": lone("numpy", '"setuptools"', installed=False),
    "another module, where no extension is built": lone("numpy", '"setuptools"', built=False),
    "a back end of the project's own, which may ask for it": of(
        toml='[build-system]\nrequires = []\nbuild-backend = "own"\nbackend-path = ["."]\n'
    ),
    "declared and pinned": of(toml=TORCH.replace('"torch"', '"torch==2.9.0"')),
    "declared, with a bound": of(toml=TORCH.replace('"torch"', '"torch<2.10"')),
    "declared, and the newest is installed": of(
        toml=TORCH, torch=b.torch(f"{NEWEST}+cu130", release=NEWEST)
    ),
    "declared, and no extension is built": t.project(
        {
            "setup.py": "import torch\nfrom setuptools import setup\nsetup(name='x')\n",
            "pyproject.toml": TORCH,
        }
    ),
    "tried": tried("try:\n    import torch\nexcept ImportError:\n    torch = None"),
    "no import": tried(""),
    "not a setup.py": t.project({"a.py": t.setup(), "ext.cu": ""}),
    "it ends alike with torch": t.project(
        {
            "setup.py": "try:\n    import torch\nexcept ImportError:\n    pass\n"
            "from setuptools import setup\nassert not 'x'\nsetup(name='x')\n"
        }
    ),
    "a setup.py that calls no setup()": t.project({"setup.py": "import torch\n"}),
    "installed": of(b.dist("ext")),
    "installed, from its folder": editable("a/"),
    "installed, from the project's own": editable("", ""),
    "isolation is off, by pip's variable": of(env={"PIP_NO_BUILD_ISOLATION": "0"}),
    "isolation is off, by uv's variable": of(env={"UV_NO_BUILD_ISOLATION": "1"}),
    "isolation is off, by uv's setting": of(toml="[tool.uv]\nno-build-isolation = true\n"),
}

FIRING = {
    "a requirement file": Fires(
        required(f"lap\ngit+{NVDIFFRAST}@v0.4.0\n"),
        requires("nvdiffrast", (2, f"git+{NVDIFFRAST}@v0.4.0")),
        ["install-without-isolation manual"],
    ),
    "a requirement file that a script installs": Fires(
        required(
            "flash-attn==2.8.3\n", script="cd $(dirname $0)\npip install -r requirements.txt\n"
        ),
        replace(
            requires("flash-attn", (1, "flash-attn==2.8.3")),
            evidence=(
                t.at("requirements.txt", 1, "flash-attn==2.8.3"),
                t.at("setup.sh", 2, "pip install -r requirements.txt"),
            ),
        ),
        ["install-without-isolation manual"],
    ),
    "a requirement file of examples": Fires(
        required("flash-attn\n", path="examples/requirements.txt"),
        requires("flash-attn", (1, "flash-attn"), "examples/requirements.txt", ADVICE),
        ["install-without-isolation manual"],
    ),
    "a Dockerfile": Fires(
        required("", image=f"FROM x\nRUN apt update && \\\n  pip install git+{NVDIFFRAST}\n"),
        Fault(
            WARNING,
            "Dockerfile",
            TOLD.format("Dockerfile", "nvdiffrast"),
            evidence=(t.at("Dockerfile", 3, f"pip install git+{NVDIFFRAST}"),),
            payload=IsolatedInstalls("Dockerfile", (3,), False, "docker"),
        ),
        SHELL,
    ),
    "a script clones": Fires(
        script(CLONED.format("", "")),
        installs("nvdiffrast", (2, "pip install /tmp/e/nv")),
        SHELL,
    ),
    "a script, by an option": Fires(
        script(BY_OPTION),
        installs("diffoctreerast (--octree)", (4, "pip install /tmp/e/octree"), severity=ADVICE),
        SHELL,
    ),
    "a script fetches a folder": Fires(
        script(
            "pip install git+https://github.com/NVlabs/tiny-cuda-nn/#subdirectory=bindings/torch\n"
        ),
        installs(
            "tinycudann",
            (
                1,
                "pip install git+https://github.com/NVlabs/tiny-cuda-nn/#subdirectory=bindings/torch",
            ),
        ),
        SHELL,
    ),
    "a script at a newer release": Fires(
        script(f"python -m pip install 'nvdiffrast @ git+{NVDIFFRAST}@v0.4.0'\n"),
        installs("nvdiffrast", (1, f"python -m pip install nvdiffrast @ git+{NVDIFFRAST}@v0.4.0")),
        SHELL,
    ),
    "a script, from PyPI, beside others": Fires(
        script("pip install -U flash-attn==2.8.3 einops\n"),
        installs("flash-attn", (1, "pip install -U flash-attn==2.8.3 einops"), others=True),
        ["install-without-isolation unsafe"],
    ),
    "a script, with a pip that does not isolate it": Fires(
        script("pip install flash-attn\n", distributions=[b.dist("pip", "24.0")]),
        installs("flash-attn", (1, "pip install flash-attn"), severity=ADVICE),
        SHELL,
    ),
    "declared, not pinned": Fires(
        of(toml=TORCH),
        Fault(
            WARNING,
            "setup.py",
            'pyproject.toml has "torch" among its build requirements: a build in isolation takes the '
            f"newest torch, at least {NEWEST}; torch 2.9.0+cu128 is installed.",
            evidence=(t.at("pyproject.toml", 2, "torch"),),
            payload=IsolatedBuild(""),
        ),
        offers=BUILT,
    ),
    "declared, and pinned to another": Fires(
        of(toml=TORCH.replace('"torch"', '"torch==2.4.*"')),
        another("setup.py", "torch==2.4.*"),
        offers=BUILT,
    ),
    "declared, not pinned, for CMake by setup.py": Fires(
        t.project(
            {"setup.py": CMAKE_SETUP, "CMakeLists.txt": CMAKE, "k.cu": "", "pyproject.toml": TORCH}
        ),
        replace(
            another("setup.py", "torch"),
            message=another("", "torch").message.replace(
                "another one", f"the newest torch, at least {NEWEST}"
            ),
        ),
        offers=BUILT,
    ),
    "declared, and pinned to another, for scikit-build-core": Fires(
        t.project({"CMakeLists.txt": CMAKE, "k.cu": "", "pyproject.toml": SCIKIT}),
        another("pyproject.toml", "torch<2.5"),
        offers=BUILT,
    ),
    "another module": Fires(
        lone("numpy", '"setuptools"'),
        Fault(
            WARNING,
            "setup.py",
            "setup.py imports numpy, which its build does not declare: a build in isolation does not "
            "find it.",
            evidence=(t.at("setup.py", 1, "import of numpy"),),
            payload=IsolatedBuild(""),
        ),
        offers=BUILT,
    ),
    "a script runs another program": Fires(
        scripted("nvcc -c ext.cu\n"), imports(WARNING), offers=BUILT
    ),
    "a script gives pip nothing to install": Fires(
        scripted("MORE=\npip install $MORE\n"), imports(WARNING), offers=BUILT
    ),
    "a script builds it in isolation": Fires(
        scripted("set -e\npip install torch\npip install .\n"),
        replace(
            imports(WARNING),
            evidence=(
                *imports(WARNING).evidence,
                t.at("install.sh", 3, "pip install ."),
            ),
        ),
        offers=BUILT,
    ),
    "pip isolates all": Fires(of(PIP, folder="a/"), imports(WARNING, "a"), offers=BUILT),
    "pip that does not yet": Fires(of(b.dist("pip", "25.2")), imports(ADVICE), offers=TOLD_HOW),
    "no pip": Fires(of(), imports(ADVICE), offers=TOLD_HOW),
    "no torch": Fires(of(torch=None), imports(ADVICE)),
    "no environment": Fires(of(torch=None, python=None, toml=OTHERS), imports(WARNING)),
    "a pyproject.toml beside it": Fires(
        of(b.dist("pip", "24.0"), toml=OTHERS), imports(WARNING), offers=BUILT
    ),
    "a pyproject.toml without requirements": Fires(
        of(b.dist("pip", "24.0"), folder="a/", toml=""), imports(WARNING, "a"), offers=BUILT
    ),
    "a pyproject.toml elsewhere": Fires(
        t.project(
            {"a/setup.py": t.setup(), "a/ext.cu": "", "pyproject.toml": TORCH},
            distributions=[b.dist("pip", "24.0")],
        ),
        imports(ADVICE, "a"),
        offers=TOLD_HOW,
    ),
    "uv": Fires(of(python=b.python(kind="uv")), imports(WARNING), offers=BUILT),
    "no Python": Fires(of(python=None), imports(ADVICE), offers=TOLD_HOW),
    "installed from another folder": Fires(editable("ab"), imports(ADVICE, "a"), offers=TOLD_HOW),
    "a name that stands elsewhere": Fires(
        t.project({"setup.py": UNNAMED.format("")}, distributions=[PIP]),
        imports(WARNING, line=1),
        offers=BUILT,
    ),
    "a name that only a run tells": Fires(
        t.project({"setup.py": UNNAMED.format("name=ask()")}, distributions=[PIP]),
        imports(WARNING, line=1),
        offers=BUILT,
    ),
    **{
        f"setup() as {text.rpartition(chr(10))[2] or text}": Fires(
            t.project(
                {"setup.py": f"import torch\n{text}\nrun(name='x', ext_modules=[ask(torch)])\n"},
                distributions=[PIP],
            ),
            imports(WARNING, line=1),
            offers=BUILT,
        )
        for text in (
            "from skbuild import setup as run",
            "import setuptools\nrun = setuptools.setup",
        )
    },
    "beside one that is declared": Fires(
        t.project(
            {
                "a/setup.py": t.setup(),
                "a/pyproject.toml": PINNED,
                "b/setup.py": t.setup().replace('name="ext"', 'name="b"'),
                "c/setup.py": t.setup().replace('name="ext"', 'name="c"'),
            },
            distributions=[PIP, b.dist("b")],
        ),
        imports(WARNING, "c"),
        offers=BUILT,
    ),
    "a script builds it": Fires(
        t.project(
            {
                "setup.py": t.setup(),
                "ext.cu": "",
                "install.sh": "export MAX_JOBS=4\npip install --no-build-isolation .\npip install .\n",
            },
            distributions=[PIP],
        ),
        replace(
            imports(WARNING),
            evidence=(
                t.at("setup.py", 3, "import of torch"),
                t.at("install.sh", 3, "pip install ."),
            ),
        ),
        offers=BUILT,
    ),
    "GPU code, no toolkit": Fires(of(PIP, toolkits=[]), imports(WARNING)),
}

test_silent, test_firing = rows(needs_no_build_isolation, SILENT, FIRING)
