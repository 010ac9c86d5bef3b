"""A site's app whose merge field harms: it raises, kills its worker, or gives far too much."""
