"""A TCP proxy that breaks connections at random bytes, and a seat in the exam hall that saves through it.

The proxy cuts a request before it is whole, or the answer after the work is done: the two cases in which a client cannot
know what became of its save. The seed makes a run repeatable as far as threads allow.
"""

from __future__ import annotations

import http.client
import json
import random
import re
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode


class CuttingProxy:
    """Listens on a free port and forwards to `upstream`. `share`: of connections that are cut; `cuts` counts them by kind."""

    def __init__(self, upstream: int, seed: int, share: float = 0.5) -> None:
        self.upstream, self.share = upstream, share
        self.cuts = {"request": 0, "response": 0}
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._stopped = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self._stopped:
            try:
                client, _address = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _plan(self) -> tuple[str, int]:
        with self._lock:
            if self._random.random() >= self.share:
                return "", 0
            kind = self._random.choice(("request", "response"))
            return kind, self._random.randrange(0, 700)

    def _carry(self, client: socket.socket) -> None:
        kind, limit = self._plan()
        try:
            server = socket.create_connection(("127.0.0.1", self.upstream), timeout=10)
        except OSError:
            client.close()
            return
        answered = threading.Thread(target=self._pump, args=(server, client, limit if kind == "response" else None, "response"), daemon=True)
        answered.start()
        self._pump(client, server, limit if kind == "request" else None, "request")
        answered.join(15)
        for end in (client, server):
            end.close()

    def _pump(self, source: socket.socket, target: socket.socket, limit: int | None, kind: str) -> None:
        carried = 0
        try:
            while block := source.recv(65536):
                if limit is not None and carried + len(block) > limit:
                    target.sendall(block[:limit - carried])
                    with self._lock:
                        self.cuts[kind] += 1
                    for end in (source, target):
                        end.shutdown(socket.SHUT_RDWR)
                    return
                target.sendall(block)
                carried += len(block)
        except OSError:
            pass
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def stop(self) -> None:
        self._stopped = True
        self._listener.close()


@contextmanager
def cutting_proxy(upstream: int, seed: int, share: float = 0.5) -> Iterator[CuttingProxy]:
    proxy = CuttingProxy(upstream, seed, share)
    try:
        yield proxy
    finally:
        proxy.stop()


class Unanswered(Exception):
    """No whole answer came back: what became of the request is not known."""


@dataclass
class Seat:
    """A signed-in person at one address. Every request has a connection of its own, so that each can be cut."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    token: str = ""
    acknowledged: list[tuple[str, int, str]] = field(default_factory=list)      # (operation, version, receipt)
    repeats: int = 0

    def ask(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
            connection.request(method, path, body, {"Cookie": cookie, "Connection": "close", **(headers or {})})
            answer = connection.getresponse()
            content = answer.read()
            for name, value in answer.getheaders():
                if name.lower() == "set-cookie":
                    key, _sign, rest = value.partition("=")
                    self.cookies[key] = rest.split(";")[0]
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, content
        except (OSError, http.client.HTTPException) as fault:
            raise Unanswered(str(fault)) from fault
        finally:
            connection.close()

    def sign_in(self, login: str, password: str) -> None:
        """Through a port that is not cut."""
        page = self.ask("GET", "/login")[2].decode()
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        assert found
        form = urlencode({"login": login, "password": password, "csrf_token": found.group(1)}).encode()
        status = self.ask("POST", "/login", form, {"Content-Type": "application/x-www-form-urlencoded"})[0]
        assert status == 303, status

    def read_token(self, attempt: int) -> None:
        self.token = json.loads(self.ask("GET", f"/attempts/{attempt}/time")[2])["csrf_token"]

    def save(self, attempt: int, position: int, answer: Any, version: int, patience_s: float = 60) -> dict[str, Any]:
        """Save as the page does: the same operation again until the server has answered it in full."""
        op = secrets.token_hex(16)
        body = json.dumps({"op": op, "position": position, "version": version, "answer": answer}).encode()
        headers = {"Content-Type": "application/json", "Accept": "application/json", "X-CSRFToken": self.token}
        end = time.monotonic() + patience_s
        while True:
            try:
                status, _headers, content = self.ask("POST", f"/attempts/{attempt}/answers", body, headers)
                told: dict[str, Any] = json.loads(content)
            except (Unanswered, ValueError):
                status, told = 0, {}
            if status == 200:
                self.acknowledged.append((op, told["version"], told["receipt"]))
                return told
            assert status in (0, 502, 503), (status, told)
            assert time.monotonic() < end, f"no answer in {patience_s} s, last {status}"
            self.repeats += 1
            time.sleep(0.02)
