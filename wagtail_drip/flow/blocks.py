from wagtail.blocks import StreamBlock


class FlowBlock(StreamBlock):
    pass


class ConditionsBlock(StreamBlock):
    pass


def builtin():
    return {}
