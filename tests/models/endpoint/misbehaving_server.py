"""A server on loopback that misbehaves in one way after another: as a model (`/v1/chat/completions`) and an application
(`/app`).

A way is a function that answers one request. `PASSING`: what may pass, so that it is tried again. `LASTING`: what will
not pass, so that it fails at once. `SLOW`: what never ends; only a deadline ends it. `ANSWERS`: odd, but the right
answer.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import socket
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "sk-test-qZ7pL2mK9vR4tX8wY3nB"
Way = Callable[["Handler"], None]


def chat(content: Any = "B", finish: Any = "stop", **more: Any) -> dict[str, Any]:
    """A reply in the format of chat completions."""
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": finish}
    return {"model": "m", "choices": [choice], "usage": {"total_tokens": 10}} | more


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *_: Any) -> None: ...

    def send(self, body: bytes | Any, status: int = 200, **headers: str) -> None:
        """A well-formed reply; names of headers with `_` for `-`."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def raw(self, data: bytes) -> None:
        """These bytes, and then the end of the connection."""
        self.wfile.write(data)
        self.wfile.flush()
        self.close_connection = True

    def good(self) -> None:
        self.send({"decision": "invite"} if self.path == "/app" else chat())

    def drip(self, piece: bytes, every_s: float = 0.05) -> None:
        """The same piece again and again, until the client hangs up or the test is over."""
        while not self.server.over.wait(every_s):
            self.wfile.write(piece)
            self.wfile.flush()

    def do_GET(self) -> None:
        with contextlib.suppress(OSError):
            self.server.listing(self)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            self.server.asked += 1
            self.server.keys.append(self.headers["Authorization"])
            misbehaves = self.server.asked <= self.server.times
        with contextlib.suppress(OSError):
            self.server.way(self) if misbehaves else self.good()


class Elsewhere(BaseHTTPRequestHandler):
    """Where nobody may go: it counts who comes."""

    server: Server

    def log_message(self, *_: Any) -> None: ...

    def do_GET(self) -> None:
        self.server.asked += 1
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET


class Server(ThreadingHTTPServer):
    """`way`: how it answers the first `times` requests; `over`: the test has ended."""

    daemon_threads = True

    def __init__(self, handler: type[BaseHTTPRequestHandler] = Handler) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.lock, self.over = threading.Lock(), threading.Event()
        self.way: Way = Handler.good
        self.times = 10**9
        self.asked = 0
        self.keys: list[str | None] = []
        self.listing: Way = lambda one: one.send({"data": [{"id": "m", "owned_by": "us"}]})
        self.elsewhere: Server | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None: ...

    def heal(self) -> None:
        self.way, self.times = Handler.good, 0


@contextlib.contextmanager
def running(server: Server) -> Iterator[Server]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.contextmanager
def misbehaving() -> Iterator[Server]:
    with running(Server()) as server, running(Server(Elsewhere)) as elsewhere:
        server.elsewhere = elsewhere
        yield server


# --- ways
# ---------------------------------------------------------------------------------------------------------------


def status(code: int, body: bytes | Any = b"", **headers: str) -> Way:
    return lambda one: one.send(body, code, **headers)


def reply(body: bytes | Any, **headers: str) -> Way:
    return lambda one: one.send(body, **headers)


def raw(data: bytes) -> Way:
    return lambda one: one.raw(data)


def broken_off(after: bytes) -> Way:
    """A connection that is reset after these bytes."""

    def way(one: Handler) -> None:
        one.raw(after)
        one.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return way


def to(code: int, place: str = "") -> Way:
    def way(one: Handler) -> None:
        assert one.server.elsewhere is not None
        one.send(b"", code, Location=place or one.server.elsewhere.url + "/v1")

    return way


def endless(start: bytes, piece: bytes, every_s: float = 0.05) -> Way:
    def way(one: Handler) -> None:
        one.raw(start)
        one.drip(piece, every_s)

    return way


def zipped(body: bytes, cut: int = 0) -> Way:
    content = gzip.compress(body)
    return reply(content[: len(content) - cut], Content_Encoding="gzip")


def bomb(one: Handler) -> None:
    """20 MB of zeros in 20 kB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    one.send(b"".join(packer.compress(b"\0" * (1 << 20)) for _ in range(20)) + packer.flush(), Content_Encoding="gzip")


OK = b"HTTP/1.1 200 OK\r\n"
SLOW: dict[str, Way] = {
    "no reply": lambda one: one.drip(b""),
    "a drip of headers": endless(OK, b"X-Y: z\r\n"),
    "a drip within one header": endless(OK + b"X-Y: ", b"z"),
    "a drip of provisional replies": endless(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "a drip of body": endless(OK + b"Content-Length: 1000000\r\n\r\n", b" "),
    "a drip of chunks": endless(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "a body without an end": endless(OK + b"\r\n", b" "),
}
LINES: dict[str, Way] = {  # faults of the transport, which a model and an application may both have
    "closed before a reply": lambda one: setattr(one, "close_connection", True),
    "reset before a reply": broken_off(b""),
    "reset within headers": broken_off(OK + b"Content-Le"),
    "reset within the body": broken_off(OK + b'Content-Length: 100\r\n\r\n{"choices": ['),
    "closed within the body": raw(OK + b'Content-Length: 100\r\n\r\n{"choices": ['),
    "chunks cut off": raw(OK + b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"cho'),
    "chunks of no size": raw(OK + b"Transfer-Encoding: chunked\r\n\r\nZZZ\r\nabc"),
    "a length that is no number": raw(OK + b"Content-Length: many\r\n\r\n{}"),
    "a negative length": raw(OK + b"Content-Length: -5\r\n\r\n{}"),
    "two lengths": raw(OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
    "no HTTP": raw(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "a status that is none": raw(b"HTTP/1.1 abc OK\r\n\r\n"),
    "one huge header": raw(OK + b"X: " + b"y" * 300_000 + b"\r\n\r\n"),
    "many headers": raw(OK + b"".join(b"X-%d: y\r\n" % number for number in range(30_000)) + b"\r\n"),
    "no gzip": reply(b"plain", Content_Encoding="gzip"),
    "status 500": status(500, b"<html><script>alert(1)</script></html>", Content_Type="text/html"),
    "status 502": status(502, b"bad gateway"),
    "status 503": status(503, {"error": "overloaded"}),
    "status 504": status(504),
    "status 529": status(529, {"error": {"type": "overloaded_error"}}),
    "control characters in an error": status(500, b'{"error":{"message":"\\u001b[2J\\u001b]0;t\\u0007 \\u202e"}}'),
}
PASSING: dict[str, Way] = LINES | {
    "status 408": status(408),
    "status 409": status(409),
    "status 429": status(429, {"error": {"message": "slow down"}}),
    "429 after 0 s": status(429, Retry_After="0"),
    "429 after a date that is past": status(429, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"),
    "429 after no date": status(429, Retry_After="Fri, 99 Foo 99999999 99:99:99 GMT"),
    "429 after a zone that is none": status(429, Retry_After="Wed, 21 Oct 2015 07:28:00 +99999999"),
    "429 after nan": status(429, Retry_After="nan"),
    "429 after less than nothing": status(429, Retry_After="-5"),
    "429 after words": status(429, Retry_After="soon"),
    "a length that is too short": raw(OK + b'Content-Length: 12\r\n\r\n{"choices": [{}]}'),
    "cut gzip": zipped(json.dumps(chat()).encode(), cut=20),
    "HTML": reply(b"<html>It works!</html>", Content_Type="text/html"),
    "nothing": reply(b""),
    "cut JSON": reply(b'{"choices": [{"message"'),
    "invalid UTF-8": reply(b'{"choices": [{"message": {"content": "\xff\xfe"}}]}'),
    "UTF-16": reply(json.dumps(chat()).encode("utf-16")),
    "deep JSON": reply(b"[" * 400_000),
    "a number too long": reply(
        b'{"choices": [{"message": {"content": "A"}}], "usage": {"total_tokens": ' + b"9" * 5000 + b"}}"
    ),
    "a text twice": reply(b'{"choices": [{"message": {"content": "A", "content": "B"}}]}'),
    "events": reply(
        b'data: {"choices":[{"delta":{"content":"A"}}]}\n\ndata: [DONE]\n\n', Content_Type="text/event-stream"
    ),
    "a list": reply([chat()]),
    "a text": reply("A"),
    "a number": reply(7),
    "null": reply(b"null"),
    "no choices": reply({"model": "m"}),
    "empty choices": reply({"choices": []}),
    "choices null": reply({"choices": None}),
    "choices a text": reply({"choices": "A"}),
    "choice a text": reply({"choices": ["A"]}),
    "choice of another number": reply({"choices": [{"index": 1, "message": {"content": "A"}}]}),
    "message null": reply({"choices": [{"message": None}]}),
    "message a text": reply({"choices": [{"message": "A"}]}),
    "content null": reply(chat(None)),
    "content true": reply(chat(True)),
    "content a number": reply(chat(1)),
    "content an object": reply(chat({"text": "A"})),
    "no usage at all": reply(chat("", usage={"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0})),
    "an error in 200": reply({"error": {"message": "Provider returned error", "code": 429}}),
    "an error in words in 200": reply({"error": "overloaded"}),
    "an error beside choices": reply(chat("A", error={"code": 500})),
    "finish error": reply(chat("The", "error")),
    "finish content_filter": reply(chat("", "content_filter")),
    "finish of another kind": reply(chat("The", "cancelled")),
    "finish a number": reply(chat("A", 7)),
    "the key in an error": lambda one: one.send({"error": {"message": f"bad key {one.headers['Authorization']}"}}, 500),
    "the key in HTML": lambda one: one.send(f"<html>{one.headers['Authorization']}</html>".encode()),
    "the key in an error in 200": lambda one: one.send({"error": f"no quota for {KEY[:-1]}"}),
}
LASTING: dict[str, Way] = {
    "status 400": status(400, {"error": {"message": "half \ud800 \u0000 \x1b[2J"}}),
    "status 401": status(401, {"error": {"message": "bad key"}}),
    "status 403": status(403, b"no"),
    "status 404": status(404, {"error": {"message": "no such model"}}),
    "status 413": status(413),
    "status 201": status(201, chat("A")),
    "status 204": raw(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "429 after a day": status(429, Retry_After="86400"),
    "429 after inf": status(429, Retry_After="inf"),
    "no quota": status(429, {"error": {"code": "insufficient_quota", "message": "no quota"}}),
    "301 to elsewhere": to(301),
    "302 to elsewhere": to(302),
    "307 to elsewhere": to(307),
    "308 to elsewhere": to(308),
    "307 to itself": to(307, "/v1/chat/completions"),
    "a body that is fast and has no end": endless(OK + b"\r\n", b"x" * 65536, 0.0),
    "a bomb": bomb,
    "content in parts that are no text": reply(chat([{"type": "image_url"}])),
    "tool calls": reply(
        {
            "choices": [{"message": {"content": None, "tool_calls": [{"id": "1"}]}, "finish_reason": "tool_calls"}],
            "usage": {"completion_tokens": 5},
        }
    ),
    "the key, whole": lambda one: one.send({"error": {"message": f"your key {one.headers['Authorization']}"}}, 400),
    "the key, cut": lambda one: one.send({"error": {"message": f"key {KEY[:-1]}, {KEY[1:]} and {KEY[8:20]}"}}, 400),
    "the key, turned round": lambda one: one.send({"error": {"message": f"key {KEY[::-1]} {KEY[:-1][::-1]}"}}, 400),
    "the key in base64": lambda one: one.send({"error": base64.b64encode(f"Bearer {KEY}".encode()).decode()}, 403),
}
ANSWERS: dict[str, tuple[Way, str]] = {
    "as usual": (Handler.good, "B"),
    "a mark of byte order": (reply(b"\xef\xbb\xbf" + json.dumps(chat()).encode()), "B"),
    "zipped": (zipped(json.dumps(chat()).encode()), "B"),
    "HTML by its header": (reply(chat(), Content_Type="text/html"), "B"),
    "no headers": (raw(b"HTTP/1.1 200 OK\r\n\r\n" + json.dumps(chat()).encode()), "B"),
    "NaN": (
        reply(b'{"choices": [{"message": {"content": "B"}, "logprobs": NaN}], "usage": {"total_tokens": Infinity}}'),
        "B",
    ),
    "more than one": (reply(chat(choices=[{"index": 1, "message": {"content": "C"}}, chat()["choices"][0]])), "B"),
    "usage null": (reply(chat(usage=None)), "B"),
    "usage of another kind": (reply(chat(usage=["many"])), "B"),
    "an empty text": (reply(chat("")), ""),
    "halves": (reply(b'{"choices": [{"message": {"content": "B \\ud83d\\ude00 \\ud800"}}]}'), "B 😀 �"),
    "control characters": (reply(chat("B \x1b[2J\x00\u202e\uffff")), "B \x1b[2J\x00\u202e\uffff"),
    "the key in an answer": (lambda one: one.send(chat(f"B {one.headers['Authorization']}")), "B Bearer [key]"),
    "the key, turned round, in an answer": (reply(chat(f"B {KEY[::-1]}")), "B [key]"),
    "the key in a name": (reply(chat(model=f"m-{KEY}")), "B"),
}
