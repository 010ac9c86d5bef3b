"""A mail server on loopback that keeps account of every message and fails by seed.

What happens to a message is decided by its recipient, by how often it came before, and by the
seed: so it is the same in every run, whoever sends it and in whatever order.
"""

from __future__ import annotations

import asyncio
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

END = b"\r\n.\r\n"
MESSAGE_ID = re.compile(rb"^message-id: *(<[^>\r]*>)", re.IGNORECASE | re.MULTILINE)
Plan = Callable[[str, int], str]


@dataclass(frozen=True, slots=True)
class Try:
    """One try to hand over a message.

    `word`: what became of it: `ok` (taken and answered), `451 rcpt`, `550 end` and the like (`421`
    hangs up after it), `drop data` (hung up in the body), `drop end`, `hang end` (taken, and not
    answered).
    """

    recipient: str
    message_id: str  # "" where the body never came whole
    word: str
    begun: float  # MAIL FROM, by time.time()
    ended: float

    @property
    def taken(self) -> bool:
        return self.word in ("ok", "drop end", "hang end")


def always_ok(recipient: str, number: int) -> str:
    return "ok"


def by_seed(seed: int, shares: dict[str, float]) -> Plan:
    """Words with their shares of all tries; the rest is `ok`."""

    def plan(recipient: str, number: int) -> str:
        drawn = random.Random(f"{seed} {recipient} {number}").random()
        for word, share in shares.items():
            if drawn < share:
                return word
            drawn -= share
        return "ok"

    return plan


class Sink:
    """`with Sink() as sink:` serves at 127.0.0.1:`sink.port`. `delay`: seconds per message.

    `greeting`: a 421 to everybody who connects or begins a message, while it is set.
    """

    def __init__(self, plan: Plan = always_ok, delay: float = 0.0) -> None:
        self.plan, self.delay = plan, delay
        self.greeting = ""
        self.tries: list[Try] = []
        self.connections: list[float] = []  # when each was opened
        self.port = 0
        self._seen: Counter[str] = Counter()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def taken(self) -> list[Try]:
        return [one for one in self.tries if one.taken]

    def word_for(self, recipient: str) -> str:
        self._seen[recipient] += 1
        return self.plan(recipient, self._seen[recipient])

    def __enter__(self) -> Sink:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._serve(), self._loop).result(10)
        return self

    def __exit__(self, *exc: object) -> None:
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    async def _serve(self) -> None:
        self._server = await self._loop.create_server(lambda: _Connection(self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]


class _Connection(asyncio.Protocol):
    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.buffer = bytearray()
        self.in_body = False
        self.recipient = self.word = ""
        self.accepted = False
        self.begun = 0.0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.sink.connections.append(time.time())
        self._say(self.sink.greeting or "220 sink")
        if self.sink.greeting:
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while self.buffer and not self.transport.is_closing():
            if self.in_body:
                if self.word == "drop data":
                    self._note()
                    self.transport.abort()
                    return
                end = self.buffer.find(END)
                if end < 0:
                    return
                body, self.in_body = bytes(self.buffer[:end]), False
                del self.buffer[: end + len(END)]
                self._whole(body)
            else:
                end = self.buffer.find(b"\r\n")
                if end < 0:
                    return
                line = bytes(self.buffer[:end])
                del self.buffer[: end + 2]
                self._command(line.decode("utf-8", "replace"))

    def _command(self, line: str) -> None:
        verb = line[:4].upper()
        if verb == "EHLO":
            self._say("250-sink\r\n250-8BITMIME\r\n250-PIPELINING\r\n250 SIZE 100000000")
        elif verb == "MAIL":
            self.begun = time.time()
            self._say(self.sink.greeting or "250 ok")
            if self.sink.greeting:
                self.transport.close()
        elif verb == "RCPT":
            self.recipient = line[line.find("<") + 1 : line.find(">")]
            self.word = self.sink.word_for(self.recipient)
            self.accepted = not self._refused("rcpt")
            if self.accepted:
                self._say("250 ok")
        elif verb == "DATA" and not self.accepted:  # pipelined after a refusal
            self._say("554 no valid recipients")
        elif verb == "DATA":
            self.in_body, self.accepted = True, False
            self._say("354 go on")
        elif verb == "QUIT":
            self._say("221 bye")
            self.transport.close()
        else:
            self._say("250 ok")

    def _refused(self, place: str) -> bool:
        code, _space, where = self.word.partition(" ")
        if where != place or not code.isdigit():
            return False
        self._note()
        self._say(f"{code} as told")
        if code == "421":
            self.transport.close()
        return True

    def _whole(self, body: bytes) -> None:
        found = MESSAGE_ID.search(body)
        message_id = found[1].decode() if found else ""
        code, _space, where = self.word.partition(" ")
        self._note(message_id)
        if self.word == "drop end":
            self.transport.abort()
        elif self.word != "hang end":
            refused = where == "end" and code.isdigit()
            self._later(f"{code} as told" if refused else "250 taken")

    def _later(self, line: str) -> None:
        self.sink._loop.call_later(self.sink.delay, self._say, line)

    def _note(self, message_id: str = "") -> None:
        one = Try(self.recipient, message_id, self.word, self.begun, time.time())
        self.sink.tries.append(one)

    def _say(self, line: str) -> None:
        if not self.transport.is_closing():
            self.transport.write(line.encode() + b"\r\n")
