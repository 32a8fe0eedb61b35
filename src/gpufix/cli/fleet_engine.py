"""Options that say how nodes are reached, and the engine that they choose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gpufix.cli.help import FleetCommand

if TYPE_CHECKING:
    from gpufix.fleet.engines import Engine

Ray = Annotated[
    str | None, typer.Option("--ray", metavar="[ADDRESS]", help="The nodes of a Ray cluster.")
]
Slurm = Annotated[
    str | None,
    typer.Option(
        "--slurm",
        metavar="[SRUN OPTIONS]",
        help="The nodes of Slurm: of this allocation, or those that srun's options choose: "
        "'-p gpu -w node[01-08] --gpus-per-node=8'.",
    ),
]
Ssh = Annotated[
    str | None,
    typer.Option("--ssh", metavar="HOSTS", help="Hosts: node[01-32],login1,user@host."),
]
SshOptions = Annotated[
    str, typer.Option("--ssh-options", metavar="OPTIONS", help="Further arguments of ssh.")
]


class Optional(FleetCommand):
    """`--ray` and `--slurm` may stand without a value."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Give them the value that stands for none."""
        words = {"--ray": "auto", "--slurm": ""}
        own = {opt for param in self.params for opt in (*param.opts, *param.secondary_opts)}
        full: list[str] = []
        for number, argument in enumerate(args):
            after = args[number + 1 : number + 2]
            alone = not after or (after[0].startswith("-") and argument != "--slurm")
            if argument == "--slurm" and after and after[0].startswith("--"):
                alone = after[0].partition("=")[0] in {*own, "--help"}
            full.append(
                f"{argument}={words[argument]}" if argument in words and alone else argument
            )
        return list(super().parse_args(ctx, full))


def which(ray: str | None, slurm: str | None, ssh: str | None, here: bool) -> str:
    """The option that says which nodes; none or several are a usage error."""
    from gpufix.cli.examine import fail

    chosen = {"--ray": ray, "--slurm": slurm, "--ssh": ssh, "--here": here or None}
    named = [name for name, value in chosen.items() if value is not None]
    if len(named) != 1:
        raise fail(
            f"say which nodes by one of {', '.join(chosen)}; found {', '.join(named) or 'none'}"
        )
    return named[0]


def engine(ray: str | None, slurm: str | None, ssh: str | None, ssh_options: str) -> Engine:
    """The one that was chosen; this node where none was."""
    if ray is not None:
        from gpufix.fleet.engines.ray import Ray

        return Ray(ray or "auto")
    if slurm is not None:
        from gpufix.fleet.engines.slurm import Slurm

        return Slurm(slurm)
    if ssh is not None:
        from gpufix.fleet.engines.ssh import Ssh

        return Ssh(ssh, ssh_options)
    from gpufix.fleet.engines.here import Here

    return Here()
