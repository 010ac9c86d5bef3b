"""A mail server that takes everything as fast as it can, in a process of its own.

`python -m tests.benchmarks.sink`: prints its port; answers each line on standard input, a JSON
object, with one: `{"delay": seconds, "pipelining": bool}` changes how it behaves from the next
connection on and forgets what it took; any other one is answered with what it took so far.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from typing import Any

END = b"\r\n.\r\n"


class Taken:
    """What came since the last change of the rules."""

    def __init__(self, delay: float = 0.0, pipelining: bool = False) -> None:
        self.delay, self.pipelining = delay, pipelining
        self.connections = self.bytes = 0
        self.first = self.last = 0.0  # by the monotonic clock, which all processes here share
        self.recipients: Counter[bytes] = Counter()
        self.moments: list[float] = []
        self.sample = b""

    def note(self, recipient: bytes, body: bytes) -> None:
        self.last = time.monotonic()
        self.moments.append(self.last)
        if not self.first:
            self.first, self.sample = self.last, body
        self.recipients[recipient] += 1
        self.bytes += len(body)

    def as_dict(self) -> dict[str, Any]:
        total = self.recipients.total()
        return {
            "messages": total,
            "doubled": total - len(self.recipients),
            "connections": self.connections,
            "bytes": self.bytes,
            "first": self.first,
            "last": self.last,
            "most_a_minute": self.most_a_minute(),
            "sample": self.sample.decode("latin-1"),
        }

    def most_a_minute(self) -> int:
        """How many came within the fullest minute, wherever it begins."""
        most = oldest = 0
        for number, moment in enumerate(self.moments):
            while moment - self.moments[oldest] >= 60:
                oldest += 1
            most = max(most, number - oldest + 1)
        return most


taken = Taken()


class Connection(asyncio.Protocol):
    def connection_made(self, transport: Any) -> None:
        taken.connections += 1
        self.transport, self.buffer, self.in_body, self.recipient = transport, b"", False, b""
        transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self.buffer = self.buffer + data if self.buffer else data
        while self.buffer:
            if not (self._body() if self.in_body else self._commands()):
                return

    def _body(self) -> bool:
        end = self.buffer.find(END)
        if end < 0:
            return False
        taken.note(self.recipient, self.buffer[:end])
        self.buffer, self.in_body = self.buffer[end + len(END) :], False
        if taken.delay:
            asyncio.get_running_loop().call_later(taken.delay, self._write, b"250 taken\r\n")
        else:
            self._write(b"250 taken\r\n")
        return True

    def _commands(self) -> bool:
        """All that have come, answered at once."""
        answers = []
        while not self.in_body and (end := self.buffer.find(b"\r\n")) >= 0:
            line, self.buffer = self.buffer[:end], self.buffer[end + 2 :]
            answers.append(self._answer(line))
        if answers:
            self._write(b"".join(answers))
        return self.in_body

    def _answer(self, line: bytes) -> bytes:
        match line[:4].upper():
            case b"EHLO":
                offered = b"250-PIPELINING\r\n" if taken.pipelining else b""
                return b"250-sink\r\n" + offered + b"250-8BITMIME\r\n250 SIZE 100000000\r\n"
            case b"RCPT":
                self.recipient = line[line.find(b"<") + 1 : line.find(b">")]
            case b"DATA":
                self.in_body = True
                return b"354 go on\r\n"
            case b"QUIT":
                return b"221 bye\r\n"
        return b"250 ok\r\n"

    def _write(self, answer: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(answer)
            if answer.startswith(b"221"):
                self.transport.close()


async def main() -> None:
    global taken
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", 0, backlog=256)
    say({"port": server.sockets[0].getsockname()[1]})
    orders = asyncio.StreamReader(limit=1 << 20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while line := await orders.readline():  # until whoever started it is gone
        if order := json.loads(line):
            taken = Taken(**order)
        say(taken.as_dict())


def say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
