"""The words beside the boxes: what people read is what is kept as proof."""

from django import template

from .. import consenting

register = template.Library()


@register.simple_tag
def news_wording() -> str:
    return str(consenting.NEWS_WORDING)


@register.simple_tag
def wishes_wording() -> str:
    return str(consenting.WISHES_WORDING)


@register.simple_tag
def after_order_wording() -> str:
    return str(consenting.AFTER_ORDER_WORDING)
