"""Whether two checkouts say the same of source trees: the doctor's whole JSON, byte for byte.

    python benchmarks/source_equal.py --python ENV --against CHECKOUT --keep DIR
        [--gpu sm_120 ...] [--gpufix CHECKOUT] FOLDER ...

For changes that shall make the source pass quicker and nothing else. What the other checkout says is
kept in DIR and not asked again. Differences are printed as a diff; exit 1 when there is one.
"""

from __future__ import annotations

import argparse
import difflib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from source_trees import asked

HERE = Path(__file__).resolve()


def said(checkout: Path, project: Path, env: Path, target: str) -> str:
    """The doctor's JSON of one project, indented; what it failed with instead."""
    done = asked(checkout, project, env, target)
    if done.returncode not in (0, 1):
        return done.stderr
    return json.dumps(json.loads(done.stdout), indent=1)


def before(options: argparse.Namespace, project: Path, target: str) -> str:
    """What the other checkout says, from DIR where it was asked before."""
    kept = options.keep / f"{project.name}.{target}.json"
    if not kept.exists():
        text = said(options.against, project, options.python, target)
        kept.with_suffix(".part").write_text(text)
        kept.with_suffix(".part").replace(kept)
    return kept.read_text()


def differences(options: argparse.Namespace) -> Iterator[str]:
    """Each project and target of which the two do not say the same, with a diff."""
    for target in options.gpu or ["sm_120"]:
        for project in options.folders:
            old = before(options, project.resolve(), target)
            if options.only_keep:
                continue
            new = said(options.gpufix, project.resolve(), options.python, target)
            if new != old:
                rows = difflib.unified_diff(old.splitlines(), new.splitlines(), n=4, lineterm="")
                yield "\n".join([f"{project.name} {target}", *list(rows)[: options.lines]])


def main() -> int:
    """Asks both, shows where they differ."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--python", type=Path, required=True)
    parser.add_argument("--against", type=Path, required=True)
    parser.add_argument("--keep", type=Path, required=True)
    parser.add_argument("--only-keep", action="store_true", help="ask the other checkout only")
    parser.add_argument("--gpu", action="append")
    parser.add_argument("--gpufix", type=Path, default=HERE.parents[1])
    parser.add_argument("--lines", type=int, default=40, help="of one diff")
    options = parser.parse_args()
    options.keep.mkdir(parents=True, exist_ok=True)
    found = 0
    for row in differences(options):
        print(row, flush=True)
        found += 1
    pairs = len(options.folders) * len(options.gpu or ["sm_120"])
    print(f"{pairs - found} of {pairs} the same")
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main())
