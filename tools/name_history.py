"""Records which releases of the Hugging Face packages have a name, an attribute or an argument.

    python tools/name_history.py WHEELS     # a folder of wheels: pip download --no-deps NAME==VERSION

Writes src/gpufix/knowledge/data/name_history.json.xz. It holds names (`HybridCache`), attributes
(`DynamicCache.get_max_length`), arguments (`Trainer(tokenizer)`) and types of models (`model:qwen3`),
of those that came or went between the wheels; and which other package imports such a name. Packages without a wheel
in the folder stay as the table has them. What tools/package_names.py has recorded is left out.
"""

from __future__ import annotations

import ast
import json
import lzma
import re
import sys
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from knowledge_build.text_packing import packed_text
from package_names import DATA as PACKAGE_NAMES
from package_names import key

DATA = (
    Path(__file__).parent.parent / "src" / "gpufix" / "knowledge" / "data" / "name_history.json.xz"
)
PACKAGES = ("accelerate", "diffusers", "peft", "transformers", "trl")
ASKERS = ("accelerate", "peft", "trl")
# Whose attributes and arguments are recorded: the classes that other packages use most.
CLASSES = re.compile(
    r"(?:Dynamic|Static|EncoderDecoder)?Cache|PreTrainedModel|PreTrainedTokenizerBase|GenerationMixin|Trainer"
    r"|TrainingArguments|GenerationConfig|Pre[Tt]rainedConfig|Accelerator|DiffusionPipeline|PeftModel"
)
ARGUMENTS = re.compile(
    rf"{CLASSES.pattern}|(?:SFT|DPO|PPO|GRPO|KTO|ORPO|Reward)(?:Trainer|Config)|LoraConfig"
    r"|FlowMatchEulerDiscreteScheduler"
)
# Arguments that go by a new name: of what classes (the end of their names), and the new one. From the decorators
# deprecate_kwarg of Trainer.__init__ in transformers 4.46 and trl 0.12, and from the fields of TrainingArguments.
RENAMED = {
    "Trainer(tokenizer)": "processing_class",
    "TrainingArguments(evaluation_strategy)": "eval_strategy",
    "TrainingArguments(no_cuda)": "use_cpu",
    "TrainingArguments(per_gpu_train_batch_size)": "per_device_train_batch_size",
    "TrainingArguments(fsdp_transformer_layer_cls_to_wrap)": "fsdp_config",
}
# Models whose parts other packages import one by one.
MODELS = re.compile(
    r"/models/(?:auto/|(?:llama|qwen2|qwen2_vl|qwen2_5_vl|qwen3|gemma2?|mi[sx]tral|phi3?|clip|bert|t5|whisper|siglip|"
    r"gpt2|opt|bart|mllama|falcon|llava|gemma3|llama4|mistral3|qwen2_audio|qwen3_vl|glm4v)/(?:model|image|feat|token))"
)
OF_MODELS = re.compile(
    r"\w+(?:FlashAttention2|SdpaAttention|RotaryEmbedding|For(?:CausalLM|Cond\w+)|Fast|Extractor|ImageProcessor|MAPPING_NAMES)"
    r"|[a-z]\w{8,}|Auto\w+|LLAMA_\w+"
)
# Modules of transformers that other packages import from; of diffusers the names that they do.
MODULES = re.compile(
    r"transformers/(?:utils/(?:__init__|import_utils|generic|hub|deprecation)|generation/(?:utils|logits_process|"
    r"stopping_criteria|configuration_utils|beam_search)|trainer|trainer_utils|trainer_seq2seq|training_args|integrations/__init__|"
    r"modeling_(?!tf|flax|gguf)\w+|cache_utils|pytorch_utils|configuration_utils|image_utils|image_transforms|optimization|"
    r"masking_utils|file_utils|feature_extraction_utils|image_processing\w*|tokenization_utils\w*|processing_utils|video_utils|"
    r"activations)\.py"
)
DIFFUSERS = re.compile(
    r"\w+(?:Pipeline|DModel|Scheduler|ControlNetModel|Guidance|Config|Loader\w*|Mixin)|Autoencoder\w+|\w*_available|\w*AttnProcessor\w*"
)
# Private helpers of masks and attention that other packages import all the same.
PRIVATE = re.compile(
    r"_(?:prepare|expand|make|get|flash|unpad|validate|extract|update|reorder|crop|compute|is)_\w+"
)
LEFT_OUT = re.compile(
    r"(?:TF|TF_|FLAX_|Flax)[A-Z]\w*|[A-Z0-9_]*(?:ARCHIVE_LIST|FOR_DOC|_SAMPLE|_CACHE|_ERROR|_EXAMPLE\w*)|_?logger|_import\w+"
    r"|(?:GenerationMixin|Trainer|PreTrainedModel|Accelerator)\._\w+|\w+Tester|(?:test|require)_\w+|\w+\.test_\w+"
)


def read(wheel: Path, package: str) -> tuple[set[str], set[str]]:
    """What a wheel defines, and the names of the other packages that it imports when it is imported."""
    found: set[str] = set()
    asked: set[str] = set()
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if not name.startswith(f"{package}/") or not name.endswith(".py"):
                continue
            part = "/models/" in name and package in ("transformers", "diffusers")
            wanted_of = MODELS if part else MODULES
            if package == "transformers" and not wanted_of.search(name):
                continue
            tree = ast.parse(archive.read(name))
            if package == "diffusers":
                found |= {one for one in _of_module(tree) if DIFFUSERS.fullmatch(one)}
                continue
            kept = {one for one in _of_module(tree) if not LEFT_OUT.fullmatch(one)}
            found |= {one for one in kept if OF_MODELS.fullmatch(one)} if part else kept
            if name.endswith(("auto/configuration_auto.py", "auto/auto_mappings.py")):
                found |= set(_model_types(tree))
            asked |= set(_imports(tree)) if package in ASKERS else set()
    return found, asked


def _of_module(tree: ast.Module) -> Iterator[str]:
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield node.name
            for one in _with_bases(node, classes):
                yield from _of_class(node.name, one)
        elif isinstance(node, ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (one.id for one in node.targets if isinstance(one, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


def _with_bases(node: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> Iterator[ast.ClassDef]:
    """A class and those of its module that it inherits from."""
    yield node
    for base in node.bases:
        if isinstance(base, ast.Name) and base.id in classes and base.id != node.name:
            yield from _with_bases(classes[base.id], classes)


def _of_class(name: str, node: ast.ClassDef) -> Iterator[str]:
    for part in node.body:
        if isinstance(part, ast.FunctionDef):
            if CLASSES.fullmatch(name):
                yield f"{name}.{part.name}"
            if ARGUMENTS.fullmatch(name) and part.name == "__init__":
                given = (*part.args.args[1:], *part.args.kwonlyargs)
                yield from (f"{name}({one.arg})" for one in given)
                yield from (f"{name}({old})" for old in _deprecated(part))
        elif isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
            if ARGUMENTS.fullmatch(name):
                yield f"{name}({part.target.id})"


def _deprecated(function: ast.FunctionDef) -> Iterator[str]:
    """Old names of arguments that a decorator still takes: deprecate_kwarg("tokenizer", …)."""
    for one in function.decorator_list:
        if (
            isinstance(one, ast.Call)
            and ast.unparse(one.func) == "deprecate_kwarg"
            and isinstance(one.args[0], ast.Constant)
        ):
            yield str(one.args[0].value)


def _model_types(tree: ast.Module) -> Iterator[str]:
    """The keys of CONFIG_MAPPING_NAMES: in pairs, and in the dictionaries that it is updated with."""
    for node in tree.body:
        if (
            isinstance(node, ast.Assign | ast.Expr)
            and "CONFIG_MAPPING_NAMES" in ast.unparse(node)[:200]
        ):
            pairs = [one.elts[0] for one in ast.walk(node) if isinstance(one, ast.Tuple)]
            keys = [key for one in ast.walk(node) if isinstance(one, ast.Dict) for key in one.keys]
            yield from (
                f"model:{one.value}"
                for one in (*pairs, *keys)
                if isinstance(one, ast.Constant) and isinstance(one.value, str)
            )


def _imports(tree: ast.Module) -> Iterator[str]:
    """Of module level only: what is tried, or asked for in a function, may be absent."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            owner = node.module.partition(".")[0]
            yield from (f"{owner}:{one.name}" for one in node.names if owner in PACKAGES)


Spans = dict[str, tuple[str, ...]]  # name -> first, last, without, again


def spans(seen: dict[str, set[str]]) -> Spans:
    """Name -> first, last and the one after the last, "" where it had or has it throughout; and the one that
    has it again, where it came back."""
    versions = sorted(seen, key=key)
    out = {}
    for name in sorted(set().union(*seen.values())):
        having = [version for version in versions if name in seen[version]]
        start = versions.index(having[0])
        lacking = [version for version in versions[start:] if name not in seen[version]]
        without = lacking[0] if lacking else ""
        back = [version for version in having if without and key(version) > key(without)]
        span = (
            versions[start] if start else "",
            versions[versions.index(without) - 1] if without else "",
            without,
            back[0] if back else "",
        )
        if any(span):
            out[name] = span
    return out


# Releases before which hardly any is installed: what came with them, every installed one has.
OLD = {"accelerate": (0, 21), "peft": (0, 6), "transformers": (4, 30), "trl": (0, 8)}


def of_today(package: str, found: Spans) -> Spans:
    """The same, where a first release that is long ago does not count."""
    old = OLD.get(package, ())
    out = {
        name: ("" if key(first) < old else first, *others)
        for name, (first, *others) in found.items()
    }
    return {name: span for name, span in out.items() if any(span)}


def wanted(name: str) -> bool:
    """Public names, and the private helpers that others use."""
    plain = re.split(r"[.(]", name)[-1]
    return len(plain) > 3 and (not plain.startswith("_") or bool(PRIVATE.fullmatch(plain)))


def grouped(found: Spans) -> list[dict[str, str]]:
    """The names of one span together, which keeps the file small."""
    rows: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for name, span in found.items():
        if wanted(name):
            rows[span].append(name)
    return [
        {
            **{k: v for k, v in zip(("first", "last", "without", "again"), span, strict=True) if v},
            "names": " ".join(rows[span]),
        }
        for span in sorted(rows, key=lambda span: tuple(map(key, span)))
    ]


def elsewhere() -> dict[str, set[str]]:
    """The names of any module, the attributes and the arguments that the other table has, by package."""
    packages = json.loads(lzma.decompress(PACKAGE_NAMES.read_bytes()))["packages"]
    return {
        package: {
            token.removeprefix(":")
            for names in packages.get(package, {"names": {}})["names"].values()
            for token in names.split()
            if token[0] == ":" or re.match(r"\w+[.(]", token)
        }
        for package in PACKAGES
    }


# Whose names that table has whole: here are attributes and arguments that came, and types of models.
MEMBERS_ONLY = ("accelerate", "peft", "trl")


def without(
    rows: list[dict[str, str]], names: set[str], members_only: bool
) -> Iterator[dict[str, str]]:
    """The rows without these names, but for those that came back, which the other table cannot say."""
    for row in rows:
        own = [one for one in row["names"].split() if one not in names or "again" in row]
        if members_only:
            own = [one for one in own if re.search(r"[.(]", one)]
        if own:
            yield {**row, "names": " ".join(own)}


def main(folder: Path) -> None:
    found: dict[str, dict[str, set[str]]] = defaultdict(dict)
    asked: dict[str, dict[str, set[str]]] = defaultdict(dict)
    for wheel in sorted(folder.glob("*.whl")):
        package, version = wheel.name.split("-")[:2]
        if package in PACKAGES:
            found[package][version], asked[package][version] = read(wheel, package)
    old = json.loads(lzma.decompress(DATA.read_bytes()))
    names = {package: of_today(package, spans(seen)) for package, seen in found.items()}
    others = elsewhere()
    known = {
        package: {name for row in rows for name in row["names"].split()} | others[package]
        for package, rows in old["packages"].items()
    }
    known |= {package: spanned.keys() | others[package] for package, spanned in names.items()}
    askers: dict[str, dict[str, list[str]]] = defaultdict(dict)
    for name, rows in old["askers"].items():
        if kept := {asker: row for asker, row in rows.items() if asker not in found}:
            askers[name] = kept
    for asker, seen in asked.items():
        for name, span in spans(seen).items():
            owner, _, bare = name.partition(":")
            if bare in known.get(owner, {}) and owner != asker:
                askers[f"{owner}:{bare}"][asker] = list(span[:3])
    new = {package: sorted(seen, key=key) for package, seen in found.items()}
    releases = dict(sorted({**old["releases"], **new}.items()))
    listed = "; ".join(f"{package} {', '.join(read)}" for package, read in releases.items())
    grown = old["packages"] | {package: grouped(spanned) for package, spanned in names.items()}
    text = {
        "source": f"wheels on PyPI, read by tools/name_history.py: {listed}. first, last: the first and last of "
        "these that has the name; without: the next one; again: the one in which it came back",
        "releases": releases,
        "packages": {
            package: [*without(rows, others[package], package in MEMBERS_ONLY)]
            for package, rows in sorted(grown.items())
        },
        "renamed": RENAMED,
        "askers": dict(sorted(askers.items())),
    }
    DATA.write_bytes(
        packed_text(json.dumps(text, ensure_ascii=False, separators=(",", ":")).encode())
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
