"""`gpufix snapshot`: the facts as JSON, fit to be shown to strangers."""

from __future__ import annotations

from dataclasses import replace

from gpufix.cli import options


def snapshot(
    project: options.Project = None,
    python: options.Python = None,
    gpu: options.Gpu = None,
    output: options.Output = None,
    deep: options.Deep = False,
    node: options.Node = False,
) -> None:
    """Save everything observed, without home paths, names and secrets.

    `gpufix doctor --facts FILE` judges it anywhere and comes to the same findings. With --node it is
    the machine's, for `gpufix doctor --node --facts FILE`.
    """

    from gpufix.cli.config import settings
    from gpufix.cli.examine import examine, examine_node, fail, say_unjudged
    from gpufix.cli.output import write
    from gpufix.diagnosis.diagnose import examine as judge
    from gpufix.diagnosis.redaction import redacted
    from gpufix.knowledge.gpus.models import GpuNameError
    from gpufix.text.json_output import dumps

    if node:
        if python or project or gpu or deep:
            raise fail(
                "--node saves the machine: it cannot be combined with what chooses a patient"
            )
        write(dumps(redacted(examine_node().facts), indent=1) + "\n", output)
        return
    patient = examine(python, project, deep=deep, compare=True)
    chosen = settings(patient.facts, gpu, None, None, None)
    try:
        # Judging records every answer that the checks ask of files: a replay has no disk to ask.
        judgement = judge(patient.facts, chosen.request, patient.ask)
    except GpuNameError as error:
        raise fail(str(error)) from None
    view = judgement.view
    facts = replace(patient.facts, answers=view.answers, gaps=[*patient.facts.gaps, *view.gaps])
    say_unjudged(patient.facts, judgement)
    write(dumps(redacted(facts), indent=1) + "\n", output)
