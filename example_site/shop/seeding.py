"""What the bookshop starts with. Makes what is missing and leaves alone what is there."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from wagtail.models import Locale, Page, Site

from wagtail_drip.models import SiteBrand, Topic

from ..seeding import CAMPAIGNS, adopt, campaign, people, picture, topics
from . import covers
from .books import Book, books
from .models import BookPage, HomePage, ShopPage

__all__ = ["CAMPAIGNS", "adopt", "campaign", "pages", "seed", "site_of", "topics"]

INTRO = (
    "<p>A small bookshop on a harbor street. We have read what we sell, and we like to be asked."
    "</p>"
)
SCENE = "Marrow Lane at dusk"


def seed() -> None:
    """Everything; safe to call again. Raises CommandError where a campaign can't be loaded."""
    with transaction.atomic():
        fresh = not HomePage.objects.exists()
        home = pages()
        site = site_of(home)
        picture(SCENE, lambda: covers.scene("houses", palette="plum"))
        shelf = home.get_children().type(ShopPage).specific().first()
        for book in books():
            page_of(book, shelf)
        topics(site)
        if fresh:
            offer(home)
        look(site)
        people()
    for file in sorted(CAMPAIGNS.glob("*.json")):
        campaign(file)


def pages() -> HomePage:
    """Home and shelf, in place of the page that Wagtail comes with."""
    if home := HomePage.objects.first():
        return home
    root = Page.get_first_root_node()
    home = HomePage(
        title="Books, and somebody to talk to about them",
        slug="bookshop",
        intro=INTRO,
        locale=Locale.get_default(),
    )
    root.add_child(instance=home)
    home.add_child(instance=ShopPage(title="All books", slug="shop", show_in_menus=True))
    return home


def offer(home: HomePage) -> None:
    """What the home page's form signs up for."""
    home.sign_up_topics.set(Topic.objects.filter(slug="news"))
    home.save()


def site_of(home: HomePage) -> Site:
    """The default site, showing our home page. Wagtail's own welcome page goes."""
    site = Site.objects.filter(is_default_site=True).first()
    if site is None:
        site = Site(hostname="localhost", is_default_site=True, site_name="The Paper Lantern")
    if site.root_page_id != home.pk:
        former, site.root_page = site.root_page_id, home
        site.site_name = "The Paper Lantern"
        site.save()
        Page.objects.filter(pk=former, depth=2, numchild=0).exclude(pk=home.pk).delete()
    return site


def page_of(book: Book, shelf: ShopPage) -> None:
    if BookPage.objects.filter(slug=book.slug).exists():
        return
    cover = picture(
        f"Cover: {book.title}",
        lambda: covers.draw(book.title, book.author, motif=book.motif, palette=book.palette),
    )
    page = BookPage(
        title=book.title,
        slug=book.slug,
        author=book.author,
        genre=book.genre,
        price=book.price,
        cover=cover,
        blurb="".join(f"<p>{paragraph}</p>" for paragraph in book.blurb),
    )
    shelf.add_child(instance=page)
    page.save_revision().publish()


def look(site: Site) -> None:
    """Of the shop's mails, where nobody has chosen one."""
    if SiteBrand.objects.filter(site=site).exists():
        return
    SiteBrand.objects.create(
        site=site,
        name=site.site_name,
        logo=picture(f"Logo: {site.site_name}", lambda: covers.logo(site.site_name, "#7a3b1d")),
        dark_logo=picture(
            f"Logo on dark ground: {site.site_name}", lambda: covers.logo(site.site_name, "#f2c9a0")
        ),
        accent="#7a3b1d",
        postal_address=settings.WAGTAIL_DRIP_POSTAL_ADDRESS.replace(", ", "\n"),
    )
