"""The patient as a plan would leave it, asked by the rules that judge it now.

What a plan changes in a way that the facts can show is its variables, and the distributions that it
installs or removes. What only files would tell of the new ones (their libraries, their requirements) is
left out of those facts: no rule guesses it, and no plan is refused for it.
"""

from __future__ import annotations

from dataclasses import replace

from gpufix.checks.judge import findings_of
from gpufix.checks.registry import Rule, builtin_rules
from gpufix.evidence.gpu_code import outgrown
from gpufix.evidence.requirements import parse, version_of
from gpufix.evidence.view import Judged, View
from gpufix.knowledge import families, torch_releases
from gpufix.model import Facts, Finding, Install, Plan, SetVariables, Severity, Torch, TorchMove
from gpufix.text.names import normalise

# The facts were looked up with these: what another value would show takes another look.
_LOOKED_UP_WITH = frozenset(
    {"LD_LIBRARY_PATH", "LD_PRELOAD", "PATH", "PYTHONPATH", "CUDA_VISIBLE_DEVICES"}
)
# Of what is installed these speak; the others ask for files that are not there yet.
_OF_INSTALLED = ("WHL505", "WHL506")
_OF_TORCH = ("GPU101", "GPU104", "GPU105", "GPU107", "TCH201", "TCH209")


def objection(plan: Plan, finding: Finding, view: View) -> str | None:
    """Why the plan does not mend the patient; None: nothing that is known speaks against it."""
    there, variables = after(plan, view), _variables(plan).keys()
    for name, version in _pins(plan).items():
        if against := outgrown(name, version, view.targets):
            return f"it would bring GPU103: {against}"
        if _is_unpublished(name, version, view):
            return f"the listing of {name} has no {version}"
    if there is None or plan.safety == "manual":
        return None
    codes = _OF_TORCH if plan.moves_torch else _OF_INSTALLED if _pins(plan) else ()
    for rule in builtin_rules(view.facts.project is not None):
        before = judged(rule, view)
        if rule.code not in codes and not variables & before.asked:
            continue
        known = {f.key for f in before.findings if f.severity is Severity.error}
        for found in judged(rule, there).findings:
            if found.key == finding.key:
                return f"it would leave this: {found.message}"
            if found.severity is Severity.error and found.key not in known:
                return f"it would bring {found.code}: {found.message}"
    return None


def _is_unpublished(name: str, version: str, view: View) -> bool:
    """Whether a listing has releases before and after it, and not this one: later ones are unknown."""
    dist, asked = view.dist(name), version_of(version)
    listed = [v for text in families.releases(name) if (v := version_of(text))]
    if asked is None or not listed or (dist and dist.version == version):
        return False
    return asked not in listed and min(listed) < asked < max(listed)


def judged(rule: Rule, view: View) -> Judged:
    """What a rule finds on a view, where it was not asked yet; what it misses is no gap of the view."""
    if rule.code not in view.judged:
        apart = view.apart()
        findings = tuple(findings_of(rule, apart))
        view.judged[rule.code] = apart.judged.get(rule.code) or Judged(findings, frozenset())
    return view.judged[rule.code]


def overlaid(view: View, changes: dict[str, str | None]) -> View:
    """The view as it would be with these variables in the environment file."""
    return view.with_facts(_overlaid(view.facts, changes)) if changes else view


def after(plan: Plan, view: View) -> View | None:
    """The view as it would be; None where the facts show nothing of what the plan does."""
    facts = _overlaid(view.facts, _variables(plan))
    installs = [step for step in plan.steps if isinstance(step, Install)]
    gone = {name for step in installs for name in step.uninstall}
    pins = _pins(plan)
    if plan.moves_torch:
        facts = replace(facts, torch=_moved(plan.moves_torch, facts))
        pins |= {"torch": f"{plan.moves_torch.release}+{plan.moves_torch.variant}"}
    facts = _installed(facts, pins, gone)
    return view.with_facts(facts) if facts != view.facts else None


def _variables(plan: Plan) -> dict[str, str | None]:
    """Those that it sets, alone or with installs: other steps make what a value may name, or change
    what it steers. Beside an install no path, which that may bring."""
    steps = [step for step in plan.steps if isinstance(step, SetVariables)]
    changes = {name: value for step in steps for name, value in step.variables.items()}
    if not all(isinstance(step, (SetVariables, Install)) for step in plan.steps):
        return {}
    if len(steps) < len(plan.steps) and any("/" in (value or "/") for value in changes.values()):
        return {}
    return {name: value for name, value in changes.items() if name not in _LOOKED_UP_WITH}


def _overlaid(facts: Facts, changes: dict[str, str | None]) -> Facts:
    if not changes:
        return facts
    environment = facts.environment
    overlay = {**environment.overlay, **changes}
    return replace(facts, environment=replace(environment, overlay=overlay))


def _pins(plan: Plan) -> dict[str, str]:
    """The distributions that it installs at versions of its choice; none where it leaves one open."""
    steps = [step for step in plan.steps if isinstance(step, Install)]
    exact = [_exact(text) for step in steps for text in step.install]
    return dict(filter(None, exact)) if all(exact) else {}


def _exact(text: str) -> tuple[str, str] | None:
    requirement = parse(text)
    rows = list(requirement.specifier) if requirement else []
    if requirement is None or len(rows) != 1 or rows[0].operator != "==" or "*" in rows[0].version:
        return None
    return normalise(requirement.name), rows[0].version


def _installed(facts: Facts, pins: dict[str, str], gone: set[str]) -> Facts:
    """With other versions of some distributions, of which no more than that is known."""
    installed = {dist.name: dist.version for dist in facts.distributions}
    moved = {name for name, version in pins.items() if installed.get(name) != version}
    gone = gone - pins.keys()
    if not moved and not gone:
        return facts
    dists = [
        replace(d, version=pins[d.name], requires=[], record=None) if d.name in moved else d
        for d in facts.distributions
        if d.name not in gone
    ]
    binaries = facts.binaries
    kept = [x for x in binaries.libraries if x.distribution not in moved | gone]
    return replace(facts, distributions=dists, binaries=replace(binaries, libraries=kept))


def _moved(move: TorchMove, facts: Facts) -> Torch | None:
    """The torch that is installed in place of the present one, as the release table has it."""
    torch = facts.torch
    if torch is None:
        return None
    release = torch_releases.get(move.release)
    platform = torch_releases.platform(facts.host.os, facts.host.machine)
    variant = release.variants(platform).get(move.variant) if release else None
    return replace(
        torch,
        state="ok",
        missing=[],
        build="release",
        version=f"{move.release}+{move.variant}",
        release=move.release,
        variant=move.variant,
        cuda=variant.cuda if variant else None,
        hip=variant.rocm if variant else None,
        cxx11_abi=variant.cxx11_abi if variant else None,
    )
