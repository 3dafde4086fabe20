"""Real HTTP services on this machine, well-behaved and not."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[[str], bytes]


@dataclass
class Service:
    """A service that is up: its address, and what it was asked."""

    url: str
    asked: list[str] = field(default_factory=list)


def good(text: str) -> bytes:
    """Invites about half of all texts, by their hash."""
    return json.dumps({"score": blake2b(text.encode(), digest_size=1).digest()[0] - 127.5}).encode()


def nonsense(text: str) -> bytes:
    return b"<html>It works!</html>"


def slow(text: str) -> bytes:
    time.sleep(1.0)
    return good(text)


@contextmanager
def serving(answer: Answer) -> Iterator[Service]:
    """An HTTP service on a free port of this machine, for as long as the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            text = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["input"]
            service.asked.append(text)
            body = answer(text)
            try:
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except ConnectionError:  # whoever asked did not wait
                self.close_connection = True

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            pass

    with Server(("127.0.0.1", 0), Handler) as server:
        service = Service(f"http://127.0.0.1:{server.server_address[1]}/decide")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield service
        server.shutdown()
        thread.join()
