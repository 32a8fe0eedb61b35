"""Records which releases of packages have a module, a name, an attribute or an argument.

    python tools/package_names.py FOLDER [TYPESHED]

FOLDER holds wheels and source archives (pip download --no-deps NAME==VERSION), TYPESHED is its folder stdlib. Packages that are
not in FOLDER stay as the table has them. It runs with the newest Python, which can parse what all releases are written in.

Writes src/gpufix/knowledge/data/package_names.json.xz: per package what came or went between the releases read.
`:name` is of any module of it, `linalg:triu` of one where another module has it still, `=name` of the package itself in
that case, `.editor` a module,
`DataFrame.append` an attribute, `Trainer(gpus)` an argument. What is not known of each release (a compiled module, a __getattr__
that cannot be read, **kwargs that go elsewhere) gives no end of a span. Of what is gone no first release is kept that is long ago: hardly
anybody has an older one.
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
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from knowledge_build.text_packing import packed_text
from module_reading import Arguments, Module, read_tree
from release_names import ANY, Release, read

PYTHON = "python"
DATA = Path(__file__).parent.parent / "src/gpufix/knowledge/data/package_names.json.xz"


class Place(NamedTuple):
    """What a module, a class or a function has in one release. `own`: without what a module imports from other packages;
    `open`: what may give it more.
    """

    has: set[str]
    own: set[str]
    open: set[str]


Kind = Literal["modules", "names", "attributes", "arguments"]
Key = tuple[
    Kind, str
]  # "names", "linalg": the names of that module; "arguments", "Trainer" or "Trainer.fit"
Span = tuple[
    str, str
]  # the first and the last release that has it, "" where that end is open or not known


def key(version: str) -> tuple[int, ...]:
    """For order."""
    return tuple(map(int, re.findall(r"\d+", version)))


def places(release: Release) -> dict[Key, Place]:
    """What a release has, by what it is of."""
    top = release.top
    inner = {module: module.removeprefix(top).removeprefix(".") for module in release.modules}
    modules = {
        f".{place}" for module, place in inner.items() if place and module not in release.only_stubs
    }
    out: dict[Key, Place] = {("modules", ""): Place(modules, modules, set())}
    taken: dict[str, list[Arguments]] = defaultdict(list)
    for module, place in inner.items():
        names = release.names(module)
        own = names.own if place else names.own | release.children.get(module, set())
        compiled = module in release.only_stubs or not release.modules[module].read
        out["names", place] = Place(names.has, own, {ANY} if compiled else names.open)
        for name, one in release.modules[module].functions.items():
            taken[name].append(one)
        for name, made in release.modules[module].classes.items():
            if name.startswith("_"):
                continue
            one_of = release.attributes(module, name)
            old = out.get(("attributes", name), Place(set(), set(), set()))
            own = one_of.own if _public(place) else set()
            out["attributes", name] = Place(
                old.has | one_of.has, old.own | own, old.open | one_of.open
            )
            taken[name].append(release.init(module, name))
            for method, one in made.methods.items():
                taken[f"{name}.{method}"].append(one)
    for name, each in taken.items():
        if not name.startswith("_"):
            given = set().union(*(one.names for one in each))
            out["arguments", name] = Place(
                given, given, {ANY} if any(one.rest for one in each) else set()
            )
    return out


# "unsure": a compiled module may have it, whose stub comes later than the name; that it is gone from there is believed.
State = Literal["there", "absent", "unsure", "unknown"]


def _states(each: list[Place | None], name: str) -> list[State | None]:
    """Of a name in each release; None where what it is of was not there. What may give it counts where it is new."""
    having = [place for place in each if place and name in place.has]
    usual = set().union(*(place.open for place in having))
    return [
        None
        if place is None
        else "there"
        if name in place.has
        else "unknown"
        if ANY in place.open or not place.open <= usual
        else "unsure"
        if place.open
        else "absent"
        for place in each
    ]


def _span(versions: list[str], states: list[State | None]) -> Span | None:
    known = [at for at, state in enumerate(states) if state is not None]
    there = [at for at in known if states[at] == "there"]
    lacking = ("absent", "unsure")
    if not there or any(states[at] in lacking for at in known if there[0] < at < there[-1]):
        return None
    before = [states[at] for at in known if at < there[0]]
    after = [states[at] for at in known if at > there[-1]]
    first = versions[there[0]] if before and set(before) == {"absent"} else ""
    last = versions[there[-1]] if after and set(after) <= {*lacking} else ""
    if not last and set(after) & {"unknown", "unsure"}:
        return None
    return (first, last) if first or last else None


class Found(NamedTuple):
    """`names`: those that some module of the package has, of each release the first and last that does."""

    versions: list[str]
    of: dict[tuple[Key, str], Span]
    anywhere: dict[str, Span]
    own: dict[Key, set[str]]


def compared(releases: dict[str, dict[Key, Place]]) -> Found:
    """What came or went between the releases while what it is of was there."""
    versions = sorted(releases, key=key)
    of: dict[tuple[Key, str], Span] = {}
    homes: dict[str, list[list[State | None]]] = defaultdict(list)
    own: dict[Key, set[str]] = {}
    for where in set().union(*releases.values()):
        each = [releases[version].get(where) for version in versions]
        known = [place for place in each if place]
        every = set().union(*(place.has for place in known))
        steady = (
            set() if where[0] == "modules" else set.intersection(*(place.has for place in known))
        )
        own[where] = set().union(*(place.own for place in known))
        for name in every if where[0] == "names" else every - steady:
            states = _states(each, name)
            if where[0] == "names":
                homes[name].append(states)
            if name not in steady and (span := _span(versions, states)):
                of[where, name] = span
    anywhere = {
        name: span
        for name, each_of in homes.items()
        if (span := _span(versions, [_joined(one) for one in zip(*each_of, strict=True)]))
    }
    return Found(versions, of, anywhere, own)


def _joined(states: tuple[State | None, ...]) -> State:
    """Of a name in a package, by its modules: that a module is not there says that it has none."""
    return next((one for one in ("there", "unknown", "unsure") if one in states), "absent")


def kept(package: str, found: Found) -> dict[str, Span]:
    """What others use and ask for, as the table names it."""
    modules = {name: span for (where, name), span in found.of.items() if where[0] == "modules"}
    level = _LEVEL.get(package, 1)  # how many modules deep names are kept
    shown = set().union(
        *(
            names
            for (kind, place), names in found.own.items()
            if kind == "names" and _public(place) and "." not in place
        )
    )
    members = re.compile(_MEMBERS.get(package, r"(?!)"))
    out: dict[str, Span] = {}
    for (where, name), span in found.of.items():
        kind, of = where
        last = span[1]
        if kind == "modules":
            if (
                _asked_module(
                    name, level + 1 if last else 1 + (package in _CAME), last, package in _PRIVATE
                )
                and modules.get(name.rpartition(".")[0]) != span
            ):
                out[name] = span
        elif not _asked_for(name, last):
            continue
        elif kind == "names":
            whole = f".{of}.{name}".replace("..", ".")
            said = span in (modules.get(f".{of}"), modules.get(whole))
            if said or not _public(of) or name not in found.own[where]:
                continue
            deep = of.count(".") + bool(of)
            if found.anywhere.get(name) == span:
                if deep <= (level if last else _CAME.get(package, 0)):
                    out[f":{name}"] = span
            elif deep <= (level if last else _CAME.get(package, 0)):
                out[f"{of}:{name}" if of else f"={name}"] = span
        elif (
            last
            and (of.partition(".")[0] in shown or package in _INSIDE)
            and name in found.own.get(where, {name})
        ):
            token = f"{of}.{name}" if kind == "attributes" else f"{of}({name})"
            if members.fullmatch(token):
                out[token] = span
    long_ago = found.versions[: len(found.versions) // 4]
    return {
        name: ("", span[1]) if span[1] and span[0] in long_ago else span
        for name, span in out.items()
        if not re.match(_LEFT_OUT.get(package, r"(?!)"), name)
    }


def _public(place: str) -> bool:
    return not any(part.startswith("_") for part in place.split("."))


def _asked_module(name: str, deep: int, last: str, private: bool) -> bool:
    """Private ones are imported all the same, while they are there; new ones of a few packages."""
    return name.count(".") <= deep and name.count("._") <= (bool(last) or private)


def _asked_for(name: str, last: str) -> bool:
    if len(name) < 2 or name.startswith("_") or name in ("self", "cls"):
        return False
    return not name.isupper() or (
        bool(last) and name.count("_") < 2
    )  # few are imported from elsewhere


# How many modules below the package names are kept, of those that went and of those that came: what others import from.
_LEVEL = dict.fromkeys(
    ("accelerate", "jax", "megatron", "moviepy", "outlines", "pkg_resources", "setuptools", "sglang"), 2
) | dict.fromkeys(
    ("PIL", "datasets", "deepspeed", "diffusers", "flax", "google", "huggingface_hub", "importlib_metadata", "matplotlib",
     "networkx", "numpy", "onnx", "optax", "packaging", "pandas", "peft", "pydantic", "pytorch_lightning", "scipy",
     "skimage", "sklearn", "spacy", "torch", "torchaudio", "torchvision", "transformers", "triton", "trl", "typing_extensions", "vllm", "werkzeug", "xformers"),
    1,
)  # fmt: skip
_CAME = dict.fromkeys(("accelerate", "megatron"), 2) | dict.fromkeys(
    (
        "datasets",
        "flax",
        "huggingface_hub",
        "jax",
        "onnx",
        "peft",
        "pydantic",
        "torch",
        "torchaudio",
        "torchvision",
        "triton",
        "trl",
        "xformers",
    ),
    1,
)
# The classes and functions whose attributes and arguments are kept.
_MEMBERS = {
    **dict.fromkeys(
        (
            "PIL",
            "httpx",
            "networkx",
            "numpy",
            "onnx",
            "scipy",
            "sklearn",
            "torchaudio",
            "torchvision",
        ),
        r".*",
    ),
    **dict.fromkeys(("albumentations", "keras", "torchmetrics"), r"[A-Z]\w*\(\w+\)"),
    "accelerate": r"(?:Accelerator|AcceleratorState|PartialState|DataLoaderConfiguration|FullyShardedDataParallelPlugin|DeepSpeedPlugin|"
    r"dispatch_model|init_empty_weights|load_checkpoint_and_dispatch|infer_auto_device_map|prepare_data_loader|skip_first_batches)[.(].*",
    "datasets": r"(?:Dataset|DatasetDict|IterableDataset|load_dataset|load_from_disk|Features)[.(].*",
    "gradio": r"[A-Z]\w*(?:\.(?:launch|queue|load))?\(\w+\)|[A-Z]\w*\.(?:style|update)",
    "huggingface_hub": r"(?:HfApi|hf_hub_download|snapshot_download|InferenceClient|login|upload_file|upload_folder)[.(].*",
    "matplotlib": r"(?:FigureCanvas(?:Agg|TkAgg|QTAgg)|RendererAgg|Axes|Axes3D|Figure|Legend|Colormap\w*|colorbar|savefig|subplots)[.(].*",
    "flash_attn": r"flash_attn_\w*func\(\w+\)",
    "openai": r"(?:Async)?(?:OpenAI|AzureOpenAI)[.(].*",
    "pandas": r"(?:DataFrame|Series|\w*Index|Styler|\w*GroupBy|HDFStore|Timestamp|ExcelWriter|read_\w+|concat|date_range|to_datetime)[.(].*",
    "peft": r"(?:PeftModel\w*|LoraModel|LoraConfig|PeftConfig|get_peft_model|prepare_model_for_kbit_training|prepare_model_for_int8_training)[.(].*",
    "pydantic": r"(?:BaseModel|FieldInfo|Field|validator|create_model)[.(].*",
    "pytorch_lightning": r"(?:Trainer|LightningModule|LightningDataModule|ModelCheckpoint|EarlyStopping|seed_everything)[.(].*|\w+(?:Logger|Strategy)\(\w+\)",
    "torch": r"(?:ONNXProgram|DataLoader|\w+LR|load|save|compile|export|checkpoint|DistributedDataParallel|FullyShardedDataParallel)[.(].*",
    "ray": r"(?:init|remote)\(\w+\)",
    "sglang": r"(?:Engine|SamplingParams)\(\w+\)",
    "trl": r"\w+(?:Trainer|Config)\(\w+\)",
    "vllm": r"(?:LLM|(?:Async)?(?:LLMEngine|EngineArgs)|SamplingParams|ModelConfig)\(\w+\)|(?:LLM|(?:Async)?LLMEngine|SamplingParams)\.\w+",
    "xformers": r"memory_efficient_attention\w*\(\w+\)",
    "transformers": r"(?:(?:Dynamic|Static|EncoderDecoder)?Cache|PreTrainedModel|PreTrainedTokenizerBase|GenerationMixin|Trainer|TrainingArguments|"
    r"GenerationConfig|Pre[Tt]rainedConfig)[.(].*",
}
_PRIVATE = {"numpy", "torch"}  # torch.distributed._tensor; numpy._core, of which pickled arrays are
_INSIDE = {
    "matplotlib",
    "pandas",
    "torch",
    "transformers",
}  # whose classes are handed out, and not imported
# Parts that hardly anybody imports from, of packages that have many of them.
_LEFT_OUT = {
    "diffusers": r"(?i).*flax|.*(?:dummy|modular_pipelines|guiders|hooks|_objects)|\.pipelines\.\w+\.|\.commands|.*:(?:log\w+|is_\w+_version)",
    "jax": r"\.?(?:example_libraries|experimental\.(?:array_serialization|jax2tf|jet|key_reuse|mosaic|sparse))[.:].*",
    "onnx": r"\w+_pb2?:.*",
    "sglang": r"\.?(?:multimodal_gen|jit_kernel|bench_\w+|cli|kernels|compile_deep_gemm|launch_server_\w+)\b.*",
    "timm": r":[a-z]\w*\d\w*",
    "torch": r"\._(?:inductor|dynamo|functorch|export|higher_order_ops|prims\w*|refs)\.|\.testing\._internal",
    "vllm": r"\._|\.?(?:tool_parsers|models|reasoning|tokenizers|parser|renderers|cute_utils|benchmarks|tracing|scripts|connections|env_override)\b.*",
    "transformers": r"(?i).*(?:flax|:tf|dummy|_test)|\.models\.\w+\.(?!mod|conf|tok)",
}
_NOT_KEPT = {"_distutils_hack", "anthropic", "compressed_tensors", "monai", "tokenizers", "wandb"}


def rows(found: dict[str, Span], versions: list[str]) -> dict[str, str]:
    """The names of one span together: "2-5" are the numbers of its releases."""
    number = {version: str(at) for at, version in enumerate(versions)} | {"": ""}
    grouped: dict[str, list[str]] = defaultdict(list)
    for name, (first, last) in sorted(found.items()):
        grouped[f"{number[first]}-{number[last]}"].append(name)
    return {span: " ".join(names) for span, names in sorted(grouped.items())}


def of_python(found: Found) -> dict[str, Span]:
    """The modules of the standard library, and names of them that programs import."""
    out: dict[str, Span] = {}
    for (where, name), span in found.of.items():
        if where[0] == "modules":
            if found.of.get((where, name.rpartition(".")[0])) != span and not name.startswith("._"):
                out[name] = span
        elif where[0] == "names" and where[1] and len(name) > 2 and name[0] != "_":
            constant = name.isupper() and name != "UTC"
            if not constant and (span[1] or where[1] in _IMPORTED):
                out[f"{where[1]}:{name}"] = span
    return out


# Modules of Python's of which new names are imported: most of what else came is reached through a module.
_IMPORTED = {
    "asyncio", "collections.abc", "contextlib", "dataclasses", "datetime", "enum", "functools", "importlib.metadata",
    "importlib.resources", "itertools", "types", "typing", "warnings",
}  # fmt: skip


def standard_library(typeshed: Path) -> dict[str, dict[Key, Place]]:
    """Python's own modules, as the stubs of typeshed tell them for each release."""
    out: dict[str, dict[Key, Place]] = {}
    for minor in range(OLDEST, NEWEST + 1):
        found = Release("")
        for line in typeshed.joinpath("VERSIONS").read_text("utf-8").splitlines():
            told = re.match(r"(?P<module>[\w.]+): 3\.(?P<first>\d+)-(?:3\.(?P<last>\d+))?", line)
            if told and int(told["first"]) <= minor <= int(told["last"] or 99):
                found.modules[told["module"]] = _stub(typeshed, told["module"], minor)
        out[f"3.{minor}"] = places(found)
    return out


OLDEST, NEWEST = 8, 14  # of Python 3


def _stub(typeshed: Path, module: str, minor: int) -> Module:
    base = typeshed.joinpath(*module.split("."))
    path = base / "__init__.pyi" if base.is_dir() else base.with_suffix(".pyi")
    if not path.is_file() or module.startswith("_"):
        return Module()
    tree = ast.parse(path.read_text("utf-8"))
    tree.body = list(_of_release(tree.body, minor))
    found = read_tree(module, base.is_dir(), tree)
    if module in ("typing", "collections.abc"):
        found.own |= found.other
    return found


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
    "cupy": "cupy-cuda12x", "flashinfer": "flashinfer-python", "flask": "Flask", "megatron": "megatron-core", "nemo": "nemo-toolkit",
    "open_clip": "open-clip-torch", "tf_keras": "tf-keras", PYTHON: PYTHON,
}  # fmt: skip


def archives(folder: Path) -> dict[str, dict[str, dict[Key, Place]]]:
    """Package -> release -> what it has."""
    out: dict[str, dict[str, dict[Key, Place]]] = defaultdict(dict)
    for path in sorted(folder.iterdir()):
        name, version = re.split(r"-(?=\d)", path.name.removesuffix(".tar.gz"), maxsplit=1)
        package = next(
            (one for one, pip in PIP.items() if _plain(pip) == _plain(name)), _plain(name)
        )
        out[package][version.partition("-")[0]] = places(read(_files(path), package))
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


def write(found: dict[str, Found]) -> None:
    """The table, with the packages that were read in place of what it had of them."""
    packages = json.loads(lzma.decompress(DATA.read_bytes()))["packages"]
    for package in sorted(found.keys() - _NOT_KEPT):
        names = of_python(found[package]) if package == PYTHON else kept(package, found[package])
        packages[package] = {
            "pip": PIP.get(package, package.replace("_", "-")),
            "releases": found[package].versions,
            "names": rows(names, found[package].versions),
        }
    text = {
        "source": "wheels and source archives on PyPI, read by tools/package_names.py; of Python the stubs of typeshed",
        "packages": dict(sorted(packages.items())),
    }
    DATA.write_bytes(packed_text(json.dumps(text, separators=(",", ":")).encode()))


if __name__ == "__main__":
    stubs = {PYTHON: standard_library(Path(sys.argv[2]))} if len(sys.argv) > 2 else {}
    write({name: compared(each) for name, each in {**archives(Path(sys.argv[1])), **stubs}.items()})
