"""The bookshop: its pages, its orders, its discount codes."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from decimal import Decimal

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from modelcluster.fields import ParentalKey
from wagtail.admin.panels import FieldPanel, InlinePanel
from wagtail.contrib.forms.models import AbstractForm, AbstractFormField
from wagtail.fields import RichTextField
from wagtail.models import Page

from wagtail_drip.models.addresses import normalize
from wagtail_drip.recipients.form_pages import DripFormMixin
from wagtail_drip.recipients.pages import SignUpMixin

# Without letters and digits that people mix up when they type.
ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"


class HomePage(SignUpMixin, Page):  # type: ignore[django-manager-missing]
    max_count = 1
    subpage_types = ["shop.ShopPage", "shop.QuestionPage"]

    intro = RichTextField(_("introduction"), blank=True, features=["bold", "italic", "link"])

    content_panels = [*Page.content_panels, FieldPanel("intro"), *SignUpMixin.sign_up_panels]

    class Meta:
        verbose_name = _("home page")

    def get_context(self, request: HttpRequest, *args, **kwargs) -> dict:
        context = super().get_context(request, *args, **kwargs)
        books = BookPage.objects.live().descendant_of(self).select_related("cover")
        return {**context, "books": list(books.order_by("-first_published_at", "-pk")[:6])}


class ShopPage(Page):
    parent_page_types = ["shop.HomePage"]
    subpage_types = ["shop.BookPage"]

    class Meta:
        verbose_name = _("shelf of all books")

    def get_context(self, request: HttpRequest, *args, **kwargs) -> dict:
        context = super().get_context(request, *args, **kwargs)
        genre = request.GET.get("genre", "")
        books = BookPage.objects.live().child_of(self).select_related("cover").order_by("title")
        if genre in BookPage.Genre.values:
            books = books.filter(genre=genre)
        genres = [(value, label, value == genre) for value, label in BookPage.Genre.choices]
        return {**context, "books": books, "genres": genres, "genre": genre}


class BookPage(Page):
    class Genre(models.TextChoices):
        NOVEL = "novel", _("Novels")
        MYSTERY = "mystery", _("Mysteries")
        NATURE = "nature", _("Nature and travel")
        HISTORY = "history", _("History")
        POETRY = "poetry", _("Poetry")

    parent_page_types = ["shop.ShopPage"]
    subpage_types: list[str] = []

    author = models.CharField(_("author"), max_length=200)
    genre = models.CharField(_("shelf"), max_length=20, choices=Genre.choices)
    price = models.DecimalField(
        _("price"), max_digits=7, decimal_places=2, validators=[MinValueValidator(Decimal("0.01"))]
    )
    cover = models.ForeignKey(
        "wagtailimages.Image",
        verbose_name=_("cover"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    blurb = RichTextField(_("description"), features=["bold", "italic", "link"])

    content_panels = [
        *Page.content_panels,
        FieldPanel("author"),
        FieldPanel("genre"),
        FieldPanel("price"),
        FieldPanel("cover"),
        FieldPanel("blurb"),
    ]

    class Meta:
        verbose_name = _("book")
        verbose_name_plural = _("books")

    def serve(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        from .views import book

        return book(request, self)


class QuestionField(AbstractFormField):
    page = ParentalKey("shop.QuestionPage", on_delete=models.CASCADE, related_name="form_fields")


class QuestionPage(DripFormMixin, AbstractForm):  # type: ignore[django-manager-missing]
    """Visitors ask something; its editor chooses the fields, and what mail follows."""

    parent_page_types = ["shop.HomePage"]
    subpage_types: list[str] = []

    content_panels = [
        *AbstractForm.content_panels,
        InlinePanel("form_fields", heading=_("fields of the form")),
        *DripFormMixin.drip_panels,
    ]

    class Meta:
        verbose_name = _("form to ask us something")


class DiscountCode(models.Model):
    """A code for one person, good for one order. Given out by mails; see drip.py."""

    code = models.CharField(_("code"), max_length=20, unique=True)
    email = models.CharField(_("for whom"), max_length=254)  # as addresses.normalize gives it
    percent = models.PositiveSmallIntegerField(
        _("percent"), validators=[MinValueValidator(1), MaxValueValidator(90)]
    )
    book = models.ForeignKey(
        BookPage,
        verbose_name=_("book"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
    )
    # The mail that gave it out: made again, the mail shows the same code.
    delivery = models.PositiveBigIntegerField(null=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    used_at = models.DateTimeField(_("used"), null=True, blank=True)

    class Meta:
        verbose_name = _("discount code")
        verbose_name_plural = _("discount codes")
        constraints = [
            models.UniqueConstraint(fields=["delivery", "percent"], name="shop_code_once_a_mail")
        ]

    def __str__(self) -> str:
        return f"{self.code} (−{self.percent} %)"

    @staticmethod
    def new_code(percent: int) -> str:
        return f"PAGE{percent}-" + "".join(secrets.choice(ALPHABET) for _i in range(7))

    @classmethod
    def find(cls, code: str, *, email: str, books: Collection[int]) -> DiscountCode | None:
        """The unused code of this person for any of these books (primary keys), or None."""
        found = cls.objects.filter(
            code=code.strip().upper(), email=normalize(email), used_at=None
        ).first()
        return found if found and found.book_id in (None, *books) else None

    def use(self) -> bool:
        """Take the code, for good. False where somebody was faster."""
        now = timezone.now()
        return bool(type(self).objects.filter(pk=self.pk, used_at=None).update(used_at=now))


class Order(models.Model):
    # The account it was placed from. An address alone proves nobody's account.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("account"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="orders",
    )
    email = models.EmailField(_("e-mail address"), db_index=True)
    first_name = models.CharField(_("first name"), max_length=150)
    address = models.TextField(_("address"), blank=True)
    total = models.DecimalField(_("total"), max_digits=10, decimal_places=2)
    code = models.OneToOneField(
        DiscountCode,
        verbose_name=_("discount code"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="order",
    )
    # Of the cart it came from: a second click on the button orders nothing twice.
    cart = models.CharField(max_length=32, null=True, unique=True, editable=False)
    created_at = models.DateTimeField(_("ordered"), default=timezone.now)

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.pk}: {self.email}"

    @property
    def discount(self) -> Decimal:
        """What the code took off."""
        return sum((line.total for line in self.lines.all()), Decimal()) - self.total

    @property
    def contents(self) -> str:
        """Its lines in one, for the admin."""
        return ", ".join(f"{line.quantity} × {line.title}" for line in self.lines.all())


class OrderLine(models.Model):
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    book = models.ForeignKey(
        BookPage,
        verbose_name=_("book"),
        null=True,
        on_delete=models.SET_NULL,
        related_name="order_lines",
    )
    title = models.CharField(_("title"), max_length=255)  # outlives the book's page
    # Of one copy on that day, before any discount.
    price = models.DecimalField(_("price"), max_digits=7, decimal_places=2)
    quantity = models.PositiveSmallIntegerField(_("quantity"), default=1)

    class Meta:
        verbose_name = _("line of an order")
        verbose_name_plural = _("lines of an order")
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.title}"

    @property
    def total(self) -> Decimal:
        return self.price * self.quantity


def reduced(price: Decimal, percent: int) -> Decimal:
    """The price less so many percent, to the cent."""
    return (price * (100 - percent) / 100).quantize(Decimal("0.01"))
