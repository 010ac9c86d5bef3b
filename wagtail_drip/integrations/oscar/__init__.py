"""django-oscar: a Django app of its own, which sites with a shop of Oscar's install.

    telling       what happens in the shop becomes events
    abandoning    carts that nobody has touched for hours
    products, lines, recommending     the shop as mails show it
    coupons, guarding                 vouchers, each for one person
    choosing      products in the admin

It asks Oscar for its models by name (`get_model`), so apps that a site has forked serve as well.
"""
