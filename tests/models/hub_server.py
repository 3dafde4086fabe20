"""A Hugging Face hub on loopback with one data set, as far as a download of its files needs it."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "c" * 40


@contextmanager
def hub(name: str, files: Mapping[str, bytes], broken: frozenset[str] = frozenset()) -> Iterator[tuple[str, list[str]]]:
    """Serve the data set `name` with `files`; a `broken` one breaks off in the middle.

    Yields (address, paths asked for).
    """
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.answer(body=False)

        def do_GET(self) -> None:
            self.answer(body=True)

        def answer(self, body: bool) -> None:
            path = self.path.split("?")[0]
            asked.append(f"{self.command} {path}")
            if path in {f"/api/datasets/{name}", f"/api/datasets/{name}/revision/main"}:
                siblings = [{"rfilename": file} for file in files]
                self.send(json.dumps({"id": name, "sha": COMMIT, "siblings": siblings}).encode(), {}, body)
            elif path.startswith(f"/api/datasets/{name}/tree/{COMMIT}"):
                tree = [
                    {"type": "file", "path": file, "size": len(content), "oid": digest(content)}
                    for file, content in files.items()
                ]
                self.send(json.dumps(tree).encode(), {}, body)
            elif (file := path.removeprefix(f"/datasets/{name}/resolve/{COMMIT}/")) in files:
                content = files[file]
                headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{digest(content)}"'}
                self.send(content, headers, body, cut=file in broken)
            else:
                self.send_response(404)
                self.send_header("Content-Length", "0")
                self.end_headers()

        def send(self, content: bytes, headers: Mapping[str, str], body: bool, cut: bool = False) -> None:
            self.send_response(200)
            for key, value in {
                "Content-Type": "application/json",
                "Content-Length": str(len(content)),
                **headers,
            }.items():
                self.send_header(key, value)
            self.end_headers()
            if body:
                self.wfile.write(content[: len(content) // 2] if cut else content)
            if cut and body:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()


def digest(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()
