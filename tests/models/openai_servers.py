"""Two OpenAI-compatible servers on loopback: one that answers as a test says, and a real one with the embedded
model.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

Answered = tuple[int, Any, dict[str, str]]
WAIT_S = 120.0


def written(text: str, **more: Any) -> Answered:
    """An answer of 10 tokens in the format of chat completions."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return 200, {"choices": [choice], "usage": {"total_tokens": 10}} | more, {}


class Service:
    """`answer(payload)` gives status, body (bytes, or an object for JSON) and headers; it counts what it was asked."""

    def __init__(self) -> None:
        self.answer: Callable[[dict[str, Any]], Answered] = lambda payload: written(
            "said " + payload["messages"][0]["content"]
        )
        self.listing: Answered = (200, {"object": "list", "data": [{"id": "m", "owned_by": "us", "created": 1}]}, {})
        self.asked: list[dict[str, Any]] = []
        self.times: list[float] = []
        self.keys: list[str | None] = []
        self.paths: list[str] = []
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                service.keys.append(self.headers["Authorization"])
                self.reply(*service.listing)

            def do_POST(self) -> None:
                payload = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with service.lock:
                    service.asked.append(payload)
                    service.times.append(time.monotonic())
                    service.keys.append(self.headers["Authorization"])
                    service.paths.append(self.path)
                    service.at_once += 1
                    service.most_at_once = max(service.most_at_once, service.at_once)
                answered = service.answer(payload)
                with service.lock:
                    service.at_once -= 1
                self.reply(*answered)

            def reply(self, status: int, body: Any, headers: dict[str, str]) -> None:
                content = body if isinstance(body, bytes) else json.dumps(body).encode()
                with contextlib.suppress(ConnectionError):  # the client may have hung up
                    self.send_response(status)
                    for name, value in {**headers, "Content-Length": str(len(content))}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(content)

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"
        self.locator = f"openai:{self.url}#m"


@contextlib.contextmanager
def serving() -> Iterator[Service]:
    service = Service()
    thread = threading.Thread(target=service.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield service
    finally:
        service.server.shutdown()
        service.server.server_close()
        thread.join()


@contextlib.contextmanager
def transformers_serve(model: Path, folder: Path) -> Iterator[str]:
    """`transformers serve` with the model directory under the name `smollm2`, offline; gives the address."""
    if any(find_spec(name) is None for name in ("fastapi", "uvicorn", "openai")):
        pytest.skip("transformers serve needs fastapi, uvicorn and openai (dependency group dev)")
    (folder / "smollm2").symlink_to(model)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["-m", "transformers.cli.transformers", "serve", "smollm2", "--host", "127.0.0.1", "--port", str(port)]
    offline = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "hub"), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, *command, "--device", "cpu", "--dtype", "float32"],
        cwd=folder,
        env=offline,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    ready, lines = threading.Event(), list[str]()

    def read() -> None:
        for line in process.stderr or ():
            lines.append(line)
            if "Uvicorn running on" in line:
                ready.set()
        ready.set()

    reader = threading.Thread(target=read)
    reader.start()
    try:
        assert ready.wait(WAIT_S), "the server did not start"
        assert process.poll() is None, "".join(lines[-20:])
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(WAIT_S)
        reader.join()
        if process.stderr:
            process.stderr.close()
