"""Registration only. Our own built-ins come through the same hooks as an integrator's."""

from __future__ import annotations

from wagtail import hooks

from .channels import email
from .content import blocks as email_blocks
from .content import merge_fields
from .flow import blocks as flow_blocks
from .flow import triggers
from .models import matching


@hooks.register("register_drip_triggers")
def register_triggers():
    return triggers.builtin()


@hooks.register("register_drip_conditions")
def register_conditions():
    return matching.builtin()


@hooks.register("register_drip_merge_fields")
def register_merge_fields():
    return merge_fields.builtin()


@hooks.register("register_drip_flow_blocks")
def register_flow_blocks():
    return flow_blocks.builtin()


@hooks.register("register_drip_email_blocks")
def register_email_blocks():
    return email_blocks.builtin()


@hooks.register("register_drip_channels")
def register_channels():
    return {"email": email.EmailChannel()}
