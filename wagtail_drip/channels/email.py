class EmailChannel:
    slug = "email"
