"""A provider's HTTP API (Resend's answer) that takes its time, in a process of its own.

`python -m tests.benchmarks.api SECONDS`: prints its port; answers a line on standard input with how
many mails came, and under how many different idempotency keys.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter


class Api:
    def __init__(self, delay: float) -> None:
        self.delay = delay
        self.keys: Counter[bytes] = Counter()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
                lower = {name.lower(): value for name, value in fields.items()}
                await reader.readexactly(int(lower.get(b"content-length", b"0")))
                await asyncio.sleep(self.delay)
                self.keys[lower.get(b"idempotency-key", b"")] += 1
                body = json.dumps({"id": f"mail-{self.keys.total()}"}).encode()
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                    b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
                )
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


async def main(delay: float) -> None:
    api = Api(delay)
    server = await asyncio.start_server(api.serve, "127.0.0.1", 0, backlog=256)
    say({"port": server.sockets[0].getsockname()[1]})
    orders = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while await orders.readline():
        say({"messages": api.keys.total(), "keys": len(api.keys)})


def say(answer: dict[str, int]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1])))
