"""Git repositories behind https on this machine, with a certificate that nobody has signed."""

from __future__ import annotations

import os
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any


@dataclass
class Server:
    """`folder` holds the repositories; what lies below "private" asks for a password."""

    folder: Path
    certificate: Path
    url: str = ""
    asked: list[str] = field(default_factory=list)  # every path that was asked for


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """While it is entered, repositories in `folder` can be cloned from `url`/NAME."""
    folder.mkdir()
    server = Server(folder, folder.parent / "certificate.pem")
    key = folder.parent / "key.pem"
    names = "subjectAltName=IP:127.0.0.1"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=test", "-addext", names]
    command += ["-keyout", str(key), "-out", str(server.certificate)]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server.certificate, key)
    with _Server(("127.0.0.1", 0), _handler(server)) as http:
        http.socket = context.wrap_socket(
            http.socket, server_side=True, do_handshake_on_connect=False
        )
        server.url = f"https://127.0.0.1:{http.server_address[1]}"
        Thread(target=http.serve_forever, daemon=True).start()
        yield server
        http.shutdown()


class _Server(ThreadingHTTPServer):
    """Shakes hands in the request's own thread: one client keeps no other waiting, and what fails is printed."""

    def finish_request(self, request: Any, client_address: Any) -> None:
        request.do_handshake()
        super().finish_request(request, client_address)


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            server.asked.append(path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if path.startswith("/private/"):
                self._answer(401, {"WWW-Authenticate": 'Basic realm="x"'}, b"")
            elif path.startswith("/elsewhere/"):
                self._answer(302, {"Location": f"http://127.0.0.1:1{self.path[10:]}"}, b"")
            else:
                self._git(path, query, body)

        do_POST = do_GET

        def _git(self, path: str, query: str, body: bytes) -> None:
            environ = {
                "PATH": os.environ["PATH"],
                "GIT_PROJECT_ROOT": str(server.folder),
                "GIT_HTTP_EXPORT_ALL": "1",
                "REQUEST_METHOD": self.command,
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            }
            command = ["git", "-c", "safe.directory=*", "http-backend"]
            done = subprocess.run(command, input=body, env=environ, capture_output=True)
            head, _, rest = done.stdout.partition(b"\r\n\r\n")
            fields = dict(row.split(": ", 1) for row in head.decode().split("\r\n"))
            self._answer(int(fields.pop("Status", "200")[:3]), fields, rest)

        def _answer(self, status: int, fields: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in {**fields, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: the test's output is not the place."""

    return Handler
