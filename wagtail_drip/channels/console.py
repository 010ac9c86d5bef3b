"""Text messages on the screen: a back end for those who develop a site."""

from __future__ import annotations

import sys
from typing import Any, TextIO

from .base import Outcome, Sent, Session


class ConsoleTexts:
    """Writes each text message to a stream (default: stdout) and calls it sent."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream

    def obstacle(self) -> str:
        return ""

    def open(self) -> Session:
        return ConsoleSession(self.stream or sys.stdout)


class ConsoleSession(Session):
    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def transmit(self, mail: Any) -> Outcome:
        self.stream.write(f"To: {mail.to}\n\n{mail.text}\n{'-' * 79}\n")
        self.stream.flush()
        return Sent()
