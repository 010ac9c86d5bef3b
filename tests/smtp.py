"""A mail server on loopback for tests, which fails as it is told.

    with MailServer() as server:
        server.script = ["ok", "550 rcpt", "drop data"]   # one word a message, then "ok" for ever
        ...
        assert [message.to for message in server.taken] == [...]

Words: `ok`; `<code> mail|rcpt|data|end` (answers that code there); `drop mail|data|end` (hangs up
there: `data` in the middle of the body, `end` after it was taken); `hang end` (takes it and says
nothing); `<code> mail|rcpt 354` (refuses that, and asks for the body all the same);
`double data` (one answer too many, before the body).
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from typing import Any

from aiosmtpd.smtp import SMTP


@dataclass(frozen=True, slots=True)
class Taken:
    sender: str
    to: str
    content: bytes


class _Protocol(SMTP):
    """aiosmtpd's server, with the failures it doesn't offer by itself."""

    mail_server: MailServer

    def connection_made(self, transport: Any) -> None:
        self.mail_server.connections += 1
        super().connection_made(transport)

    async def smtp_MAIL(self, arg: str | None) -> None:
        self.mail_server.begin()
        if not await self._fails("mail"):
            await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg: str | None) -> None:
        if self.mail_server.word.endswith("mail 354"):
            await self.push("250 anybody")
        elif not await self._fails("rcpt"):
            await super().smtp_RCPT(arg)

    async def smtp_DATA(self, arg: str | None) -> None:
        if self.mail_server.word.endswith("354"):
            await self.push("354 go on")
            if await self._reader.readline():
                self.mail_server.empty += 1
                await self.push("554 to nobody")
        elif self.mail_server.word == "double data":
            await self.push("354 go on\r\n250 taken")
            await self._reader.readline()
        elif self.mail_server.word == "drop data":
            await self.push("354 go on")
            await self._reader.readline()
            self.transport.abort()
        elif not await self._fails("data"):
            await super().smtp_DATA(arg)

    async def _fails(self, where: str) -> bool:
        what, place, *_still = [*self.mail_server.word.split(" "), ""]
        if place != where:
            return False
        if what == "drop":
            self.transport.abort()
        else:
            await self.push(f"{what} as told")
            if what == "421":
                self.transport.close()
        return True


class _Handler:
    def __init__(self, server: MailServer) -> None:
        self.server = server

    async def handle_EHLO(
        self, protocol: Any, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [responses[0], *["250-PIPELINING"] * self.server.pipelining, *responses[1:]]

    async def handle_DATA(self, protocol: Any, session: Any, envelope: Any) -> str:
        word = self.server.word
        if word.endswith(" end") and word[0].isdigit():
            return f"{word.split()[0]} as told"
        to = envelope.rcpt_tos[0]
        self.server.taken.append(Taken(envelope.mail_from, to, envelope.content))
        if word == "drop end":
            protocol.transport.abort()
        if word == "hang end":
            await asyncio.sleep(60)
        return "250 taken"


class MailServer:
    """`pipelining`, `smtputf8`: whether it offers that. `empty`: messages without a line."""

    def __init__(self, *, pipelining: bool = False, smtputf8: bool = False) -> None:
        self.pipelining, self.smtputf8, self.empty = pipelining, smtputf8, 0
        self.script: list[str] = []
        self.word = "ok"
        self.taken: list[Taken] = []
        self.connections = 0
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def begin(self) -> None:
        """The next message of the script."""
        self.word = self.script.pop(0) if self.script else "ok"

    def settings(self) -> dict[str, Any]:
        """Django settings that make this the site's mail server."""
        return {
            "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "EMAIL_HOST": "127.0.0.1",
            "EMAIL_PORT": self.port,
        }

    def __enter__(self) -> MailServer:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._serve(), self._loop).result(10)
        return self

    def __exit__(self, *exc: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _serve(self) -> None:
        self._server = await self._loop.create_server(self._protocol, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def _protocol(self) -> _Protocol:
        protocol = _Protocol(
            _Handler(self), hostname="test", loop=self._loop, enable_SMTPUTF8=self.smtputf8
        )
        protocol.mail_server = self
        return protocol

    async def _stop(self) -> None:
        self._server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
