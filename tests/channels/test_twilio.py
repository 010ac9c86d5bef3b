"""Twilio over a real connection: what is posted, and what each answer means."""

from __future__ import annotations

import json
import socket
import threading
from base64 import b64encode
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from tests import factories as make
from wagtail_drip.channels import twilio
from wagtail_drip.channels.base import Again, Refused, Sent
from wagtail_drip.engine import sending
from wagtail_drip.models import Delivery
from wagtail_drip.models.consent import standing_against

pytestmark = pytest.mark.django_db
NUMBER = "+447400123456"
SID = "SM" + "0" * 32


class Server:
    """`answers` by turns: a status with its JSON, bytes for all that goes out, None to hang up."""

    def __init__(self) -> None:
        self.got: list = []
        self.answers: list = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                server.got.append((self.path, dict(self.headers), parse_qs(body)))
                answer = server.answers.pop(0) if server.answers else (201, {"sid": SID})
                self.close_connection = True
                if answer is None:
                    return
                if isinstance(answer, bytes):
                    self.wfile.write(answer)
                    return
                status, told = answer
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(told).encode())

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture(autouse=True)
def configured(settings, tmp_path):
    settings.WAGTAIL_DRIP_JOURNAL_DIR = tmp_path / "journals"
    settings.WAGTAIL_DRIP_BASE_URL = "https://shop.example"
    settings.WAGTAIL_DRIP_SMS_BACKEND = "wagtail_drip.channels.twilio.Twilio"
    settings.WAGTAIL_DRIP_TWILIO = {
        "ACCOUNT_SID": "AC1", "AUTH_TOKEN": "secret", "FROM": "+15005550006",
    }  # fmt: skip


@pytest.fixture
def server(settings):
    found = Server()
    settings.WAGTAIL_DRIP_TWILIO = {**settings.WAGTAIL_DRIP_TWILIO, "BASE_URL": found.url}
    yield found
    found.server.shutdown()
    found.server.server_close()


def due(amount: int = 1, words: str = "Hi {{ first_name|friend }} & <you> €") -> list[Delivery]:
    message = json.dumps([{"type": "sms", "value": {"text": words}, "id": "m1"}])
    step = make.step("A text", channel="sms", message=message)
    campaign = make.campaign(nodes={"n1": make.send(step)})
    rows = []
    for number in range(amount):
        person = make.contact(attributes={"phone": f"+44740012345{6 + number}"})
        row = make.enrollment(campaign, person, due_at=None)
        rows.append(make.delivery(row, channel="sms"))
    return rows


def after(row: Delivery, now) -> Delivery:
    sending.send_due(now)
    row.refresh_from_db()
    return row


def test_what_is_posted(server, now):
    row = after(due()[0], now)
    assert (row.state, row.provider_id, row.segments) == ("sent", SID, 1)
    [(path, headers, form)] = server.got
    assert path == "/2010-04-01/Accounts/AC1/Messages.json"
    assert headers["Authorization"] == "Basic " + b64encode(b"AC1:secret").decode()
    assert form == {
        "To": [NUMBER],
        "From": ["+15005550006"],
        "Body": ["Hi friend & <you> €"],
        "StatusCallback": [f"https://shop.example/drip/sms/twilio/{row.token}/"],
    }


def test_a_messaging_service_and_a_host_that_nobody_calls_back(server, now, settings):
    settings.WAGTAIL_DRIP_BASE_URL = "http://127.0.0.1:8000"
    options = {**settings.WAGTAIL_DRIP_TWILIO, "MESSAGING_SERVICE_SID": "MG1"}
    settings.WAGTAIL_DRIP_TWILIO = options
    after(due()[0], now)
    form = server.got[0][2]
    assert form["MessagingServiceSid"] == ["MG1"] and not {"From", "StatusCallback"} & form.keys()


REFUSAL = {"code": 21211, "message": f"The 'To' number {NUMBER} is not a valid phone number."}


@pytest.mark.parametrize(
    ("answer", "state", "attempts"),
    [
        ((201, {"sid": SID, "status": "queued"}), "sent", 1),
        (b'HTTP/1.1 201 Created\r\nContent-Length: 900\r\n\r\n{"sid"', "sent", 1),
        ((400, REFUSAL), "failed", 1),
        ((400, {"code": 21614, "message": "not a mobile number"}), "failed", 1),
        ((400, {"code": 21610, "message": "unsubscribed recipient"}), "failed", 1),
        ((403, {"code": 21408, "message": "no permission for this region"}), "failed", 1),
        ((400, "no object"), "failed", 1),
        ((400, {"code": 21606, "message": "From is not yours"}), "waiting", 0),
        ((401, {"code": 20003, "message": "Authenticate"}), "waiting", 0),
        ((404, {"code": 20404, "message": "no such account"}), "waiting", 0),
        ((429, {"code": 20429, "message": "Too many"}), "waiting", 0),
        ((503, {}), "waiting", 0),
        ((408, {}), "waiting", 1),
        ((500, {"message": "Internal"}), "uncertain", 1),
        ((504, "Gateway Timeout"), "uncertain", 1),
        ((302, {}), "waiting", 0),
        (None, "uncertain", 1),
        (b"", "uncertain", 1),
        (b"SSH-2.0-OpenSSH\r\n", "uncertain", 1),
        (b"HTTP/1.1 2", "uncertain", 1),
    ],
)
def test_each_answer(server, now, answer, state, attempts):
    server.answers = [answer]
    row = after(due()[0], now)
    assert (row.state, row.attempts) == (state, attempts), row.reason
    assert len(server.got) == 1
    assert (row.due_at > now) is (state == "waiting")


def test_who_has_opted_out_is_suppressed(server, now):
    server.answers = [(400, {"code": 21610, "message": "unsubscribed"})]
    row = after(due()[0], now)
    assert row.reason == "21610 unsubscribed" and standing_against(NUMBER)


def test_an_answer_that_never_comes_leaves_a_doubt_that_is_never_repeated(now, settings):
    settings.WAGTAIL_DRIP_SMS_SECONDS = 0.2
    with socket.create_server(("127.0.0.2", 0)) as silent:
        url = f"http://127.0.0.2:{silent.getsockname()[1]}"
        settings.WAGTAIL_DRIP_TWILIO = {**settings.WAGTAIL_DRIP_TWILIO, "BASE_URL": url}
        row = after(due()[0], now)
        assert row.state == "uncertain" and "imeout" in row.reason
        assert after(row, now + timedelta(days=1)).state == "uncertain"
        silent.settimeout(1)
        silent.accept()[0].close()
        with pytest.raises(TimeoutError):  # nobody knocked a second time
            silent.settimeout(0.1)
            silent.accept()


def test_where_nobody_listens_all_wait_and_no_try_is_burnt(now, settings):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}"
    settings.WAGTAIL_DRIP_TWILIO = {**settings.WAGTAIL_DRIP_TWILIO, "BASE_URL": url}
    rows = due(3)
    sending.send_due(now)
    assert {(row.state, row.attempts) for row in Delivery.objects.all()} == {("waiting", 0)}
    assert len(rows) == 3


def test_it_goes_again_after_trouble_and_once(server, now):
    server.answers = [(429, {})]
    [row] = due()
    assert after(row, now).state == "waiting"
    assert after(row, now + timedelta(hours=1)).state == "sent"
    assert after(row, now + timedelta(hours=2)).state == "sent" and len(server.got) == 2


def test_a_connection_that_is_no_longer_fresh_is_not_trusted(server, monkeypatch):
    session = twilio.TwilioSession()
    assert session.ready() is None and session.ready() is None
    first = session.connection
    session.opened -= twilio.FRESH_SECONDS
    assert session.ready() is None and session.connection is not first
    session.close()


def test_a_certificate_of_somebody_else_is_an_outage(server, settings):
    url = server.url.replace("http:", "https:")
    settings.WAGTAIL_DRIP_TWILIO = {**settings.WAGTAIL_DRIP_TWILIO, "BASE_URL": url}
    found = twilio.TwilioSession().ready()
    assert isinstance(found, Again) and found.outage and not server.got


def test_the_token_stands_in_no_reason(server, now):
    server.answers = [(401, {"code": 20003, "message": "Authenticate"})]
    assert "secret" not in after(due()[0], now).reason


@pytest.mark.parametrize("lacking", ["ACCOUNT_SID", "AUTH_TOKEN", "FROM"])
def test_what_it_lacks_is_said_and_holds_all(now, settings, lacking):
    settings.WAGTAIL_DRIP_TWILIO = {**settings.WAGTAIL_DRIP_TWILIO, lacking: ""}
    row = after(due()[0], now)
    assert (row.state, row.attempts) == ("waiting", 0) and lacking in row.reason


def test_outcomes_without_a_connection():
    assert twilio.outcome(200, b'{"sid": "SM1"}', NUMBER) == Sent("SM1")
    assert isinstance(twilio.outcome(400, b"[" * 100_000, NUMBER), Refused)
    assert twilio.outcome(400, b'{"code": "21610"}', NUMBER).opted_out == ""
