"""Of those who look around, and of their orders."""

from __future__ import annotations

from .story import ORDER, Story

STORIES = [
    Story(
        "welcome",
        [(0, "ann", "user_signed_up"), (0, "cyd", "user_signed_up"), (3, "bob", "user_signed_up")],
        {
            "ann": "0 hello, 2 picks, 5 how, 9 gift",
            "bob": "3 hello, 5 picks, 8 how, 12 gift",
            "cyd": "",
        },
        says={
            "hello": ["hear from us three more times", "Have a look around: http"],
            "picks": ["Picked for you", "Swifts, €", "Letters to a Lighthouse, €"],
            "how": ["How things work at The Paper Lantern"],
            "gift": ["PAGE10-"],
        },
    ),
    Story(
        "interested",
        [
            (0, "ann", "interest_shown", {"book": 0}),
            (0, "bob", "interest_shown", {"book": 0}),
            (0, "cyd", "interest_shown", {"book": 0}),
            (2, "bob", "order_placed", {**ORDER, "book": 0}),
            (2, "ann", "order_placed", {**ORDER, "book": 1, "order": 2}),  # another one
        ],
        {"ann": "1 more, 3 ten, 7 fifteen", "bob": "1 more", "cyd": ""},
        says={
            "more": ["You asked about Swifts", "/swifts/"],
            "ten": ["a code for Swifts", "PAGE10-", "/swifts/"],
            "fifteen": ["Our last word on Swifts", "PAGE15-", "/swifts/"],
        },
    ),
    Story(
        "interested",
        [
            *((0, who, "user_signed_up") for who in ("ann", "bob", "cyd")),
            *((1, who, "interest_shown", {"book": 0}) for who in ("ann", "cyd")),
        ],
        {
            "ann": "0 hello, 2 more, 4 ten, 8 fifteen",
            "bob": "0 hello, 2 picks, 5 how, 9 gift",
            "cyd": "",
        },
        answers={"general": "welcome"},
        general="welcome",
        says={
            "hello": ["Welcome, "],
            "more": ["You asked about Swifts"],
            "ten": ["PAGE10-"],
            "fifteen": ["PAGE15-"],
            "picks": ["Picked for you"],
            "how": ["How things work"],
            "gift": ["PAGE10-"],
        },
    ),
    Story(
        "cart",
        [
            (0, "ann", "cart_changed", {"book": 0}),
            (0.1, "ann", "cart_item_removed", {"book": 1}),
            (0, "bob", "cart_changed", {"book": 0}),
            (0, "dot", "cart_changed", {"book": 0}),
            (0, "cyd", "cart_changed", {"book": 0}),
            (0.1, "bob", "order_placed", ORDER),
            (2, "dot", "order_placed", {**ORDER, "order": 2}),
        ],
        {
            "ann": "0.167 waits, 1.167 hand, 3.167 code",
            "bob": "",
            "dot": "0.167 waits, 1.167 hand",
            "cyd": "",
        },
        says={
            "waits": ["1 × Swifts: 18.50", "Go on where you were: http", "/cart/"],
            "ann waits": ["You took something out again."],
            "dot waits": ["!You took something out"],
            "hand": ["1 × Swifts: 18.50", "write to us", "!PAGE10-"],
            "code": ["1 × Swifts: 18.50", "PAGE10-"],
        },
    ),
    Story(
        "first_order",
        [
            (0, "ann", "order_placed", ORDER),
            (0, "bob", "order_placed", {**ORDER, "order": 2}),
            (0, "cyd", "order_placed", {**ORDER, "order": 3}),
            (10, "bob", "order_placed", {**ORDER, "order": 4}),
            (-90, "dot", "order_placed", {**ORDER, "order": 5}),  # before the campaign was there
            (1, "dot", "order_placed", {**ORDER, "order": 6}),
        ],
        {
            "ann": "0.042 thanks, 5.042 tips, 21.042 again",
            "bob": "0.042 thanks, 5.042 tips",
            "cyd": "",
            "dot": "",
        },
        says={
            "thanks": ["this was your first order with us", "1 × Swifts: 18.50"],
            "tips": ["Three things worth knowing"],
            "again": ["For your second order\nPAGE10-", "Letters to a Lighthouse, €"],
        },
    ),
    Story(
        "order_confirmation",
        [
            (0, "ann", "order_placed", ORDER),
            (1, "ann", "order_placed", {**ORDER, "order": 2}),
            (2, "ann", "order_shipped", {**ORDER, "order": 2}),
            (4, "ann", "order_shipped", ORDER),
            (0, "cyd", "order_placed", {**ORDER, "order": 3}),  # without any topic
            (30, "cyd", "order_shipped", {**ORDER, "order": 3}),  # too late to be news
        ],
        {"ann": "0 confirmed, 1 confirmed, 2 shipped, 4 shipped", "cyd": "0 confirmed"},
        says={
            "confirmed": [
                "1 × Swifts: 18.50",
                "People who chose this also liked\n\nLetters to a Lighthouse, €",
            ],
            "cyd confirmed": ["We have your order 3", "You get this because: you placed an order"],
            "shipped": ["is on its way", "1 × Swifts: 18.50", "Letters to a Lighthouse, €"],
        },
    ),
    Story(
        "browsed",
        [
            *((0, who, "product_viewed", {"book": 0}) for who in ("ann", "bob", "cyd")),
            (2, "bob", "order_placed", ORDER),
        ],
        {"ann": "1 look, 4 like", "bob": "1 look", "cyd": ""},
        says={
            "look": ["Swifts: still on your mind?", "/swifts/"],
            "like": ["Letters to a Lighthouse, €", "!Swifts, €"],
        },
    ),
    Story(
        "taken_out",
        [
            *((0, who, "cart_item_removed", {"book": 0}) for who in ("ann", "bob", "cyd")),
            (0.5, "bob", "order_placed", ORDER),
        ],
        {"ann": "1 why, 5 instead", "bob": "", "cyd": ""},
        says={
            "why": ["Was something wrong with Swifts?", "/swifts/", "took it out again"],
            "instead": ["Letters to a Lighthouse, €", "!Swifts, €"],
        },
    ),
    Story(
        "back_in_stock",
        [
            *((0, who, "back_in_stock", {"book": 0}) for who in ("ann", "bob", "cyd")),
            (1, "bob", "order_placed", {**ORDER, "book": 0}),
            (1, "ann", "order_placed", {**ORDER, "book": 1, "order": 2}),
        ],
        {"ann": "0 back, 2 still", "bob": "0 back", "cyd": ""},
        says={
            "back": ["Swifts is back", "/swifts/"],
            "still": ["Swifts is still here", "/swifts/"],
        },
    ),
    Story(
        "on_sale",
        [
            (-5, "ann", "product_liked", {"book": 0}),
            (-5, "bob", "product_liked", {"book": 1}),  # another one
            (-5, "cyd", "product_liked", {"book": 0}),
            *((0, who, "price_dropped", {"book": 0}) for who in ("ann", "bob", "cyd", "dot")),
        ],
        {"ann": "0 less, 3 last", "bob": "", "cyd": "", "dot": ""},
        says={
            "less": ["Swifts costs less now", "it costs less: € 12.00", "/swifts/"],
            "last": ["The better price for Swifts won't stay", "/swifts/"],
        },
    ),
    Story(
        "product_launch",
        [(5, "bob", "order_placed", ORDER)],
        {"ann": "0 soon, 3 here, 7 heard", "bob": "0 soon, 3 here", "cyd": ""},
        says={
            "soon": ["in three days it is ready"],
            "here": ["Now it is here", "See it: http"],
            "heard": ["In case that mail went under", "Have a look: http"],
        },
    ),
    Story(
        "big_first_order",
        [
            (0, "ann", "order_placed", {**ORDER, "total": "120.00"}),
            (0, "bob", "order_placed", {**ORDER, "order": 2, "total": "80.00"}),
            (0, "cyd", "order_placed", {**ORDER, "order": 3, "total": "120.00"}),
            (-30, "dot", "order_placed", {**ORDER, "order": 4, "total": "120.00"}),
            (0, "dot", "order_placed", {**ORDER, "order": 5, "total": "150.00"}),
        ],
        {"ann": "0.042 thanks, 7.042 perks, 21.042 yours", "bob": "", "cyd": "", "dot": ""},
        says={
            "thanks": ["your first order with us, and not a small one", "Total: 120.00"],
            "perks": ["an order of 100 or more"],
            "yours": ["PAGE10-", "Letters to a Lighthouse, €"],
        },
    ),
    Story(
        "big_first_order",
        [
            (0, "ann", "order_placed", {**ORDER, "total": "120.00"}),
            (0, "bob", "order_placed", {**ORDER, "order": 2}),
        ],
        {
            "ann": "0.042 thanks, 7.042 perks, 21.042 yours",
            "bob": "0.042 thanks, 5.042 tips, 21.042 again",
        },
        answers={"general": "first-order"},
        general="first_order",
        says={
            "ann thanks": ["not a small one"],
            "perks": ["an order of 100 or more"],
            "yours": ["Something of your own"],
            "bob thanks": ["You could have gone anywhere"],
            "tips": ["Three things worth knowing"],
            "again": ["For your second order"],
        },
    ),
    Story(
        "order_thanks",
        [
            (0, "ann", "order_placed", ORDER),
            (10, "ann", "order_placed", {**ORDER, "order": 2}),  # too soon after the first
            (35, "ann", "order_placed", {**ORDER, "order": 3}),
            (0, "cyd", "order_placed", {**ORDER, "order": 4}),
        ],
        {"ann": "1 thanks, 7 tips, 36 thanks, 42 tips", "cyd": ""},
        until=50,
        says={
            "thanks": ["we wanted to say thank you", "1 × Swifts: 18.50"],
            "tips": ["Three tips for what you bought"],
        },
    ),
    Story(
        "after_order",
        [
            *((0, who, "order_placed", ORDER) for who in ("ann", "bob", "cyd")),
            (20, "bob", "order_placed", {**ORDER, "order": 2}),
        ],
        {"ann": "10 goes, 30 next", "bob": "10 goes", "cyd": ""},
        says={
            "goes": ["What goes well with your order", "Letters to a Lighthouse, €", "!Swifts, €"],
            "next": ["Letters to a Lighthouse, €", "!Swifts, €"],
        },
    ),
]
