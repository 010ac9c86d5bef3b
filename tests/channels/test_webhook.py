"""Webhooks: what is told to whom, what each answer means, and where no call ever goes."""

from __future__ import annotations

import json
import socket
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests import factories as make
from wagtail_drip.channels import guarded
from wagtail_drip.channels.base import Again, Refused, Uncertain
from wagtail_drip.channels.webhook import signature
from wagtail_drip.engine import journal, recovering, sending
from wagtail_drip.models import Delivery

pytestmark = pytest.mark.django_db
SECRET = "a secret of twenty characters"


class Receiver:
    """A real server: `answers` are statuses by turns; `got` keeps what came."""

    def __init__(self) -> None:
        self.got: list = []
        self.answers: list = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((self.path, dict(self.headers), body))
                answer = receiver.answers.pop(0) if receiver.answers else 200
                if isinstance(answer, bytes):
                    self.wfile.write(answer)
                    self.close_connection = True
                    return
                self.send_response(answer)
                if answer == 302:
                    self.send_header("Location", f"http://localhost:{receiver.port}/elsewhere")
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture
def receiver(settings, tmp_path):
    settings.WAGTAIL_DRIP_WEBHOOK_SECRETS = {"127.0.0.1": SECRET, "127.0.0.2": SECRET}
    settings.WAGTAIL_DRIP_WEBHOOK_LOOPBACK = True
    settings.WAGTAIL_DRIP_JOURNAL_DIR = tmp_path / "journals"
    guarded._unreachable.clear()
    found = Receiver()
    yield found
    found.server.shutdown()
    found.server.server_close()


def call(url: str, **fields):
    value = {"url": url, "event": "welcomed", "fields": ["email", "first_name"], **fields}
    return make.step(
        "Tell the CRM", channel="webhook", message=json.dumps([{"type": "webhook", "value": value}])
    )


def due(url: str, amount: int = 1, **fields) -> list[Delivery]:
    campaign = make.campaign(nodes={"n1": make.send(call(url, **fields))})
    return make.deliveries(campaign, amount, channel="webhook")


def after(row, now) -> Delivery:
    sending.send_due(now)
    row.refresh_from_db()
    return row


def test_it_tells_what_was_chosen_and_signs_it(receiver, now):
    [row] = due(
        f"http://127.0.0.1:{receiver.port}/hook?a=1",
        attributes="city, shoe_size",
        data=True,
        text="Hello {{ first_name|friend }}",
    )
    contact = row.contact
    contact.first_name, contact.last_name = 'Zoë "Z"\r\nX: y', "Secret"
    contact.attributes = {"city": "Köln", "salary": 1}
    contact.save()
    row.enrollment.data = {"total": "9.50"}
    row.enrollment.save()
    assert after(row, now).state == "sent"
    [(path, headers, body)] = receiver.got
    assert path == "/hook?a=1" and headers["X-Drip-Id"] == row.token
    assert headers["X-Drip-Signature"] == signature(SECRET, headers["X-Drip-Timestamp"], body)
    assert headers["X-Drip-Timestamp"] == str(int(now.timestamp()))
    assert json.loads(body) == {
        "id": row.token,
        "event": "welcomed",
        "at": now.isoformat(),
        "campaign": "welcome",
        "contact": {
            "email": contact.email,
            "first_name": 'Zoë "Z"\r\nX: y',
            "attributes": {"city": "Köln", "shoe_size": None},
        },
        "data": {"total": "9.50"},
        "text": 'Hello Zoë "Z"\nX: y',
    }
    assert "X" not in headers


@pytest.mark.parametrize(
    ("answer", "state", "attempts"),
    [
        (204, "sent", 1),
        (400, "failed", 1),
        (410, "failed", 1),
        (302, "failed", 1),
        (429, "waiting", 1),
        (500, "waiting", 1),
        (503, "waiting", 1),
        (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "sent", 1),
        (b"SSH-2.0-OpenSSH\r\n", "uncertain", 1),
        (b"x" * 10_000, "uncertain", 1),
        (b"", "uncertain", 1),
    ],
)
def test_each_answer(receiver, now, answer, state, attempts):
    receiver.answers = [answer]
    row = after(due(f"http://127.0.0.1:{receiver.port}/")[0], now)
    assert (row.state, row.attempts) == (state, attempts)
    assert len(receiver.got) == 1
    assert (row.due_at > now) is (state == "waiting")


def test_it_is_told_again_under_the_same_id_and_the_person_goes_on(receiver, now):
    receiver.answers = [503]
    [row] = due(f"http://127.0.0.1:{receiver.port}/")
    assert after(row, now).state == "waiting"
    assert after(row, now + timedelta(hours=1)).state == "sent"
    assert {headers["X-Drip-Id"] for _path, headers, _body in receiver.got} == {row.token}
    row.enrollment.refresh_from_db()
    assert row.enrollment.due_at == now + timedelta(hours=1)


def test_a_receiver_that_never_answers_is_left_in_time_and_in_doubt(receiver, now, settings):
    settings.WAGTAIL_DRIP_WEBHOOK_SECONDS = 0.2
    with socket.create_server(("127.0.0.2", 0)) as silent:
        [row] = due(f"http://127.0.0.2:{silent.getsockname()[1]}/")
        row = after(row, now)
    assert row.state == "uncertain"
    assert after(row, now + timedelta(days=1)).state == "uncertain"  # never again on its own


def test_where_nobody_listens_it_waits_and_knocks_once_for_all(receiver, now, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    tries = []
    real = guarded._try
    monkeypatch.setattr(guarded, "_try", lambda *args: tries.append(1) or real(*args))
    rows = due(f"http://127.0.0.1:{port}/", 3)
    sending.send_due(now)
    assert {row.state for row in Delivery.objects.all()} == {"waiting"}
    assert len(tries) == 1 and len(rows) == 3


def test_killed_amid_a_call_it_is_in_doubt(receiver, now):
    [row] = due(f"http://127.0.0.1:{receiver.port}/")
    token = "b" * 32
    Delivery.objects.update(state="sending", claim=token, lease_until=now, attempts=1)
    writer = journal.Journal(token)
    writer._line("start", row.pk, 0)
    writer.close()
    recovering.recover(now)
    row.refresh_from_db()
    assert row.state == "uncertain" and not receiver.got


def test_trouble_with_one_receiver_keeps_no_mail_back(receiver, now, settings, mailoutbox):
    settings.WAGTAIL_DRIP_WEBHOOK_SECONDS = 0.05
    with socket.create_server(("127.0.0.2", 0)) as silent:
        calls = due(f"http://127.0.0.2:{silent.getsockname()[1]}/", 5)
        make.deliveries(make.campaign("mails"), 3)
        sending.send_due(now)
    assert len(mailoutbox) == 3
    states = [row.state for row in Delivery.objects.filter(channel="webhook")]
    assert states.count("uncertain") == 3 and states.count("waiting") == 2 == len(calls) - 3


def test_one_host_has_no_secret_of_another(receiver, now, settings):
    settings.WAGTAIL_DRIP_WEBHOOK_SECRETS = {"other.example": SECRET}
    row = after(due(f"http://127.0.0.1:{receiver.port}/")[0], now)
    assert row.state == "waiting" and "secret" in row.reason and not receiver.got
    assert SECRET not in row.reason


def test_more_than_it_may_tell_is_refused(receiver, now):
    [row] = due(f"http://127.0.0.1:{receiver.port}/", data=True)
    row.enrollment.data = {"x": "y" * 300_000}
    row.enrollment.save()
    assert after(row, now).state == "failed" and not receiver.got


# Where no call goes

INSIDE = [
    "10.0.0.1", "127.0.0.1", "127.9.9.9", "169.254.169.254", "192.168.1.1", "172.16.0.1", "0.0.0.0",
    "100.64.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.2.1", "198.18.0.1",
    "::", "::1", "fe80::1", "fc00::1", "fec0::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::", "2002:a00:1::",
    "2001:0:7f00:1::1", "fe80::1%eth0", "2001:db8::1",
]  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_no_address_of_the_inside_is_called(address, monkeypatch):
    def resolve(host, port, **kwargs):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (address, port))]

    def connect(*args):
        raise AssertionError("it was called")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket.socket, "connect", connect)
    guarded._unreachable.clear()
    to = guarded.target("https://hooks.example.com/x")
    assert isinstance(guarded.post(to, {}, b"{}", 1), Refused)


def test_one_inner_address_among_public_ones_is_enough_to_call_none(monkeypatch):
    found = [(2, 1, 6, "", ("93.184.216.34", 443)), (2, 1, 6, "", ("10.0.0.1", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)
    guarded._unreachable.clear()
    assert isinstance(guarded.post(guarded.target("https://a.example/"), {}, b"", 1), Refused)


def test_the_connection_goes_to_the_address_that_was_judged(monkeypatch):
    """A name that answers something else the second time is not asked a second time."""
    answers = ["93.184.216.34", "127.0.0.1"]
    called = []

    def resolve(host, port, **kwargs):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (answers.pop(0), port))]

    def connect(self, address):
        called.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket.socket, "connect", connect)
    guarded._unreachable.clear()
    outcome = guarded.post(guarded.target("https://b.example/"), {}, b"", 1)
    assert isinstance(outcome, Again) and called == [("93.184.216.34", 443)]
    assert answers == ["127.0.0.1"]


def test_public_addresses_are_public():
    assert guarded.is_public("93.184.216.34") and guarded.is_public("2606:2800:220:1::1")
    assert guarded.is_public("::ffff:93.184.216.34") and guarded.is_public("64:ff9b::5db8:d822")


@pytest.mark.parametrize(
    "url",
    [
        "", "nonsense", "http://hooks.example.com/", "ftp://hooks.example.com/", "https://",
        "https://user:pass@hooks.example.com/", "https://a.example/#x", "https://a.example:99999/",
        "https://a.example/ü", "https://a b.example/", "https://[::1", "javascript:alert(1)",
        "file:///etc/passwd", "https://a.example/ HTTP/1.1", "https://" + "a" * 300 + "/",
        "https://[fe80::1%25eth0]/",
    ],
)  # fmt: skip
def test_addresses_that_are_none(url):
    with pytest.raises(ValueError):
        guarded.target(url)


def test_line_ends_in_an_address_get_nowhere():
    to = guarded.target("https://a.example/x\r\nHost:b")  # Python takes the line ends out
    assert (to.host, "\r" in to.path, "\n" in to.path) == ("a.example", False, False)


def test_a_certificate_of_somebody_else_is_no_answer(receiver):
    to = guarded.target(f"https://127.0.0.1:{receiver.port}/")
    assert isinstance(guarded.post(to, {}, b"{}", 1), Again | Uncertain)
    assert not receiver.got
