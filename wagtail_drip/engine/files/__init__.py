"""Campaigns as reviewable JSON files: `exporting` writes them, `importing` reads them.

A file names nothing by primary key: mails by their translation key, topics by short name, pages
by path, images and documents by title, collection and digest (`references`). Its shape is
recipes/campaign.schema.json, checked by `schema`.
"""
