"""Pictures of Oscar's products, as mails ask Wagtail's for theirs."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from django.core.files.storage import default_storage
from oscar.core.thumbnails import get_thumbnailer

logger = logging.getLogger("wagtail_drip")
_WIDTH = re.compile(r"width-(\d+)")


@dataclass(frozen=True)
class ProductPicture:
    """A file of Oscar's, read only where a mail shows it; made smaller by the shop's own means."""

    name: str  # in the default storage

    @property
    def file(self) -> ProductPicture:
        return self

    def is_svg(self) -> bool:
        """Whether mails can't show it: so is what can't be read."""
        return PurePath(self.name).suffix.lower() == ".svg" or self._size() is None

    @property
    def width(self) -> int:
        return (self._size() or (1, 1))[0]

    @property
    def height(self) -> int:
        return (self._size() or (1, 1))[1]

    def _size(self) -> tuple[int, int] | None:
        from PIL import Image

        known = self.__dict__.get("_known")
        if known is None:
            try:
                with default_storage.open(self.name) as file, Image.open(file) as image:
                    known = image.size
            except (OSError, ValueError):
                logger.warning("The picture %s of a product can't be read", self.name)
                known = ()
            object.__setattr__(self, "_known", known)
        return known or None

    def get_rendition(self, wanted: str) -> Any:
        """`wanted` is a filter of Wagtail's. Raises OSError where it can't be made."""
        found = _WIDTH.search(wanted)
        form = "PNG" if "format-png" in wanted else "JPEG"
        options = {"size": f"{found[1] if found else self.width}x", "format": form, "quality": 82}
        try:
            return get_thumbnailer().generate_thumbnail(self.name, **options)
        except Exception as error:  # each thumbnailer has its own
            raise OSError(f"{self.name}: {error}") from error
