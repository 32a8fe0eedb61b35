"""Attributes, arguments and types of models that another release has: whose they are, and which release."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

from gpufix.explain import comfyui
from gpufix.explain.explanation import Explanation, Told, context
from gpufix.explain.frames import asking, frames_before
from gpufix.explain.log_scan import Hit
from gpufix.explain.releases_with import one_of, pip_name, replaced
from gpufix.knowledge import name_spans
from gpufix.knowledge.messages import message_of
from gpufix.knowledge.name_spans import Owner

_ATTRIBUTE = re.compile(
    r"(?:type object )?['\"`]?(?P<owner>[A-Za-z_][\w.]{0,120})['\"`]?(?: object)? has no attribute ['\"`]?(?P<name>\w{1,120})"
)
_CALL = re.compile(
    r"(?:(?P<owner>\w{1,80})\.)?(?P<function>\w{1,80})\(\) (?:got an unexpected keyword argument|"
    r"missing \d{1,2} required (?:positional|keyword-only) arguments?|takes|got multiple values)"
    r"[^'\"‘“`\n]{0,80}(?:['\"‘“`](?P<argument>\w{1,80}))?"
)
_TYPE = re.compile(r"model type [`'\"](?P<type>[\w.-]{1,60})|KeyError: [`'\"](?P<key>[\w.-]{1,60})")
# By how the classes of a package are called, where the wheels' names do not tell.
_CLASSES = (
    (r"\w{0,20}(?:SFT|DPO|PPO|GRPO|KTO|ORPO|CPO|Reward|Online\w+)(?:Trainer|Config)", "trl"),
    (r"(?:Async)?EngineArgs|LLM|(?:Async)?LLMEngine|AsyncLLM|SamplingParams|GPUModelRunner|ModelConfig", "vllm"),
    (r"\w*(?:Lora|Peft)\w*", "peft"),
    (r"\w+(?:Pipeline|Transformer[23]DModel|TransformerBlock|AttnProcessor\w*|Scheduler)|AttnProcessor\w*|UNet\w+|AutoencoderKL\w*", "diffusers"),
    (
        r"(?:Seq2Seq)?Trainer|(?:Seq2Seq)?TrainingArguments|Pre[Tt]rainedConfig|TokenizersBackend|\w*(?:Cache|ForCausalLM|ForConditionalGeneration|ForMaskedLM|ForSequenceClassification|Tokenizer|"
        r"TokenizerFast|ImageProcessor\w*|DecoderLayer|EncoderLayer|RotaryEmbedding|SdpaAttention|FlashAttention2)"
        r"|(?:Llama|Qwen|Mi[sx]tral|Gemma|Phi|CLIP|T5|Bert|Roberta|Whisper|Siglip|GPT|Falcon|DeepSeek|Deepseek|"
        r"InternVL|ChatGLM|Baichuan|LlavaQ?|Idefics|Bloom|OPT|ViT)\w*",
        "transformers",
    ),
    (r"Blocks|Chatbot|ChatInterface|Textbox|Gallery|Model3D|Dropdown|Slider|Dataframe|CheckboxGroup|Accordion|ImageEditor", "gradio"),
    (r"Accelerat\w+|AcceleratorState|PartialState", "accelerate"),
)  # fmt: skip
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
_MAKERS = ("__init__", "init", "from_pretrained", "load_dataset")
_OWN = ("torch", "accelerate", "peft")  # pass what they are given on


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
    package, asker = _package(found["owner"]), _asker(hit)
    if package in sys.stdlib_module_names:  # an object of Python's own, such as a threading.local
        return None
    if asker and (package == asker or owner in _BUILT_IN) and (told := _own(owner, name, asker)):
        return told.of(explanation)
    subject = owner
    if package is None and _OF_TRANSFORMERS.fullmatch(name):
        package, subject = "transformers", f"what asks for {name}"
    if of := _recorded(name_spans.of_member(owner, name), found["owner"], hit):
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
        of_base = _recorded(name_spans.of_member(base, name), package or "", hit)
        if of_base and of_base.package == package:
            return one_of(of_base, f"{base}.{name}", asker, hit).of(explanation)
        if package and (known := name_spans.owner_of(package, f"{base}.{name}")):
            return one_of(known, f"{base}.{name}", asker, hit).of(explanation)
    if package is None or package == asker:
        return explanation.but(do=_release(asker or package or "", name))
    return explanation.but(
        do=f"{subject[0].upper()}{subject[1:]} is of {package}: install the {package} release that the project names (`pip install "
        f'"{_older(package)}"`; most often an older one, from before the change). Or take a newer release of '
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


def _older(package: str) -> str:
    """As pip is asked for an older release: the ones before the last great change, where there was one."""
    pip = pip_name(package)
    return name_spans.before_the_break(pip) or f"{pip}==X.Y.Z"


_SUGGESTED = re.compile(r"Did you mean ['\"‘“`](?P<name>\w{1,80})['\"’”`]\?")


def other_arguments(explanation: Explanation, hit: Hit) -> Explanation | None:
    """The release that takes the argument, and the name that Python itself finds like it."""
    told = _arguments(explanation, hit)
    like = _SUGGESTED.search(f"{hit.shown}\n{hit.after[:160]}")
    if told is None or like is None or like["name"] in (told.do or ""):
        return told
    return told.but(do=f"{told.do} In code of your own write {like['name']}=… in its place.")


def _arguments(explanation: Explanation, hit: Hit) -> Explanation | None:
    """The release of the class that takes the argument; else the packages that the frames name."""
    found = _CALL.search(_unwrapped(hit))
    near = _near(hit)
    if found is None:
        return _bare_argument(explanation, hit)
    owner, argument = found["owner"], found["argument"]
    package = _package(owner) if owner else None
    if (
        argument
        and found["function"] in ("__init__", "init")
        and (new := name_spans.renamed(owner or "", argument))
    ):
        return _new_name(owner or "", argument, new, near).of(explanation)
    if argument:
        init = found["function"] in ("__init__", "init")
        whole = owner if init else ".".join(filter(None, (owner, found["function"])))
        if recorded := _recorded(name_spans.of_argument(whole or "", argument), owner or "", hit):
            return one_of(recorded, f"{whole}({argument})", None, hit).of(explanation)
        if gone := replaced(f"{whole}({argument})", next(iter(near), None)):
            return gone.of(explanation)
    if package and argument:
        name = (
            f"{owner}({argument})"
            if found["function"] == "__init__"
            else f"{owner}.{found['function']}({argument})"
        )
        if known := name_spans.owner_of(package, name):
            other = next((n for n in near if n != package), None)
            return one_of(known, name, other, hit).of(explanation)
    if argument and (called := _called(found["function"], argument, near, hit)):
        whole, of = called
        return one_of(of, f"{whole}({argument})", None, hit).of(explanation)
    if package and package not in near:
        near = [package, *near][:2]
    making = argument and owner is None and found["function"] in _MAKERS
    if making and (gone := replaced(f"({argument})", next(iter(near), None))):
        return gone.of(explanation)
    if not near:
        return explanation if re.search("unexpected keyword|multiple values", hit.shown) else None
    shown = frames_before(hit)
    caller = shown[-1] if shown else None
    if (
        argument
        and package is None
        and caller
        and caller.package
        and _overridden(found, caller.code)
    ):
        return explanation.but(
            rule="WHL506",
            what=f"{caller.package} gives {owner}.{found['function']} the argument {argument}: the method that {owner} has in its place is of an older "
            f"{caller.package}, and does not take it.",
            do=f"`**kwargs` as the last parameter of {owner}.{found['function']}, or the newest state of the code that {owner} is in. Or the release of "
            f'{caller.package} for which it was written: `pip install "{pip_name(caller.package)}==X.Y.Z"`, as its requirements name it.',
        )
    reader = shown[-1].package if shown and shown[-1].of_data else None
    if argument and reader and package in (None, reader):
        return explanation.but(
            rule="WHL506",
            what=f"{reader} makes its own {owner or found['function']} of what it read from a file, and {argument} in it is none that this release knows: "
            "the file is of a newer one.",
            do=f"`pip install -U {pip_name(reader)}`; or take {argument} out of the file (most often the model's config.json).",
        )
    is_own = argument and shown and asking(shown, "") is None
    own = f" In code of your own leave {argument} out." if is_own else ""
    whose = " and ".join(near)
    older = " ".join(f'"{_older(one)}"' for one in near)
    unknown = package and "unexpected keyword" in hit.shown  # others may be a caller's own mistake
    return explanation.but(
        rule="WHL506" if unknown else None,
        do=f"Install the release of {whose} that the project names (`pip install {older}`): most often an older one, which knows "
        f"(or does not give) {argument or 'these arguments'}. Else a newer release of the caller (`pip install -U {pip_name(near[0])}`).{own}",
    )


def _overridden(found: re.Match[str], code: str) -> bool:
    """Whether a line calls a method of its own object, which a class derived from it may have replaced."""
    return bool(found["owner"] and re.search(rf"\bself\.{found['function']}\(", code))


_CALLED = re.compile(r"(?<![\w.])(?:\w{1,60}\.){0,4}(?P<name>[A-Za-z_]\w{1,80})\(")


def _called(function: str, argument: str, near: list[str], hit: Hit) -> tuple[str, Owner] | None:
    """Whose argument it is, where the message names only __init__ or a base class: what the lines of the text call."""
    if function not in _MAKERS:
        return None
    shown = context(hit, 2000, 400)
    called = {one["name"] for one in _CALLED.finditer(shown)} - {*_MAKERS, "super", "func", "fn"}
    return name_spans.of_called(argument, called, near[:1])


def unexpected_by(explanation: Explanation, hit: Hit) -> Explanation | None:
    """The release of the package that has the class; None where it is not known whose it is."""
    owner = explanation.captures.get("name", "")
    package = _package(owner)
    if package is None:
        return None
    return explanation.but(
        do=f'{owner} is of {package}: the release of it that the project\'s requirements name (`pip install "{_older(package)}"`; most often '
        "an older one), or the newest state of the code that gives them. What is ignored has no effect on the result.",
    )


def _unwrapped(hit: Hit) -> str:
    """The message with its next line where it breaks before the argument."""
    if hit.shown.rstrip().endswith("keyword argument"):
        return f"{hit.shown.rstrip()} {hit.after.lstrip().partition(chr(10))[0]}"
    return hit.shown


def _bare_argument(explanation: Explanation, hit: Hit) -> Explanation:
    """Only the argument is told: its new name, where it has one."""
    argument = explanation.captures.get("name", "")
    new = name_spans.renamed("", argument)
    return _new_name("", argument, new, _near(hit)).of(explanation) if new else explanation


def _recorded(known: Iterator[Owner], owner: str, hit: Hit) -> Owner | None:
    """The package that has the class or function; of several the one that the text names, if it is one."""
    found = list(known)
    if len(found) > 1:
        words = set(re.findall(r"\w+", context(hit, 8192, 400)))
        found = [one for one in found if one.package in words or owner.startswith(one.package)]
    return found[0] if len(found) == 1 else None


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
    caller = next((one for one in _near(hit) if one != "transformers"), None) or (
        "vllm" if name == "aimv2" else "the package that registers it"
    )
    return explanation.but(
        what=f"{caller} registers the model type {name}, which transformers has {known.span.words}: {caller} is of before that.",
        do=f'A newer release of {caller}; or the transformers of its time: `pip install "transformers<={known.span.before}"`.',
    )


def _new_name(owner: str, argument: str, new: str, near: list[str]) -> Told:
    caller = next(
        (one for one in near if one not in ("transformers", "trl")), "the code that calls it"
    )
    package = _package(owner) or "transformers"
    known = name_spans.span(package, f"{owner}({argument})")
    older = f': `pip install "{package}{known.bounds}"`' if known else ""
    since = f" ({known.last} took it, {known.after} does not)" if known and known.last else ""
    return Told(
        f"{owner or 'The function'} of the installed {package} takes no {argument} any more: it is called {new} now{since}.",
        f"{argument} is called {new} now: write {new}=… in its place, or take a newer release of {caller}; or install an "
        f"older {package}, which still takes {argument}{older}.",
    )


def _release(package: str, name: str) -> str:
    return (
        f'Install the {package} release that the project names (`pip install "{_older(package)}"`), or the newest one (`pip install -U {pip_name(package)}`): its '
        f"parts, or what it calls, are of different releases around {name}."
    )


def _package(owner: str) -> str | None:
    """Whose a class is: by its module, by the wheels, by its name."""
    if "." in owner:
        return owner.partition(".")[0]
    if package := name_spans.package_of(owner):
        return package
    return next((package for pattern, package in _CLASSES if re.fullmatch(pattern, owner)), None)


def _near(hit: Hit) -> list[str]:
    shown = [one for one in frames_before(hit) if not one.passes_on]
    packages = [one.package for one in shown if one.package and one.package not in _OWN]
    return list(dict.fromkeys(reversed(packages)))[:2]


def _innermost(hit: Hit) -> str | None:
    """The package whose code was running; None for a program's own file, or where no frame is shown."""
    shown = frames_before(hit)
    return shown[-1].package if shown else None


def _asker(hit: Hit) -> str | None:
    shown = frames_before(hit)
    return asking([one for one in shown if one.package not in _OWN], "")
