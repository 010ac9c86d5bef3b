"""Every setting of the package: its name, type, default and meaning in one place.

Read lazily (`conf.SENDING`), so that a test's `override_settings` is seen.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import gettempdir
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

PREFIX = "WAGTAIL_DRIP_"
RETAINED = ("events", "deliveries", "enrollment_data", "consent_proofs", "imports", "decisions")


class Conf:
    def _get(self, name: str, default: Any) -> Any:
        return getattr(settings, PREFIX + name, default)

    @property
    def SENDING(self) -> str:
        """`"off"` (deliveries wait), `"allowlist"` (only ALLOWLIST gets mail) or `"on"`."""
        value = self._get("SENDING", "off")
        if value not in ("off", "allowlist", "on"):
            raise ImproperlyConfigured(
                f"{PREFIX}SENDING is {value!r}; it must be 'off', 'allowlist' or 'on'."
            )
        return value

    @property
    def ALLOWLIST(self) -> list[str]:
        """Addresses (`a@b.example`) or domains (`b.example`) that get mail under `"allowlist"`."""
        return [str(item).lower() for item in self._get("ALLOWLIST", [])]

    @property
    def BASE_URL(self) -> str:
        """Scheme and host that links in mails start with; default WAGTAILADMIN_BASE_URL."""
        value = self._get("BASE_URL", None) or getattr(settings, "WAGTAILADMIN_BASE_URL", "") or ""
        return value.rstrip("/")

    @property
    def FROM_EMAIL(self) -> str:
        """Sender of campaigns that name none; default DEFAULT_FROM_EMAIL."""
        return self._get("FROM_EMAIL", None) or settings.DEFAULT_FROM_EMAIL

    @property
    def POSTAL_ADDRESS(self) -> str:
        """The sender's postal address, printed at the foot of each mail (the law asks for it)."""
        return self._get("POSTAL_ADDRESS", "")

    @property
    def PRODUCTS(self) -> str:
        """Dotted path of the adapter that turns a site's objects into products of a mail."""
        return self._get("PRODUCTS", "wagtail_drip.content.products.PageProducts")

    @property
    def LINES(self) -> str:
        """Dotted path of the adapter that finds what people ordered and have in their carts."""
        return self._get("LINES", "wagtail_drip.models.event_lines.EventLines")

    @property
    def RECOMMENDATIONS(self) -> str:
        """Dotted path of the adapter that says what may please a person next."""
        return self._get("RECOMMENDATIONS", "wagtail_drip.models.recommending.EventRecommender")

    @property
    def WEBHOOK_SECRETS(self) -> dict[str, str]:
        """The hosts that webhooks may call, each with the secret that signs what it is told."""
        value = self._get("WEBHOOK_SECRETS", {})
        if not isinstance(value, dict) or not all(
            isinstance(secret, str) and len(secret) >= 16 for secret in value.values()
        ):
            raise ImproperlyConfigured(
                f"{PREFIX}WEBHOOK_SECRETS must give a secret of 16 characters or more for each host"
                ", such as {'hooks.example.com': '…'}."
            )
        return {str(host).lower(): secret for host, secret in value.items()}

    @property
    def WEBHOOK_SECONDS(self) -> float:
        """Longest time that one call of a webhook may take, from the look-up to the answer."""
        return min(20.0, float(self._get("WEBHOOK_SECONDS", 5)))

    @property
    def WEBHOOK_LOOPBACK(self) -> bool:
        """Whether webhooks may call this very machine, and without TLS; for tests and demos."""
        return bool(self._get("WEBHOOK_LOOPBACK", False))

    @property
    def SMS_BACKEND(self) -> str:
        """Dotted path of what sends text messages; "": nothing does."""
        return self._get("SMS_BACKEND", "")

    @property
    def SMS_ATTRIBUTE(self) -> str:
        """The key of the attribute that holds a contact's mobile number."""
        return self._get("SMS_ATTRIBUTE", "phone")

    @property
    def SMS_REGION(self) -> str:
        """The country of numbers that are written without one, such as "DE"; "": none."""
        return str(self._get("SMS_REGION", "")).upper()

    @property
    def SMS_SEGMENTS(self) -> int:
        """From how many segments on the editor warns that a text message is long."""
        return max(1, int(self._get("SMS_SEGMENTS", 3)))

    @property
    def SMS_SECONDS(self) -> float:
        """Longest wait for an answer of the provider of text messages."""
        return min(20.0, float(self._get("SMS_SECONDS", 10)))

    @property
    def SMS_STOP_WORDS(self) -> list[str]:
        """Answers that end text messages as STOP does, in your readers' languages."""
        return [
            str(word) for word in self._get("SMS_STOP_WORDS", ["لغو", "إلغاء", "إيقاف", "стоп"])
        ]

    @property
    def TWILIO(self) -> dict[str, str]:
        """Twilio's ACCOUNT_SID and AUTH_TOKEN, and FROM (a number) or MESSAGING_SERVICE_SID."""
        value = self._get("TWILIO", {})
        known = {"ACCOUNT_SID", "AUTH_TOKEN", "FROM", "MESSAGING_SERVICE_SID", "BASE_URL"}
        if not isinstance(value, dict) or value.keys() - known:
            raise ImproperlyConfigured(
                f"{PREFIX}TWILIO must be a dict with some of: {', '.join(sorted(known))}."
            )
        return {name: str(one or "") for name, one in value.items()}

    @property
    def LETTER_LINES(self) -> list[list[str]]:
        """The attributes that make a person's postal address, line by line, for letters."""
        return self._get("LETTER_LINES", [["street"], ["postal_code", "city"], ["country"]])

    @property
    def COUPONS(self) -> str:
        """Dotted path of the adapter that issues codes; "": the site has none."""
        return self._get("COUPONS", "")

    @property
    def CACHE(self) -> str:
        """Alias of the cache (CACHES) in which rendered messages are kept for an hour."""
        return self._get("CACHE", "default")

    @property
    def CLUSTER(self) -> str | None:
        """Name of the django-q2 cluster that runs the line; None: the site's default cluster."""
        return self._get("CLUSTER", None)

    @property
    def SLICE(self) -> int:
        """Most deliveries one claim takes; it takes what goes in a few seconds."""
        return int(self._get("SLICE", 4000))

    @property
    def LEASE_SECONDS(self) -> int:
        """How long a claimed slice belongs to its worker, by the database's clock."""
        return int(self._get("LEASE_SECONDS", 120))

    @property
    def SOCKET_SECONDS(self) -> int:
        """Longest wait on a mail server's answer where EMAIL_TIMEOUT is not set."""
        return int(self._get("SOCKET_SECONDS", 20))

    @property
    def CONNECTIONS(self) -> int:
        """Most connections a worker sends by. It opens a second where the server is slow alone."""
        return max(1, int(self._get("CONNECTIONS", 10)))

    @property
    def RATE(self) -> int | dict[str, int] | None:
        """Most messages a minute for each site: one number, or a number by the site's hostname."""
        value = self._get("RATE", None)
        numbers = value.values() if isinstance(value, dict) else [1 if value is None else value]
        if not all(type(number) is int and number > 0 for number in numbers):
            raise ImproperlyConfigured(
                f"{PREFIX}RATE is {value!r}; it must be a number of messages a minute, or such "
                "numbers by the hostname of the site."
            )
        return value

    def rate_of(self, hostname: str) -> int | None:
        """The limit of the site with this hostname; None: there is none."""
        return self.RATE.get(hostname) if isinstance(self.RATE, dict) else self.RATE

    @property
    def PUMP_SECONDS(self) -> int:
        """How long one task goes on working off what is due before it leaves the rest."""
        return int(self._get("PUMP_SECONDS", 50))

    @property
    def HOLD_MINUTES(self) -> int:
        """After how long a held delivery (its book is unpublished, say) is looked at again."""
        return int(self._get("HOLD_MINUTES", 15))

    @property
    def MAX_ATTEMPTS(self) -> int:
        """After how many tries a delivery whose own message is at fault is given up as failed."""
        return int(self._get("MAX_ATTEMPTS", 3))

    @property
    def SOFT_BOUNCES(self) -> int:
        """After how many mails in a row that bounced softly an address gets nothing more."""
        return max(1, int(self._get("SOFT_BOUNCES", 5)))

    @property
    def BRAKE_COMPLAINTS(self) -> float:
        """Share of delivered mails reported as spam at which a campaign pauses by itself."""
        return float(self._get("BRAKE_COMPLAINTS", 0.003))

    @property
    def BRAKE_COMPLAINTS_LEAST(self) -> int:
        """From how many delivered mails on BRAKE_COMPLAINTS holds."""
        return int(self._get("BRAKE_COMPLAINTS_LEAST", 1000))

    @property
    def BRAKE_BOUNCES(self) -> float:
        """Share of sent mails that came back, but for soft bounces, at which it pauses too."""
        return float(self._get("BRAKE_BOUNCES", 0.05))

    @property
    def BRAKE_BOUNCES_LEAST(self) -> int:
        """From how many sent mails on BRAKE_BOUNCES holds."""
        return int(self._get("BRAKE_BOUNCES_LEAST", 100))

    @property
    def BRAKE_DAYS(self) -> int:
        """How many days complaints and bounces are counted back."""
        return max(1, int(self._get("BRAKE_DAYS", 7)))

    @property
    def BRAKE_REST_HOURS(self) -> int:
        """How long a campaign that somebody resumed by hand is not paused again."""
        return int(self._get("BRAKE_REST_HOURS", 24))

    @property
    def LAPSED_DAYS(self) -> int:
        """After how many days without another order a customer without a habit has lapsed."""
        return max(1, int(self._get("LAPSED_DAYS", 365)))

    @property
    def LAPSED_PERCENT(self) -> int:
        """At how much of their own usual interval a customer with three orders has lapsed."""
        return max(100, int(self._get("LAPSED_PERCENT", 200)))

    @property
    def ALERT_EMAILS(self) -> list[str]:
        """Who is told when a campaign pauses by itself; default: the addresses of ADMINS."""
        admins = [one if isinstance(one, str) else one[1] for one in settings.ADMINS]
        return list(self._get("ALERT_EMAILS", admins))

    @property
    def SNS_TOPICS(self) -> list[str]:
        """ARNs of the Amazon SNS topics that may tell of mails; empty: none may."""
        return [str(item) for item in self._get("SNS_TOPICS", [])]

    @property
    def JOURNAL_DIR(self) -> Path:
        """Folder of the local send journals; it must outlive a worker, not the host."""
        value = self._get("JOURNAL_DIR", None)
        return Path(value) if value else Path(gettempdir()) / "wagtail-drip-journal"

    @property
    def HASH_KEY(self) -> str:
        """Key of the hashes under which suppressed addresses are kept; default SECRET_KEY.

        Set your own before going live: rotating SECRET_KEY must not lift a suppression.
        """
        return self._get("HASH_KEY", None) or settings.SECRET_KEY

    @property
    def HASH_KEY_FALLBACKS(self) -> list[str]:
        """Older values of HASH_KEY; suppressions written under them still hold."""
        return list(self._get("HASH_KEY_FALLBACKS", []))

    @property
    def KEEP_IP(self) -> bool:
        """Whether the proof of a consent keeps the IP address it was given from."""
        return bool(self._get("KEEP_IP", False))

    @property
    def TRUSTED_PROXIES(self) -> int:
        """How many proxies of yours add to X-Forwarded-For; 0: that header is not believed."""
        return int(self._get("TRUSTED_PROXIES", 0))

    @property
    def SIGN_UPS_PER_HOUR(self) -> int:
        """How many sign-ups an hour one IP address (IPv6: one /64 network) may send."""
        return int(self._get("SIGN_UPS_PER_HOUR", 30))

    @property
    def EVENTS_PER_MINUTE(self) -> int:
        """How many events a minute another system may record by one key."""
        return int(self._get("EVENTS_PER_MINUTE", 600))

    @property
    def REFUSED_CALLS_PER_MINUTE(self) -> int:
        """How many calls without a right key a minute one IP address may make (IPv6: a network)."""
        return int(self._get("REFUSED_CALLS_PER_MINUTE", 30))

    @property
    def CONFIRM_AGAIN_MINUTES(self) -> int:
        """How long an address gets no second mail that asks for confirmation."""
        return int(self._get("CONFIRM_AGAIN_MINUTES", 60))

    @property
    def CONFIRMS_PER_DAY(self) -> int:
        """How many mails that ask for confirmation one address gets a day at most."""
        return int(self._get("CONFIRMS_PER_DAY", 3))

    @property
    def RETENTION(self) -> dict[str, int | None]:
        """Days after which `drip_prune` takes things away, by kind; None keeps them.

        `events`, `deliveries` (of people who are through; their numbers stay), `enrollment_data`
        (what came with the event), `consent_proofs` (that a later word has replaced), `imports`
        (files), `decisions` (why the flow did what it did, and why somebody did not enter). What
        it doesn't name is kept, but for imports: 30 days, and decisions: 400.
        """
        given = dict(self._get("RETENTION", {}))
        unknown = given.keys() - set(RETAINED)
        odd = [k for k, v in given.items() if v is not None and (type(v) is not int or v < 1)]
        if unknown or odd:
            names = ", ".join(RETAINED)
            raise ImproperlyConfigured(
                f"{PREFIX}RETENTION must give days (1 or more, or None) by {names};"
                f" look at {', '.join(sorted(map(str, unknown | set(odd))))}."
            )
        return {**dict.fromkeys(RETAINED), "imports": 30, "decisions": 400, **given}

    @property
    def IMPORT_ROWS(self) -> int:
        """Most rows of a file of contacts."""
        return int(self._get("IMPORT_ROWS", 100_000))

    @property
    def IMPORT_BYTES(self) -> int:
        """Largest file of contacts."""
        return int(self._get("IMPORT_BYTES", 50_000_000))

    @property
    def STRICT(self) -> bool:
        """Whether misuse of the api raises ValueError, or is only logged; default DEBUG."""
        return bool(self._get("STRICT", settings.DEBUG))

    @property
    def TIME_TRAVEL(self) -> bool:
        """Whether `drip_fast_forward` may move time; for demos and tests only."""
        return bool(self._get("TIME_TRAVEL", False))


conf = Conf()
