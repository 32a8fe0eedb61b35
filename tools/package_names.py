"""Records which releases of packages have a module, a name, an attribute or an argument.

    python tools/package_names.py FOLDER [TYPESHED]

FOLDER holds wheels and source archives (pip download --no-deps NAME==VERSION), TYPESHED is its folder stdlib. Packages that are
not in FOLDER stay as the table has them.

Writes src/gpufix/knowledge/data/package_names.json.xz: per package what came or went between the releases read.
`:name` is of any module of it, `linalg:triu` of one where another module has it still, `.editor` a module,
`DataFrame.append` an attribute, `Trainer(gpus)` an argument.
"""

from __future__ import annotations

import ast
import io
import json
import lzma
import re
import sys
import tarfile
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from knowledge_build.text_packing import packed_text

PYTHON = "python"
DATA = Path(__file__).parent.parent / "src/gpufix/knowledge/data/package_names.json.xz"
# What nobody imports from: tests, examples, copies of other packages.
_ASIDE = re.compile(
    r"(?:^|/)(?:tests?|testing|testing_utils|benchmarks?|examples?|docs?|_vendor|_vendored_packages|vendored|third_party|"
    r"conftest\.py|test_[^/]*\.py|[^/]*_test\.py|setup\.py)(?:/|$)"
)
_TAG = re.compile(r"\.(?:cpython|abi3|cp3|pypy).*$|\.(?:so|pyd)$")
_FIELDS = re.compile(r"\b(?:BaseModel|NamedTuple|Struct|PretrainedConfig)\b")
_LISTS = ("__all__", "_import_structure")

Files = Iterable[tuple[str, Callable[[], bytes]]]


@dataclass
class Reading:
    """What one release defines: module -> names, class -> attributes and bases, function or class -> arguments."""

    modules: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    stars: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    attributes: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    arguments: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    bases: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))


def read(files: Files, tops: set[str]) -> Reading:
    """The modules of some top packages, among the files of an archive."""
    found = Reading()
    for path, content in files:
        if path.partition("/")[0].partition(".")[0] not in tops or _ASIDE.search(path):
            continue
        if path.endswith((".so", ".pyd")):
            found.modules[_TAG.sub("", path).replace("/", ".")] |= set()
        elif path.endswith((".py", ".pyi")):
            module = path.rpartition(".")[0].replace("/", ".")
            try:
                tree = ast.parse(content())
            except (SyntaxError, ValueError):
                continue
            _read_module(found, module, tree)
    return found


def _read_module(found: Reading, module: str, tree: ast.Module) -> None:
    plain = module.removesuffix(".__init__")
    folder = plain if module != plain else plain.rpartition(".")[0]
    names = found.modules[plain]
    names |= _kept_alive(tree)
    for node in _statements(tree.body):
        if isinstance(node, ast.ClassDef):
            names.add(node.name)
            _read_class(found, node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
            found.arguments[node.name] |= _arguments(node)
        elif isinstance(node, ast.ImportFrom):
            _read_import(found, plain, folder, node)
        else:
            names |= set(_assigned(node))


def _kept_alive(tree: ast.Module) -> set[str]:
    """Names that a module's own __getattr__ still gives: the keys of its tables."""
    if not any(isinstance(one, ast.FunctionDef) and one.name == "__getattr__" for one in tree.body):
        return set()
    tables = (one.value for one in tree.body if isinstance(one, ast.Assign | ast.AnnAssign))
    return {
        one.value
        for whole in tables
        if whole is not None
        for one in ast.walk(whole)
        if isinstance(one, ast.Constant) and isinstance(one.value, str) and one.value.isidentifier()
    }


def _statements(nodes: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Also those below `if` and `try`."""
    for node in nodes:
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With):
            yield from _statements(node.body)
            yield from _statements(getattr(node, "orelse", []))
            for handler in getattr(node, "handlers", []):
                yield from _statements(handler.body)


def _read_class(found: Reading, node: ast.ClassDef) -> None:
    told = " ".join(ast.unparse(one) for one in (*node.decorator_list, *node.bases))
    fields = "dataclass" in told or bool(_FIELDS.search(told))
    attributes = found.attributes[node.name]
    found.bases[node.name] |= {ast.unparse(one).rpartition(".")[2] for one in node.bases}
    for part in _statements(node.body):
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
            attributes.add(part.name)
            whose = node.name if part.name == "__init__" else f"{node.name}.{part.name}"
            found.arguments[whose] |= _arguments(part)
        elif isinstance(part, ast.Assign):
            attributes |= {one.id for one in part.targets if isinstance(one, ast.Name)}
        elif isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
            attributes.add(part.target.id)
            if fields:
                found.arguments[node.name].add(part.target.id)


def _arguments(node: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    given = node.args
    return {one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs)} - {
        "self",
        "cls",
    }


def _read_import(found: Reading, module: str, folder: str, node: ast.ImportFrom) -> None:
    """A name that a module has from another one of its own package is one that others import from it."""
    parts = folder.split(".")[: len(folder.split(".")) - (node.level - 1)] if node.level else []
    source = ".".join([*parts, *([node.module] if node.module else [])])
    if source.partition(".")[0] != module.partition(".")[0]:
        return
    for one in node.names:
        if one.name == "*":
            found.stars[module].add(source)
        else:
            found.modules[module].add(one.asname or one.name)


def _assigned(node: ast.stmt) -> Iterator[str]:
    targets = (
        node.targets
        if isinstance(node, ast.Assign)
        else [node.target]
        if isinstance(node, ast.AnnAssign | ast.AugAssign)
        else []
    )
    for target in targets:
        named = [one.id for one in ast.walk(target) if isinstance(one, ast.Name)]
        yield from named if isinstance(target, ast.Name | ast.Tuple) else ()
        if any(one in _LISTS for one in named) and node.value:  # type: ignore[attr-defined]
            for one in ast.walk(node.value):  # type: ignore[attr-defined]
                if isinstance(one, ast.Constant) and isinstance(one.value, str):
                    yield one.value


def key(version: str) -> tuple[int, ...]:
    """For order."""
    return tuple(map(int, re.findall(r"\d+", version)))


def tokens(package: str, found: Reading) -> dict[str, set[str]]:
    """What a release has, by what it is of: "" for the package, a module or class for what stands in it."""
    if package == PYTHON:
        return _of_python(found)
    out: dict[str, set[str]] = defaultdict(set)
    root: set[str] = set()
    folders = {module.rpartition(".")[0] for module in found.modules}
    spaces = {module: _namespace(found, module, set()) for module in found.modules}
    for module, names in spaces.items():
        place = module.removeprefix(package).removeprefix(".")
        if place:
            out[".modules"].add(f".{place}")
        if _public(place) and place.count(".") < 2:
            out[f"{place}:"] |= {f"{place}:{one}" for one in names}
            out["open"] |= {f"!{one}" for one in names}
        if not place or (_public(place) and "." not in place and module in folders):
            root |= names
        out[""] |= {f":{one}" for one in names}
    out["root"] = {f"?{one}" for one in root}
    for owner in root & (set(found.attributes) | set(found.arguments)):
        out[f"{owner}."] |= {
            f"{owner}.{one}" for one in _with_bases(found, owner, found.attributes)
        }
        out[f"{owner}("] |= {
            f"{owner}({one})" for one in _with_bases(found, owner, found.arguments)
        }
    return out


def _of_python(found: Reading) -> dict[str, set[str]]:
    out: dict[str, set[str]] = {".modules": {f".{module}" for module in found.modules}}
    for module, names in found.modules.items():
        out[f"{module}:"] = {
            f"{module}:{one}" for one in names if not one.isupper() or one == "UTC"
        }
    return out


def _namespace(found: Reading, module: str, seen: set[str]) -> set[str]:
    """The names of a module, with what it takes over from others with a star."""
    names = set(found.modules.get(module, ()))
    for source in found.stars.get(module, ()):
        if source not in seen:
            names |= {one for one in _namespace(found, source, seen | {module}) if one[0] != "_"}
    return names


def _with_bases(found: Reading, owner: str, of: dict[str, set[str]], deep: int = 6) -> set[str]:
    names = set(of.get(owner, ()))
    if deep:
        for base in found.bases.get(owner, ()):
            if base != owner:
                names |= _with_bases(found, base, of, deep - 1)
    return names


def _public(place: str) -> bool:
    return not any(part.startswith("_") for part in place.split("."))


Span = tuple[str, str]  # the first and the last release that has it, "" where that end is open


def spans(package: str, releases: dict[str, Reading]) -> dict[str, Span]:
    """What came or went while what it is of was there."""
    versions = sorted(releases, key=key)
    seen = {version: tokens(package, releases[version]) for version in versions}
    out: dict[str, Span] = {}
    for place in set().union(*seen.values()):
        there = [version for version in versions if place in seen[version]]
        for name in set().union(*(seen[version][place] for version in there)):
            having = [version for version in there if name in seen[version][place]]
            first = "" if having[0] == there[0] else having[0]
            if first and key(first) < _OLD.get(package, ()):
                first = ""
            last = "" if having[-1] == there[-1] else having[-1]
            steady = len(having) == there.index(having[-1]) - there.index(having[0]) + 1
            came = package == PYTHON and _came(name)
            if (first or last) and steady and (wanted(name, last) or came):
                out[name] = (first, last)
    front = {one[1:] for tokens_of in seen.values() for one in tokens_of.get("root", ())}
    shown = {one[1:] for tokens_of in seen.values() for one in tokens_of.get("open", ())}
    if package in _FRONT_ONLY | _MODULES_GONE:
        shown = front
        out = {n: s for n, s in out.items() if n[0] in (".", ":") and (s[1] or n[0] == ".")}
    out = {name: span for name, span in out.items() if _met(package, name, span[1])}
    if package in _MODULES_GONE:
        out = {n: s for n, s in out.items() if n[0] == ":" or n.count(".") < (3 if s[1] else 2)}
    return {
        name: span
        for name, span in out.items()
        if name[0] not in "!?"
        and not re.match(_LEFT_OUT.get(package, r"(?!)"), name)
        and not (name[0] == ":" and name[1:] not in (shown if span[1] else front))
        and not _said(name, span, out)
    }


def wanted(name: str, last: str) -> bool:
    """Names that others use: no private ones, but modules that are imported all the same.

    What came is kept of a package's front only: an old release lacks all that is new.
    """
    plain = re.split(r"[.:(]", name)[-1].rstrip(")")
    if name.startswith("."):
        return name.count(".") <= (3 if last else 2) and name.count("._") <= bool(last)
    if len(plain) < 3 or plain.startswith("_"):
        return False
    if plain.isupper() and (not last or plain.count("_") > 1):  # few are imported from elsewhere
        return False
    return bool(last) or name[0] in ":?" or "(" in name


def _came(name: str) -> bool:
    """A new name of Python's that programs import: most of what else came is reached through a module."""
    module, colon, plain = name.partition(":")
    return bool(colon) and module in _IMPORTED and len(plain) > 2 and not plain.startswith("_")


_IMPORTED = {
    "asyncio", "collections.abc", "contextlib", "dataclasses", "datetime", "enum", "functools", "importlib.metadata",
    "importlib.resources", "itertools", "types", "typing", "warnings",
}  # fmt: skip


def _met(package: str, name: str, last: str) -> bool:
    """Whether people ask for it. What stands two modules deep is asked of jax and of Python only."""
    place, colon, _ = name.partition(":")
    if colon and place:
        return "." not in place or package in ("jax", PYTHON)
    if name.startswith((".", ":")) or "(" in name:
        return bool(last) or name[0] == "." or package not in _GONE_ONLY
    return package in _ATTRIBUTES


# Packages whose inner modules are forwarded.
_FRONT_ONLY = {"numpy"}
# Large ones whose insides change with every release: what went of their modules, and of their front.
_MODULES_GONE = {
    "albumentations", "bitsandbytes", "compressed_tensors", "deepspeed", "flash_attn", "kornia", "langchain_community",
    "lightning_fabric", "matplotlib", "monai", "networkx", "optimum", "orbax", "pkg_resources", "pytorch_lightning", "ray",
    "sentence_transformers", "sglang", "timm", "torch_geometric", "torchao", "triton", "vllm", "werkzeug", "xformers",
}  # fmt: skip
# Packages of which names and arguments that came are left out, and those whose attributes are kept.
_GONE_ONLY = {
    "albumentations", "diffusers", "flax", "gradio", "gymnasium", "jax", "keras", "matplotlib", "networkx", "numba", "onnx",
    "openai", "optax", "pandas", "pytorch_lightning", "scipy", "setuptools", "skimage", "sklearn",
    "torchao", "torchmetrics", "werkzeug",
}  # fmt: skip
_ATTRIBUTES = {"PIL", "datasets", "gradio", "huggingface_hub", "moviepy", "pandas", "pydantic"}
# Releases before which hardly any is installed: what came with them, every installed one has.
_OLD = {
    "diffusers": (0, 20),
    "pytorch_lightning": (1, 5),
    "supervision": (0, 10),
    "timm": (0, 5),
    "torchmetrics": (0, 6),
}
_NOT_KEPT = {"_distutils_hack", "click", "orbax"}
# Parts that hardly anybody imports from, of packages that have many of them.
_LEFT_OUT = {
    "diffusers": r"(?i).*flax|.*(?:dummy|modular_pipelines|guiders|hooks|_objects)|.*\(|\.pipelines\.\w+\.|\.commands|.*:(?:log\w+|is_\w+_version)",
    "langchain": r"\.\w+\.\w|\w+:|.*\(|:(?!\w*(?:[Aa]gent|Chain$|PromptTemplate$|OpenAI$|TextSplitter$))",
    "langchain_core": r".*\(|\w+:|.*[._](?:beta|api|pydantic_v1)",
    **dict.fromkeys(
        ("gymnasium", "outlines", "supervision", "torchdata", "torchmetrics", "ultralytics"),
        r".*\(",
    ),
}


def _said(name: str, span: Span, out: dict[str, Span]) -> bool:
    """Whether a module's parent, or the name in the package, says the same."""
    if name.startswith("."):
        return out.get(name.rpartition(".")[0]) == span
    place, colon, plain = name.partition(":")
    if colon and place and out.get(f":{plain}") == span:
        return True
    return bool(colon and place) and out.get(f".{place}") == span


def rows(found: dict[str, Span], versions: list[str]) -> dict[str, str]:
    """The names of one span together: "2-5" are the numbers of its releases."""
    number = {version: str(at) for at, version in enumerate(versions)} | {"": ""}
    grouped: dict[str, list[str]] = defaultdict(list)
    for name, (first, last) in sorted(found.items()):
        grouped[f"{number[first]}-{number[last]}"].append(name)
    return {span: " ".join(names) for span, names in sorted(grouped.items())}


def standard_library(typeshed: Path) -> dict[str, Reading]:
    """Python's own modules, as the stubs of typeshed tell them for each release."""
    out: dict[str, Reading] = {}
    for minor in range(OLDEST, NEWEST + 1):
        found = Reading()
        for line in typeshed.joinpath("VERSIONS").read_text("utf-8").splitlines():
            told = re.match(r"(?P<module>[\w.]+): 3\.(?P<first>\d+)-(?:3\.(?P<last>\d+))?", line)
            if told and int(told["first"]) <= minor <= int(told["last"] or 99):
                found.modules[told["module"]] |= set()
                _read_stub(found, typeshed, told["module"], minor)
        out[f"3.{minor}"] = found
    return out


OLDEST, NEWEST = 8, 14  # of Python 3


def _read_stub(found: Reading, typeshed: Path, module: str, minor: int) -> None:
    base = typeshed.joinpath(*module.split("."))
    path = base / "__init__.pyi" if base.is_dir() else base.with_suffix(".pyi")
    if not path.is_file() or module.startswith("_"):
        return
    tree = ast.parse(path.read_text("utf-8"))
    tree.body = list(_of_release(tree.body, minor))
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and module in ("typing", "collections.abc"):
            found.modules[module] |= {one.asname or one.name for one in node.names}
    _read_module(found, module, tree)


def _of_release(nodes: list[ast.stmt], minor: int) -> Iterator[ast.stmt]:
    for node in nodes:
        if isinstance(node, ast.If) and "sys.version_info" in ast.unparse(node.test):
            release = {"sys": type("sys", (), {"version_info": (3, minor), "platform": "linux"})}
            holds = eval(ast.unparse(node.test), {"__builtins__": {}}, release)
            yield from _of_release(node.body if holds else node.orelse, minor)
        elif isinstance(node, ast.If):
            yield from _of_release([*node.body, *node.orelse], minor)
        else:
            yield node


# The distribution of a package that is called otherwise.
PIP = {
    "PIL": "Pillow", "av": "av", "awq": "autoawq", "cv2": "opencv-python-headless", "google": "protobuf", "haiku": "dm-haiku",
    "orbax": "orbax-checkpoint", "pkg_resources": "setuptools", "pyannote": "pyannote.audio", "skimage": "scikit-image", "sklearn": "scikit-learn",
    "flashinfer": "flashinfer-python", "flask": "Flask", "tf_keras": "tf-keras", PYTHON: PYTHON,
}  # fmt: skip


def archives(folder: Path) -> dict[str, dict[str, Reading]]:
    """Package -> release -> what it defines."""
    out: dict[str, dict[str, Reading]] = defaultdict(dict)
    for path in sorted(folder.iterdir()):
        name, version = re.split(r"-(?=\d)", path.name.removesuffix(".tar.gz"), maxsplit=1)
        package = next(
            (one for one, pip in PIP.items() if _plain(pip) == _plain(name)), _plain(name)
        )
        out[package][version.partition("-")[0]] = read(_files(path), {package})
    return out


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).lower()


def _files(path: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    content = io.BytesIO(path.read_bytes())
    if path.suffix == ".whl":
        wheel = zipfile.ZipFile(content)
        for name in wheel.namelist():
            yield name, lambda name=name: wheel.read(name)
        return
    with tarfile.open(fileobj=content) as archive:
        for one in archive:
            if one.isfile():
                inner = re.sub(r"^(?:src|python|lib)/", "", one.name.partition("/")[2])
                yield inner, lambda one=one: archive.extractfile(one).read()  # type: ignore[union-attr]


def write(found: dict[str, dict[str, Reading]]) -> None:
    """The table, with the packages that were read in place of what it had of them."""
    packages = json.loads(lzma.decompress(DATA.read_bytes()))["packages"]
    for package in sorted(found.keys() - _NOT_KEPT):
        versions = sorted(found[package], key=key)
        packages[package] = {
            "pip": PIP.get(package, package.replace("_", "-")),
            "releases": versions,
            "names": rows(spans(package, found[package]), versions),
        }
    text = {
        "source": "wheels and source archives on PyPI, read by tools/package_names.py; of Python the stubs of typeshed",
        "packages": dict(sorted(packages.items())),
    }
    DATA.write_bytes(packed_text(json.dumps(text, separators=(",", ":")).encode()))


if __name__ == "__main__":
    stubs = {PYTHON: standard_library(Path(sys.argv[2]))} if len(sys.argv) > 2 else {}
    write({**archives(Path(sys.argv[1])), **stubs})
