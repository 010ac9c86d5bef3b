"""A site with django-allauth, whose accounts are its own and call their address otherwise."""
