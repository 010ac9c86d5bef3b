"""A shop of django-oscar: it takes packages and settings of its own (make test-oscar)."""
