"""What `--help` says of each command, and the man page: a synopsis, examples, options by purpose.

Plain data without Typer, so that the first screen is printed at once. The options themselves are
declared in the commands' own files; a test holds that each stands in one group.
"""

from __future__ import annotations

from typing import NamedTuple


class Page(NamedTuple):
    """A command's page. `groups`: a purpose and the options that serve it, in order."""

    about: str  # one line, for the list of commands
    synopsis: str
    examples: tuple[tuple[str, str], ...]
    groups: tuple[tuple[str, tuple[str, ...]], ...]
    exits: str = ""


_PATIENT = ("Which environment", ("--python", "--gpu"))

PAGES: dict[str, Page] = {
    "doctor": Page(
        "Find what is wrong with a Python GPU environment.",
        "gpufix doctor [PROJECT] [OPTIONS]",
        (
            ("gpufix doctor", "the active environment, or the project's"),
            ('gpufix doctor . --gpu "RTX 5080"', "this project, for a GPU that is not here"),
            ("gpufix doctor --report junit=out.xml", "in CI: text, and a report file"),
            ("gpufix doctor --node", "this machine: GPUs, links, limits"),
        ),
        (
            ("What to look at", ("--python", "--gpu", "--facts", "--deep", "--node")),
            ("What to judge", ("--select", "--ignore", "--baseline", "--write-baseline")),
            ("What to print", ("--format", "--output", "--report", "--smoke", "--verbose")),
            ("When to fail", ("--fail-on", "--strict")),
        ),
        "0 nothing at or over --fail-on, 1 findings, 2 usage, 3 gpufix failed",
    ),
    "fix": Page(
        "Show how to repair it; with --apply, repair it.",
        "gpufix fix [PROJECT] [OPTIONS]",
        (
            ("gpufix fix", "show every plan; on a terminal, ask for each"),
            ("gpufix fix --apply", "apply the safe plans, check the result"),
            ("gpufix fix --apply --unsafe", "also change versions that you chose"),
            ("gpufix fix --apply --only SYM402", "repair one kind of finding"),
        ),
        (
            (
                "What to repair",
                ("--python", "--gpu", "--select", "--ignore", "--only", "--log", "--deep"),
            ),
            ("What to do", ("--apply", "--unsafe", "--build", "--fallback", "--keep")),
            ("How to prove it", ("--probe",)),
            ("Where packages come from", ("--index-url", "--find-links", "--resolve")),
            ("What to print", ("--format", "--output")),
        ),
        "0 nothing of what was asked remains, 1 plans are pending or findings remain, 2 usage, "
        "3 gpufix failed",
    ),
    "undo": Page(
        "Restore what the last repair changed.",
        "gpufix undo [ID] [OPTIONS]",
        (
            ("gpufix undo", "the last run of fix on this environment"),
            ("gpufix undo --list", "all runs"),
            ("gpufix undo --dry-run", "show what would be restored"),
            ("gpufix undo 20260101-120000-ab12", "one run, by its ID"),
        ),
        (
            ("Which run", ("--python", "--list")),
            ("What to do", ("--dry-run", "--force", "--forget")),
            ("What to print", ("--format",)),
        ),
        "0 restored, or nothing to undo, 1 not everything could be restored, 2 usage",
    ),
    "explain": Page(
        "Explain a rule, or an error message or build log.",
        "gpufix explain CODE|FILE|- [OPTIONS]",
        (
            ("gpufix explain build.log", "the cause in a log, and what to do"),
            ("python train.py 2>&1 | gpufix explain -", "straight from a program"),
            ("gpufix explain SYM402", "the page of a rule"),
            ("gpufix explain WHL", "the rules of a family"),
        ),
        (
            ("Which environment", ("--python", "--project", "--gpu", "--facts", "--no-patient")),
            ("What to print", ("--format", "--output", "--verbose")),
        ),
        "0 recognised, 1 not recognised, 2 usage",
    ),
    "recommend": Page(
        "Which torch build fits these GPUs, this driver, this Python.",
        "gpufix recommend [PACKAGE...] [OPTIONS]",
        (
            ("gpufix recommend", "for this environment and its GPUs"),
            ('gpufix recommend --gpu "RTX 5080"', "for a GPU that is not here"),
            ("gpufix recommend gsplat torchvision", "with wheels of these packages"),
            ("gpufix recommend --extension my_ext.so", "that this file loads with"),
        ),
        (
            ("For which machine", ("--gpu", "--driver", "--platform", "--python-version")),
            ("For which environment", ("--python", "--facts")),
            ("Which builds", ("--torch", "--with", "--extension", "--prefer", "--all")),
            ("What to print", ("--format", "--output")),
        ),
        "0 a build fits, 1 none does, 2 usage",
    ),
    "inspect": Page(
        "What a .so, wheel or package needs, and which GPUs it serves.",
        "gpufix inspect FILE... [OPTIONS]",
        (
            ("gpufix inspect my_ext.so", "libraries, torch releases, C++ ABI, GPUs"),
            ("gpufix inspect flash_attn-*.whl", "a wheel, without installing it"),
            ("gpufix inspect xformers", "an installed package"),
            ("gpufix inspect ext.so --python .venv", "does it load in that environment"),
        ),
        (
            ("For which environment", ("--python", "--gpu", "--driver")),
            ("What to print", ("--format", "--verbose")),
        ),
        "0 read, whatever was found, 2 usage",
    ),
    "build": Page(
        "Build extension folders with the right environment.",
        "gpufix build PATH... [OPTIONS]",
        (
            ("gpufix build submodules/simple-knn", "build and install one folder"),
            ("gpufix build ext/* -j 8", "several, with 8 compilers in all"),
            ("gpufix build . --gpu sm_120", "for a GPU that is not here"),
            ("gpufix build . --dry-run", "show the commands and variables"),
        ),
        (
            _PATIENT,
            ("How to build", ("--jobs", "--timeout", "--editable", "--clean", "--dry-run")),
            ("What to print", ("--format",)),
        ),
        "0 all built and fit, 1 some failed or lack code for a target, 2 usage",
    ),
    "env": Page(
        "Print the variables that fixes have set.",
        "gpufix env [PROJECT] [OPTIONS]",
        (
            ('eval "$(gpufix env)"', "export them in this shell"),
            ("gpufix env --format fish | source", "in fish"),
            ("gpufix env --build", "also what a build needs"),
            ("gpufix env --format dotenv -o .env", "into a file"),
        ),
        (
            _PATIENT,
            ("Which variables", ("--build",)),
            ("What to print", ("--format", "--output", "--verbose")),
        ),
        "0 printed, also where there are none, 2 usage",
    ),
    "run": Page(
        "Run a command with those variables.",
        "gpufix run [OPTIONS] -- CMD...",
        (
            ("gpufix run -- python train.py", "with the variables that fixes have set"),
            ("gpufix run --build -- make", "also with what a build needs"),
            ("gpufix run --python .venv -- pytest", "those of another environment"),
            ("gpufix run --project . -- python a.py", "those of a project"),
        ),
        (
            ("Which environment", ("--python", "--gpu", "--project")),
            ("Which variables", ("--build",)),
        ),
        "the command's own",
    ),
    "smoke": Page(
        "Prove that GPU code builds and runs: a kernel suite, timed.",
        "gpufix smoke [OPTIONS]",
        (
            ("gpufix smoke", "compile, validate and time the suite"),
            ("gpufix smoke --quick", "does torch work on each GPU"),
            ("gpufix smoke --compile-only --gpu sm_120", "without a GPU"),
            ("gpufix smoke --compare before.json", "compare with a saved run"),
        ),
        (
            ("What to run", ("--quick", "--only", "--gpu", "--compile-only")),
            ("How to compile", ("--python", "--jobs", "--private-toolkit")),
            ("What to print", ("--format", "--output", "--save", "--compare", "--verbose")),
        ),
        "0 all passed or not applicable, 1 a kernel fails, 2 usage, 3 gpufix failed",
    ),
    "snapshot": Page(
        "Save all that was observed, redacted, for doctor --facts.",
        "gpufix snapshot [PROJECT] [OPTIONS]",
        (
            ("gpufix snapshot -o facts.json", "save it, to send to somebody"),
            ("gpufix doctor --facts facts.json", "judge it on another machine"),
            ("gpufix snapshot --python .venv -o a.json", "another environment"),
            ("gpufix snapshot --node -o n.json", "this machine: GPUs, links"),
        ),
        (
            ("What to look at", ("--python", "--gpu", "--deep", "--node")),
            ("What to print", ("--output",)),
        ),
        "0 saved, 2 usage",
    ),
    "diff": Page(
        "What differs between two snapshots.",
        "gpufix diff A B [OPTIONS]",
        (
            ("gpufix snapshot -o before.json", "save what is observed now"),
            ("gpufix diff before.json after.json", "what has changed since"),
            ("gpufix diff a.json b.json --format json", "for programs"),
            ("gpufix diff a.json b.json -o diff.txt", "into a file"),
        ),
        (("What to print", ("--format", "--output")),),
        "0 alike, 1 something differs, 2 usage",
    ),
    "fleet": Page(
        "Many nodes: the odd one out, by Ray, Slurm, ssh, Kubernetes.",
        "gpufix fleet COMMAND [OPTIONS]",
        (
            ("gpufix fleet doctor --ssh 'node[01-32]'", "ask hosts by ssh"),
            ("gpufix fleet smoke --slurm=-pgpu", "load its GPUs: who is slow"),
            ("gpufix fleet report answers/", "from saved answers"),
            ("gpufix fleet manifest job --image IMAGE", "Kubernetes: a Job, to apply"),
        ),
        (),
        "0 alike, nothing at --fail-on, 1 otherwise, 2 usage, 3 gpufix failed",
    ),
    "rules": Page(
        "List every rule: code, name and one line.",
        "gpufix rules [OPTIONS]",
        (
            ("gpufix rules", "the catalogue"),
            ("gpufix rules | grep ABI", "one family"),
            ("gpufix rules --format json", "for programs"),
            ("gpufix explain ABI301", "the page of a rule"),
        ),
        (("What to print", ("--format",)),),
        "0 printed, 2 usage",
    ),
}

_NODES = ("Which nodes", ("--ray", "--slurm", "--ssh", "--here", "--ssh-options"))
_JUDGED = ("What to judge", ("--gpu", "--select", "--ignore", "--reference"))
_PRINTED = ("What to print", ("--format", "--output"))

# The commands of `gpufix fleet`; its `diff` is that of the root.
FLEET: dict[str, Page] = {
    "doctor": Page(
        "Look at every node of a cluster.",
        "gpufix fleet doctor [OPTIONS]",
        (
            ("gpufix fleet doctor --ssh 'node[01-32]'", "hosts by ssh"),
            ("gpufix fleet doctor --slurm='-p gpu'", "the nodes of a partition"),
            ("gpufix fleet doctor --ray --save day.jsonl", "keep the answers"),
            ("gpufix fleet doctor --here --reference a.json", "this node against another"),
        ),
        (
            _NODES,
            ("What to look at", ("--python", "--project", "--deep", "--gpufix", "--timeout")),
            _JUDGED,
            ("What to print", ("--format", "--output", "--save")),
            ("When to fail", ("--fail-on", "--strict")),
        ),
        "0 alike, nothing at --fail-on, 1 otherwise, 2 usage, 3 gpufix failed",
    ),
    "smoke": Page(
        "Load every GPU of every node for about a minute: who is slow, wrong or lost.",
        "gpufix fleet smoke [OPTIONS]",
        (
            ("gpufix fleet smoke --slurm=-pgpu", "the nodes of a partition"),
            ("gpufix fleet smoke --ssh a,b --yes", "without a question, for scripts"),
            ("gpufix fleet smoke --here --only copies", "between the GPUs of this node"),
            ("gpufix fleet smoke --ssh a,b --device cpu", "without GPUs: ranks by gloo"),
        ),
        (
            _NODES,
            ("What to load", ("--python", "--device", "--ranks", "--only", "--timeout", "--yes")),
            _PRINTED,
            ("When to fail", ("--fail-on",)),
        ),
        "0 all well, 1 something is slow, wrong or lost, 2 usage, 3 gpufix failed",
    ),
    "report": Page(
        "Compare saved answers of many nodes.",
        "gpufix fleet report INPUT... [OPTIONS]",
        (
            ("gpufix fleet report answers/", "a folder of snapshots"),
            ("gpufix fleet report day.jsonl", "what --save has kept"),
            ("clush -b gpufix fleet probe | gpufix fleet report -", "by another tool"),
            ("gpufix fleet report day.jsonl --expect 'n[1-8]'", "which is missing"),
        ),
        (
            ("Which nodes", ("--expect",)),
            _JUDGED,
            _PRINTED,
            ("When to fail", ("--fail-on", "--strict")),
        ),
        "0 alike, nothing at --fail-on, 1 otherwise, 2 usage, 3 gpufix failed",
    ),
    "manifest": Page(
        "Print what Kubernetes needs to look at every node.",
        "gpufix fleet manifest KIND --image IMAGE [OPTIONS]",
        (
            ("gpufix fleet manifest job --image IMAGE --nodes 8", "an indexed Job"),
            ("gpufix fleet manifest daemonset --image IMAGE", "every node"),
            ("gpufix fleet manifest job --image IMAGE --gpus 8", "pods that ask for GPUs"),
            ("gpufix fleet manifest job --image IMAGE --own", "the image has gpufix"),
        ),
        (
            ("What runs", ("--image", "--python", "--own", "--gpus", "--timeout")),
            ("Where", ("--nodes", "--node-selector", "--namespace", "--name")),
            ("What to print", ("--output",)),
        ),
        "0 printed, 2 usage",
    ),
    "probe": Page(
        "Look at this node and print one line, for fleet report.",
        "gpufix fleet probe [OPTIONS]",
        (
            ("gpufix fleet probe >> answers.jsonl", "one line for each node"),
            ("gpufix fleet probe --node n1", "under a name of your own"),
            ("gpufix fleet probe --python /opt/env", "of this environment"),
            ("gpufix fleet probe --defer", "leave shared storage to one node"),
        ),
        (
            ("What to look at", ("--python", "--project", "--deep", "--defer")),
            ("How", ("--node", "--seconds")),
        ),
        "0 printed, 2 usage",
    ),
    "diff": PAGES["diff"]._replace(synopsis="gpufix fleet diff A B [OPTIONS]"),
}

_FIRST = ("doctor", "fix", "undo", "explain")
_HEAD = """\
gpufix finds why GPU code does not import, run or build in a Python environment,
repairs it, proves the repair, and can undo it.

  gpufix doctor                        what is wrong, and how to fix it
  gpufix fix --apply                   repair it; what does not help is undone
  gpufix undo                          restore what the last repair changed
  gpufix explain build.log             what an error message means

  gpufix doctor --gpu "RTX 5080"       for a GPU that is not in this machine
  gpufix doctor --python ENV PROJECT   another environment, and a project for it

More commands:
"""
_FOOT = """
gpufix COMMAND --help: examples, options. Also --version, --install-completion.
"""


def overview() -> str:
    """The first screen: of `gpufix`, `gpufix --help` and `gpufix -h`."""
    rest = [name for name in PAGES if name not in _FIRST]
    width = max(map(len, rest))
    rows = "".join(f"  {name:<{width}}  {PAGES[name].about}\n" for name in rest)
    return f"{_HEAD}{rows}{_FOOT}"
