"""What each mail provider posts to Anymail's webhooks, in its own words.

Each function makes the request for one thing that happened: `deliver`, `hard`, `soft`,
`complain`, `unsubscribe`, `open` or `click`; None where the provider doesn't tell of it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

ANN = "ann@example.com"
KEY = "a-signing-key"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0"
NOTED = {"deliver": "delivered_at", "hard": "bounced_at", "soft": "bounced_at",
         "complain": "complained_at", "open": "opened_at", "click": "clicked_at"}  # fmt: skip
URL = "https://www.example.com/book"
SETTINGS = {
    "WEBHOOK_SECRET": "drip:secret",
    "MAILGUN_WEBHOOK_SIGNING_KEY": KEY,
    "MAILERSEND_SIGNING_SECRET": KEY,
    "MANDRILL_WEBHOOK_KEY": KEY,
    "UNISENDER_GO_API_KEY": KEY,
}


@dataclass
class Post:
    body: Any
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"

    @property
    def data(self) -> Any:
        return self.body if isinstance(self.body, bytes | dict) else json.dumps(self.body)


def _pick(kind: str, found: dict[str, Any]) -> Any:
    return found.get(kind)


def brevo(kind: str, token: str, at: datetime) -> Post | None:
    event = _pick(kind, {
        "deliver": "delivered", "hard": "hard_bounce", "soft": "soft_bounce",
        "complain": "spam", "unsubscribe": "unsubscribe", "open": "unique_opened",
        "click": "click",
    })  # fmt: skip
    return Post({
        "event": event, "email": ANN, "id": 26224, "message-id": "<201@smtp-relay.mailin.fr>",
        "ts_epoch": int(at.timestamp() * 1000), "X-Mailin-custom": json.dumps({"drip": token}),
        "reason": "unable to find MX of domain", "link": URL,
    })  # fmt: skip


def mailersend(kind: str, token: str, at: datetime) -> Post | None:
    """It hands no metadata back: the delivery is found by the provider's id."""
    event = _pick(kind, {
        "deliver": "delivered", "hard": "hard_bounced", "soft": "soft_bounced",
        "complain": "spam_complaint", "unsubscribe": "unsubscribed", "open": "opened",
        "click": "clicked",
    })  # fmt: skip
    body = json.dumps({
        "type": f"activity.{event}", "data": {
            "object": "activity", "id": "a1", "type": event, "created_at": at.isoformat(),
            "email": {"message": {"id": "esp-1"}, "recipient": {"email": ANN}, "tags": None},
            "morph": {"object": "click", "url": URL} if kind == "click" else None,
        },
    }).encode()  # fmt: skip
    return Post(body, {"signature": hmac.new(KEY.encode(), body, hashlib.sha256).hexdigest()})


def mailgun(kind: str, token: str, at: datetime, *, signed: datetime | None = None) -> Post | None:
    event = _pick(kind, {
        "deliver": "delivered", "hard": "failed", "soft": "failed", "complain": "complained",
        "unsubscribe": "unsubscribed", "open": "opened", "click": "clicked",
    })  # fmt: skip
    stamp = str(int((signed or datetime.now(UTC)).timestamp()))
    signature = hmac.new(KEY.encode(), f"{stamp}tok".encode(), hashlib.sha256).hexdigest()
    return Post({
        "signature": {"timestamp": stamp, "token": "tok", "signature": signature},
        "event-data": {
            "event": event, "timestamp": at.timestamp(), "recipient": ANN, "id": "x",
            "message": {"headers": {"message-id": "201@mg.example.com"}},
            "user-variables": {"drip": token}, "tags": [], "severity": "permanent",
            "reason": "old" if kind == "soft" else "bounce",
            "delivery-status": {"code": 550, "message": "5.1.1 no such user"},
            "client-info": {"client-name": "Firefox"}, "url": URL,
        },
    })  # fmt: skip


def mailjet(kind: str, token: str, at: datetime) -> Post | None:
    event = _pick(kind, {
        "deliver": "sent", "hard": "bounce", "soft": "bounce", "complain": "spam",
        "unsubscribe": "unsub", "open": "open", "click": "click",
    })  # fmt: skip
    data = {
        "event": event, "time": int(at.timestamp()), "MessageID": 19421777835146490,
        "email": ANN, "Payload": json.dumps({"drip": token}), "agent": FIREFOX, "url": URL,
    }  # fmt: skip
    if event == "bounce":
        data |= {"hard_bounce": kind == "hard", "error": "user unknown"}
    return Post([data])


def mailtrap(kind: str, token: str, at: datetime) -> Post | None:
    event = _pick(kind, {
        "deliver": "delivery", "hard": "bounce", "complain": "spam",
        "unsubscribe": "unsubscribe", "open": "open", "click": "click",
    })  # fmt: skip
    return event and Post({"events": [{
        "event": event, "message_id": "1df37d17", "email": ANN, "event_id": "bede7236",
        "timestamp": int(at.timestamp()), "sending_stream": "transactional",
        "custom_variables": {"drip": token}, "user_agent": FIREFOX, "url": URL,
    }]})  # fmt: skip


def mandrill(kind: str, token: str, at: datetime) -> Post | None:
    event = _pick(kind, {
        "deliver": "delivered", "hard": "hard_bounce", "soft": "soft_bounce",
        "complain": "spam", "unsubscribe": "unsub", "open": "open", "click": "click",
    })  # fmt: skip
    if kind == "deliver":  # it only tells "send"
        return None
    events = json.dumps([{
        "event": event, "ts": int(at.timestamp()), "_id": "abcdef", "url": URL,
        "user_agent": FIREFOX,
        "msg": {"email": ANN, "metadata": {"drip": token}, "tags": [], "diag": "smtp;550"},
    }])  # fmt: skip
    signed = f"http://drip:secret@testserver/anymail/mandrill/mandrill_events{events}"
    signature = base64.b64encode(hmac.new(KEY.encode(), signed.encode(), hashlib.sha1).digest())
    return Post(
        {"mandrill_events": events}, {"x-mandrill-signature": signature.decode()}, "multipart"
    )


def postal(kind: str, token: str, at: datetime, *, key: Any = None) -> Post | None:
    """It hands no metadata back, and signs with a key of its own (`key`)."""
    message = {"id": "esp-1", "to": ANN, "direction": "outgoing", "tag": "x"}
    payload = _pick(kind, {
        "deliver": {"status": "Sent", "message": message},
        "hard": {"original_message": message, "bounce": {"id": 7}, "output": "550 5.1.1 unknown"},
        "soft": {"original_message": message, "bounce": {"id": 7}, "output": "452 4.2.2 full"},
        "click": {"message": message, "url": URL, "user_agent": FIREFOX},
    })  # fmt: skip
    if payload is None:
        return None
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    body = json.dumps(
        {"event": "M", "timestamp": at.timestamp(), "uuid": "u", "payload": payload}
    ).encode()
    signature = base64.b64encode(key.sign(body, padding.PKCS1v15(), hashes.SHA1())).decode()
    return Post(body, {"x-postal-signature": signature})


def postmark(kind: str, token: str, at: datetime) -> Post | None:
    record, moment = _pick(kind, {
        "deliver": ("Delivery", "DeliveredAt"), "hard": ("Bounce", "BouncedAt"),
        "soft": ("Bounce", "BouncedAt"), "complain": ("SpamComplaint", "BouncedAt"),
        "unsubscribe": ("SubscriptionChange", "ChangedAt"), "open": ("Open", "ReceivedAt"),
        "click": ("Click", "ReceivedAt"),
    })  # fmt: skip
    types = {"hard": "HardBounce", "soft": "SoftBounce", "complain": "SpamComplaint"}
    data = {
        "RecordType": record, "MessageID": "00000000-0000", "Recipient": ANN, "Email": ANN,
        moment: at.isoformat(), "Metadata": {"drip": token}, "UserAgent": FIREFOX,
        "OriginalLink": URL, "SuppressSending": True, "SuppressionReason": "ManualSuppression",
    }  # fmt: skip
    return Post(data | ({"Type": types[kind]} if kind in types else {}))


def resend(kind: str, token: str, at: datetime) -> Post | None:
    event = _pick(kind, {
        "deliver": "delivered", "hard": "bounced", "soft": "bounced",
        "complain": "complained", "open": "opened", "click": "clicked",
    })  # fmt: skip
    data: dict[str, Any] = {
        "email_id": "00000000", "to": [ANN], "created_at": at.isoformat(),
        "headers": [{"name": "X-Metadata", "value": json.dumps({"drip": token})}],
    }  # fmt: skip
    if event == "bounced":
        type = {"hard": "Permanent", "soft": "Transient"}[kind]
        data["bounce"] = {"message": "a bounce message", "type": type, "subType": "General"}
    if event == "clicked":
        data["click"] = {"link": URL, "userAgent": FIREFOX, "timestamp": at.isoformat()}
    return event and Post({"type": f"email.{event}", "created_at": at.isoformat(), "data": data})


def sendgrid(kind: str, token: str, at: datetime) -> Post | None:
    event = _pick(kind, {
        "deliver": "delivered", "hard": "bounce", "soft": "bounce", "complain": "spamreport",
        "unsubscribe": "unsubscribe", "open": "open", "click": "click",
    })  # fmt: skip
    data: dict[str, Any] = {
        "email": ANN, "timestamp": int(at.timestamp()), "event": event, "drip": token,
        "sg_event_id": "e", "sg_message_id": "m", "smtp-id": "<x@y>", "useragent": FIREFOX,
        "url": URL, "reason": "550 5.1.1 unknown",
    }  # fmt: skip
    if event == "bounce":
        data["type"] = {"hard": "bounce", "soft": "blocked"}[kind]
    return Post([data])


def sparkpost(kind: str, token: str, at: datetime) -> Post | None:
    event, group = _pick(kind, {
        "deliver": ("delivery", "message_event"), "hard": ("bounce", "message_event"),
        "soft": ("bounce", "message_event"), "complain": ("spam_complaint", "message_event"),
        "unsubscribe": ("link_unsubscribe", "unsubscribe_event"),
        "open": ("open", "track_event"), "click": ("click", "track_event"),
    })  # fmt: skip
    data = {
        "type": event, "timestamp": str(int(at.timestamp())), "rcpt_to": ANN, "event_id": "9",
        "rcpt_meta": {"drip": token}, "transmission_id": "65832150921904138",
        "user_agent": FIREFOX, "target_link_url": URL, "campaign_id": None,
        "user_agent_parsed": {"is_prefetched": False},
    }  # fmt: skip
    if event == "bounce":
        data["bounce_class"] = {"hard": "10", "soft": "22"}[kind]
    return Post([{"msys": {group: data}}])


def unisender_go(kind: str, token: str, at: datetime) -> Post | None:
    status = _pick(kind, {
        "deliver": "delivered", "hard": "hard_bounced", "complain": "spam",
        "unsubscribe": "unsubscribed", "open": "opened", "click": "clicked",
    })  # fmt: skip
    if status is None:
        return None
    event = {
        "event_name": "transactional_email_status",
        "event_data": {
            "job_id": "1sn15Z", "metadata": {"drip": token}, "email": ANN, "status": status,
            "event_time": f"{at:%Y-%m-%d %H:%M:%S}", "url": URL,
            "delivery_info": {"delivery_status": "", "user_agent": FIREFOX},
        },
    }  # fmt: skip
    body = json.dumps({"auth": "AUTH", "events_by_user": [{"user_id": 1, "events": [event]}]})
    auth = hashlib.md5(body.replace("AUTH", KEY).encode()).hexdigest()
    return Post(body.replace("AUTH", auth).encode())


def amazon_ses(kind: str, token: str, at: datetime) -> dict[str, Any] | None:
    """What SES tells; SNS wraps and signs it."""
    event = _pick(kind, {
        "deliver": "Delivery", "hard": "Bounce", "soft": "Bounce", "complain": "Complaint",
        "open": "Open", "click": "Click",
    })  # fmt: skip
    if event is None:
        return None
    bounce = {"hard": "Permanent", "soft": "Transient"}.get(kind)
    return {
        "eventType": event,
        "mail": {
            "messageId": "00000137860315fd", "destination": [ANN],
            "headers": [{"name": "X-Metadata", "value": json.dumps({"drip": token})}],
        },
        "bounce": {"bounceType": bounce, "bounceSubType": "General",
                   "bouncedRecipients": [{"emailAddress": ANN}]},
        "complaint": {"complainedRecipients": [{"emailAddress": ANN}]},
        "delivery": {"recipients": [ANN], "smtpResponse": "250 ok"},
        "open": {"userAgent": FIREFOX}, "click": {"userAgent": FIREFOX, "link": URL},
    }  # fmt: skip


PROVIDERS = {
    "brevo": brevo, "mailersend": mailersend, "mailgun": mailgun, "mailjet": mailjet,
    "mailtrap": mailtrap, "mandrill": mandrill, "postmark": postmark, "resend": resend,
    "sendgrid": sendgrid, "sendinblue": brevo, "sparkpost": sparkpost,
    "unisender_go": unisender_go,
}  # fmt: skip
KINDS = ("deliver", "hard", "soft", "complain", "unsubscribe", "open", "click")
