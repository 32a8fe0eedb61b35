"""Attributes and types of models that another release has: whose they are, and which release."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

from gpufix.explain import comfyui
from gpufix.explain.class_owners import PASSING_ON, near, older_release, package_of, recorded
from gpufix.explain.explanation import Explanation, Told
from gpufix.explain.frames import asking, frames_before
from gpufix.explain.log_scan import Hit
from gpufix.explain.releases_with import one_of, pip_name, replaced
from gpufix.knowledge import name_spans
from gpufix.knowledge.messages import message_of
from gpufix.knowledge.name_spans import Owner

_ATTRIBUTE = re.compile(
    r"(?:type object )?['\"`]?(?P<owner>[A-Za-z_][\w.]{0,120})['\"`]?(?: object)? has no attribute ['\"`]?(?P<name>\w{1,120})"
)

_TYPE = re.compile(r"model type [`'\"](?P<type>[\w.-]{1,60})|KeyError: [`'\"](?P<key>[\w.-]{1,60})")

# Attributes that code of transformers asks of a configuration or model, whatever the class is called.
_OF_TRANSFORMERS = re.compile(
    r"is_encoder_decoder|get_text_config|forced_bos_token_id|(?:bos|eos|pad)_token_id|rope_(?:theta|scaling|parameters)|"
    r"tie_word_embeddings|_attn_implementation\w*|_supports_(?:sdpa|flash_attn\w*|cache_class)|all_tied_weights_keys|"
    r"_tied_weights_keys|num_hidden_layers|use_return_dict|return_dict|output_attentions|past_key_values|"
    r"no_repeat_ngram_size|num_beams|length_penalty|do_sample|early_stopping|suppress_tokens|max_position_embeddings|is_decoder|add_cross_attention|"
    r"output_hidden_states|image_token_(?:id|index)|_from_model_config|_supports_attention_backend|warnings_issued|"
    r"prepare_inputs_for_generation|_extract_past_from_model_output|_get_initial_cache_position|generation_config"
)
# What the classes of transformers derive from, by how they are called; any other name is a model's.
_BASES = (
    (r"\w*Config", ("PretrainedConfig",)),
    (r"\w*Tokenizer\w*|TokenizersBackend", ("PreTrainedTokenizerBase",)),
    (r"\w*Cache", ("Cache",)),
    (r"\w+", ("PreTrainedModel", "GenerationMixin")),
)


def lacking_attribute(explanation: Explanation, hit: Hit) -> Explanation | None:
    """Nothing of ours unless the package is known: any program has attributes that it lacks."""
    found = _ATTRIBUTE.search(hit.shown)
    if found is None or found["owner"] == "NoneType":
        return None
    owner, name = found["owner"].rpartition(".")[2], found["name"]
    if comfyui.CLASSES.fullmatch(owner):
        return explanation.but(do=f"{owner} is ComfyUI's own. {comfyui.REMEDY}.")
    if owner.startswith("Unsloth"):
        return explanation.but(
            what=f"{owner} is a class that unsloth generates from trl's: the one in unsloth_compiled_cache, unsloth and trl are of different releases.",
            do=message_of("unsloth-no-gpu").do.partition("Then ")[2],
        )
    package, asker = package_of(found["owner"]), _asker(hit)
    if package in sys.stdlib_module_names:  # an object of Python's own, such as a threading.local
        return None
    if asker and (package == asker or owner in _BUILT_IN) and (told := _own(owner, name, asker)):
        return told.of(explanation)
    subject = owner
    if package is None and _OF_TRANSFORMERS.fullmatch(name):
        package, subject = "transformers", f"what asks for {name}"
    if of := recorded(name_spans.of_member(owner, name), found["owner"], hit):
        return one_of(of, f"{owner}.{name}", asker, hit).of(explanation)
    whose = found["owner"].partition(".")[0] if "." in found["owner"] else ""
    if gone := replaced(f"{owner}.{name}", asker, whose):
        return gone.of(explanation)
    if like := _one_named(name_spans.of_member_like(owner, name)):
        whole, of = like
        return one_of(of, f"{whole}.{name}", asker, hit).of(explanation)
    if package is None and asker is None:
        base = next(_of_models(name), None) if _downloaded(hit) else None
        return one_of(base[1], f"{base[0]}.{name}", None, hit).of(explanation) if base else None
    if package == "transformers" == _innermost(hit) and subject != owner:
        return explanation.but(
            rule="WHL506",
            what=f"The installed transformers asks every model for {name}, and this {owner} is a class of code of its own, which has none: that code "
            "is of another release.",
            do="The transformers for which that code was written, its config.json's transformers_version (`pip install "
            '"transformers==X.Y.Z"`; most often an older one); or the newest revision of the model or program that it came with.',
        )
    bases = next(bases for kind, bases in _BASES if re.fullmatch(kind, owner))
    for base in (owner, *bases) if package == "transformers" else (owner,):
        of_base = recorded(name_spans.of_member(base, name), package or "", hit)
        if of_base and of_base.package == package:
            return one_of(of_base, f"{base}.{name}", asker, hit).of(explanation)
        if package and (known := name_spans.owner_of(package, f"{base}.{name}")):
            return one_of(known, f"{base}.{name}", asker, hit).of(explanation)
    if package is None or package == asker:
        return explanation.but(do=_release(asker or package or "", name))
    return explanation.but(
        do=f"{subject[0].upper()}{subject[1:]} is of {package}: install the {package} release that the project names (`pip install "
        f'"{older_release(package)}"`; most often an older one, from before the change). Or take a newer release of '
        f"{asker or 'the code that asks for it'} (model code that was downloaded: its newest revision).",
        rule="WHL506" if asker else None,
    )


_RENAMED = ("PreTrainedConfig",)  # a class of old under another name
_DOWNLOADED = re.compile(r"(?:^|/)transformers_modules/")  # trust_remote_code


def _downloaded(hit: Hit) -> bool:
    """Whether code that came with a model was running, in a call of torch's at most."""
    shown = [one for one in frames_before(hit) if not one.of_torch]
    return bool(shown and _DOWNLOADED.search(shown[-1].path))


def _of_models(name: str) -> Iterator[tuple[str, Owner]]:
    """What a model of transformers has of its base classes, in some releases only."""
    for base in ("PreTrainedModel", "GenerationMixin"):
        if known := name_spans.owner_of("transformers", f"{base}.{name}"):
            yield base, known


_BUILT_IN = ("list", "tuple", "dict", "set", "str", "int", "float", "bool", "function", "generator")


def _own(owner: str, name: str, package: str) -> Told | None:
    """Where a package asks an object for what its own classes have from some release on: another package made the object."""
    for of, known in name_spans.members(package, name):
        if of in _RENAMED:
            continue
        came = known.span if known.span.first else name_spans.span(package, of)
        other = owner not in _BUILT_IN
        if came is None or not came.first or (other and (owner != of or known.span.last)):
            continue
        whose = f"another package's {owner}" if other else f"a {owner} that another package made"
        return Told(
            f"{known.pip} asks for {name} from {came.first} on, as its own {of} has it; here it is given {whose}, which is older than that.",
            f'`pip install "{known.pip}<{came.first}"`; or a newer release of the package that calls {known.pip} here (whose {owner} it is), '
            "which knows of the change.",
            "WHL506",
            known.pip,
        )
    return None


def _one_named(known: Iterator[tuple[str, Owner]]) -> tuple[str, Owner] | None:
    """Where all that were found are of one package, and of the same releases."""
    found = list(known)
    same = {(one.package, one.span) for _, one in found}
    return found[0] if len(same) == 1 else None


def model_type(explanation: Explanation, hit: Hit) -> Explanation:
    """The transformers release that has a type of model."""
    found = _TYPE.search(hit.shown)
    name = (found["type"] or found["key"]) if found else ""
    known = name_spans.owner_of("transformers", f"model:{name}")
    if known is None:
        return explanation
    return explanation.but(
        what=one_of(known, f"model:{name}", None, hit).what,
        do=f'transformers has {name} {known.span.words}: `pip install "transformers{known.span.bounds}"`, with the release of vllm '
        "(sglang, unsloth …) that takes it where one of them loads the model.",
    )


def registered_type(explanation: Explanation, hit: Hit) -> Explanation:
    """The transformers that has a type of model itself, which a package registers."""
    name = explanation.captures.get("name", "")
    known = name_spans.owner_of("transformers", f"model:{name}")
    if known is None:
        return explanation
    caller = next((one for one in near(hit) if one != "transformers"), None) or (
        "vllm" if name == "aimv2" else "the package that registers it"
    )
    return explanation.but(
        what=f"{caller} registers the model type {name}, which transformers has {known.span.words}: {caller} is of before that.",
        do=f'A newer release of {caller}; or the transformers of its time: `pip install "transformers<={known.span.before}"`.',
    )


def _release(package: str, name: str) -> str:
    return (
        f'Install the {package} release that the project names (`pip install "{older_release(package)}"`), or the newest one (`pip install -U {pip_name(package)}`): its '
        f"parts, or what it calls, are of different releases around {name}."
    )


def _innermost(hit: Hit) -> str | None:
    """The package whose code was running; None for a program's own file, or where no frame is shown."""
    shown = frames_before(hit)
    return shown[-1].package if shown else None


def _asker(hit: Hit) -> str | None:
    shown = frames_before(hit)
    return asking([one for one in shown if one.package not in PASSING_ON], "")
