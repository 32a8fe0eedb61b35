"""sshd on loopback, one for each node, with host keys that the client knows."""

from __future__ import annotations

import getpass
import socket
import subprocess
from pathlib import Path

from machines import Node, log_of, until

import needs

PORT = 23220


def start(nodes: list[Node], folder: Path) -> str:
    """The path of an ssh configuration in which the nodes' names lead to them."""
    folder.mkdir()
    for name in ("user", "host"):
        keygen = [
            str(Path(needs.path("sshd")).parent.parent / "bin/ssh-keygen"),
            "-q",
            "-t",
            "ed25519",
        ]
        subprocess.run([*keygen, "-N", "", "-f", str(folder / name)], check=True)
    (folder / "authorized").write_text((folder / "user.pub").read_text())
    Path("/run/sshd").mkdir(exist_ok=True)
    blocks, known = [], []
    host_key = " ".join((folder / "host.pub").read_text().split()[:2])
    for number, node in enumerate(nodes):
        port = PORT + number
        set_env = " ".join(f'{k}="{v}"' for k, v in node.variables.items())
        (node.folder / "sshd.conf").write_text(
            f"ListenAddress 127.0.0.1:{port}\nHostKey {folder / 'host'}\nUsePAM no\n"
            f"AuthorizedKeysFile {folder / 'authorized'}\nStrictModes no\nPermitRootLogin yes\n"
            f"PidFile {node.folder / 'sshd.pid'}\nPasswordAuthentication no\n"
            + (f"SetEnv {set_env}\n" if set_env else "")
        )
        node.start(needs.path("sshd"), "-D", "-e", "-f", str(node.folder / "sshd.conf"))
        known.append(f"[127.0.0.1]:{port} {host_key}")
        blocks.append(f"Host {node.name}\n  HostName 127.0.0.1\n  Port {port}\n")
    (folder / "known").write_text("\n".join([*known, ""]))
    config = folder / "config"
    config.write_text(
        "".join(blocks) + f"Host *\n  User {getpass.getuser()}\n  IdentityFile {folder / 'user'}\n"
        f"  IdentitiesOnly yes\n  UserKnownHostsFile {folder / 'known'}\n  StrictHostKeyChecking yes\n"
    )
    until(lambda: all(map(_listens, range(PORT, PORT + len(nodes)))), 60, log_of(nodes))
    return str(config)


def _listens(port: int) -> bool:
    with socket.socket() as tried:
        tried.settimeout(1)
        return tried.connect_ex(("127.0.0.1", port)) == 0


def forget(config: str, node: Node, number: int) -> None:
    """As if the node had been installed anew: its host key is another one than is known."""
    known = Path(config).with_name("known")
    lines = known.read_text().splitlines()
    other = Path(config).with_name("user.pub").read_text().split()[1]
    lines[number] = f"[127.0.0.1]:{PORT + number} ssh-ed25519 {other}"
    known.write_text("\n".join([*lines, ""]))
