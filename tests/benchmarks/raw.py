"""The yardstick: smtplib, finished bytes, one connection a process. `raw.py PORT N PROCESSES`.

The message comes on standard input. Prints the seconds from the first connection to the last
answer.
"""

from __future__ import annotations

import os
import smtplib
import sys
import time


def send(port: int, numbers: range, message: bytes) -> None:
    with smtplib.SMTP("127.0.0.1", port, local_hostname="localhost") as smtp:
        for number in numbers:
            smtp.sendmail("news@example.com", [f"u{number}@example.com"], message)


def main(port: int, amount: int, processes: int) -> None:
    message = sys.stdin.buffer.read()
    began = time.monotonic()
    children = []
    for first in range(processes):
        if pid := os.fork():
            children.append(pid)
        else:
            send(port, range(first, amount, processes), message)
            os._exit(0)
    for pid in children:
        assert os.waitpid(pid, 0)[1] == 0
    sys.stdout.write(f"{time.monotonic() - began}\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
