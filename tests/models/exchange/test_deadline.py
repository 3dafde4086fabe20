from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator

import httpx
import pytest

from commonweal.models.exchange.deadline import deadline_client


class OneEach(socketserver.StreamRequestHandler):
    """Answers once on each connection, promises to keep it, and closes it when it is asked again."""

    def handle(self) -> None:
        self.server.opened += 1  # type: ignore[attr-defined]
        if self.asked():
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            self.asked()

    def asked(self) -> bool:
        """Whether a whole request came."""
        lines = iter(self.rfile.readline, b"")
        return any(line == b"\r\n" for line in lines)


class Silent(OneEach):
    """Closes every connection when it is asked."""

    def handle(self) -> None:
        self.server.opened += 1  # type: ignore[attr-defined]
        self.asked()


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[socketserver.ThreadingTCPServer]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), request.param) as server:
        server.daemon_threads, server.opened = True, 0  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.parametrize("server", [OneEach], indirect=True)
def test_a_kept_connection_that_proves_closed_is_replaced_once(server: socketserver.ThreadingTCPServer) -> None:
    with deadline_client(5.0, 1) as client:
        url = f"http://127.0.0.1:{server.server_address[1]}/"
        assert [client.get(url).text for _ in range(3)] == ["ok"] * 3
    assert server.opened == 3  # type: ignore[attr-defined]


@pytest.mark.parametrize("server", [Silent], indirect=True)
def test_a_new_connection_that_is_closed_without_an_answer_is_an_error(server: socketserver.ThreadingTCPServer) -> None:
    with deadline_client(5.0, 1) as client, pytest.raises(httpx.RemoteProtocolError):
        client.get(f"http://127.0.0.1:{server.server_address[1]}/")
    assert server.opened == 1  # type: ignore[attr-defined]
