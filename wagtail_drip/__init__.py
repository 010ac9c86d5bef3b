"""Drip marketing for Wagtail.

Five floors; a module imports only from floors below its own (tests/test_layers.py holds this):

    5  api, tasks, urls, wagtail_hooks, apps, integrations/, recipients/, admin/,
       management/, templatetags/
    4  engine/                 recording → enrolling → advancing → sending → tracking
    3  models/, channels/      what is kept; what talks outwards
    2  flow/, content/         what a campaign means; how a mail is made (apart from each other)
    1  conf, signals, registry, streams, fields, chosen, checks
"""

__version__ = "0.1.0"
