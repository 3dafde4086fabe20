"""HTTP connections on which one deadline holds for a whole exchange: name, connection, request, headers and body.

A time limit of httpx is one for each read from the socket. A server that sends a byte now and then, in its headers or
its body, never exceeds it. So each operation on the network gets what is left until the deadline, and none begins after
it.
"""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Iterable
from functools import cache
from ssl import SSLContext
from typing import Any

import httpcore
import httpx

WRITTEN_AT_ONCE = 1 << 14  # httpcore writes all that it is given, however slowly the other side takes it


class DeadlineTransport(httpx.HTTPTransport):
    """Connections to one server; an exchange begins with the request and ends with its body, in one thread."""

    def __init__(self, seconds: float, connections: int) -> None:
        super().__init__(verify=_certificates(), trust_env=False)
        self._clock = _Clock(seconds)
        self._pool = httpcore.ConnectionPool(
            ssl_context=_certificates(), max_connections=connections, network_backend=_Network(self._clock)
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer; where a connection kept from an earlier exchange proves to be closed, over a new one."""
        self._clock.start()
        try:
            return super().handle_request(request)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            if self._clock.connected:
                raise
            return super().handle_request(request)


def deadline_client(seconds: float, connections: int, headers: dict[str, str] | None = None) -> httpx.Client:
    """A client that calls only the address it is given (no redirect, no proxy), each time for at most so many
    seconds.
    """
    transport = DeadlineTransport(seconds, connections)
    return httpx.Client(transport=transport, trust_env=False, follow_redirects=False, timeout=seconds, headers=headers)


@cache
def _certificates() -> SSLContext:
    """Whom to trust; read once, since it takes a tenth of a second."""
    return httpx.create_ssl_context(trust_env=False)


class _Clock(threading.local):
    """The deadline of the exchange in this thread."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.until = time.monotonic() + seconds
        self.connected = False  # whether this exchange opened its connection

    def start(self) -> None:
        self.until, self.connected = time.monotonic() + self.seconds, False

    def left(self, otherwise: type[httpcore.TimeoutException]) -> float:
        """What is left [s]; raises where nothing is."""
        left = self.until - time.monotonic()
        if left <= 0.0:
            raise otherwise("the deadline of the exchange has passed")
        return left


class _Network(httpcore.NetworkBackend):
    """The network of httpcore, within the deadline."""

    def __init__(self, clock: _Clock) -> None:
        self._clock, self._network = clock, httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        self._clock.connected = True
        problem = httpcore.ConnectError(f"'{host}' has no address")
        for address in self._addresses(host, port):
            left = self._clock.left(httpcore.ConnectTimeout)
            try:
                stream = self._network.connect_tcp(address, port, left, local_address, socket_options)
            except httpcore.ConnectError as error:
                problem = error
            else:
                return _Stream(stream, self._clock)
        raise problem

    def _addresses(self, host: str, port: int) -> list[str]:
        """The addresses of a name.

        Asking for them knows no time limit, so it is done aside, and left alone if it takes too long.
        """
        answers: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

        def ask() -> None:
            try:
                answers.put([str(one[4][0]) for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)])
            except (OSError, UnicodeError) as error:  # a name that cannot be one is a UnicodeError
                answers.put(error)

        threading.Thread(target=ask, daemon=True).start()
        try:
            answer = answers.get(timeout=self._clock.left(httpcore.ConnectTimeout))
        except queue.Empty:
            raise httpcore.ConnectTimeout(f"the address of '{host}' was not told in time") from None
        if isinstance(answer, Exception):
            raise httpcore.ConnectError(str(answer)) from answer
        return answer


class _Stream(httpcore.NetworkStream):
    """A connection, within the deadline of whichever exchange uses it."""

    def __init__(self, stream: httpcore.NetworkStream, clock: _Clock) -> None:
        self._stream, self._clock = stream, clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._clock.left(httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), WRITTEN_AT_ONCE):
            self._stream.write(buffer[start : start + WRITTEN_AT_ONCE], self._clock.left(httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = self._clock.left(httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left), self._clock)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
