"""Registration only."""

from wagtail import hooks

from . import choosing, triggers

hooks.register("register_drip_triggers", triggers.triggers)


@hooks.register("register_admin_viewset")
def register_product_chooser():
    return choosing.product_chooser
