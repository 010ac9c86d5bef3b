"""Of those who come back, learn, have their days, or drift away."""

from __future__ import annotations

from .story import ORDER, PHONE, Story

STORIES = [
    Story(
        "inactive",
        [
            (0, "ann", "called_support"),
            (0, "bob", "called_support"),
            (0, "cyd", "called_support"),
            (95, "bob", "mail_clicked", {"mail": "We miss you"}),
            (89, "dot", "called_support"),
        ],
        {"ann": "90 miss, 97 gift, 111 stay", "bob": "90 miss", "cyd": "", "dot": ""},
        until=130,
        says={
            "miss": ["we haven't seen you for some time", "Letters to a Lighthouse, €"],
            "gift": ["PAGE10-"],
            "stay": ["Shall we go on writing to you?", "Yes, I want to stay: http", "we go quiet"],
        },
    ),
    Story(
        "failed_payment",
        [
            *((0, who, "payment_failed", {"invoice": 1}) for who in ("ann", "bob", "cyd")),
            (1, "bob", "payment_made", {"invoice": 1}),
            (1, "ann", "payment_made", {"invoice": 2}),  # another one
        ],
        # It is nothing that one chooses to get.
        {"ann": "0 failed, 3 again, 7 last", "bob": "0 failed", "cyd": "0 failed, 3 again, 7 last"},
        says={
            "failed": ["Your payment did not go through", "Put it right: http"],
            "again": ["is still open", "Pay now: http"],
            "last": ["your payment has been open for a week", "Settle it: http"],
        },
    ),
    Story(
        "review_request",
        [
            *((0, who, "order_delivered", {"book": 0}) for who in ("ann", "bob", "cyd")),
            (15, "bob", "review_written", {"book": 0}),
        ],
        {"ann": "14 please, 21 again", "bob": "14 please", "cyd": ""},
        says={
            "please": ["How do you like Swifts?", "Write two sentences: http"],
            "again": ["we won't ask again", "Write a review: http"],
        },
    ),
    Story(
        "loyalty",
        [
            *((-day, "ann", "order_placed", {**ORDER, "order": day}) for day in (40, 20)),
            *((-day, "dot", "order_placed", {**ORDER, "order": day}) for day in (40, 20)),
            *((-day, "cyd", "order_placed", {**ORDER, "order": day}) for day in (40, 20)),
            (-40, "bob", "order_placed", ORDER),  # his second is no third
            *((0, who, "order_placed", ORDER) for who in ("ann", "bob", "cyd", "dot")),
            (5, "dot", "order_placed", ORDER),
            *((-day, "eve", "order_placed", ORDER) for day in (60, 40, 20)),
            (0, "eve", "order_placed", ORDER),  # her fourth
        ],
        {"ann": "1 thanks, 14 still", "bob": "", "cyd": "", "dot": "1 thanks", "eve": ""},
        answers={"times": 3},
        says={
            "thanks": ["your order number 3 with us", "Your reward\nPAGE10-"],
            "still": ["a reward for your loyalty", "Letters to a Lighthouse, €"],
        },
    ),
    Story(
        "reorder",
        [
            *((0, who, "book_bought", {"book": 0, "order": 1}) for who in ("ann", "bob", "cyd")),
            (10, "ann", "book_bought", {"book": 1, "order": 2}),  # lasts on its own
            (30, "bob", "book_bought", {"book": 0, "order": 3}),
        ],
        {
            "ann": "60 again, 67 still, 70 again, 77 still",
            "bob": "90 again, 97 still",
            "cyd": "",
        },
        until=130,
        says={
            "again": ["it is 60 days since you bought this"],
            "bob again": ["Running low on Swifts?", "/swifts/"],
            "still": ["just a short reminder"],
            "bob still": ["Before Swifts runs out", "/swifts/"],
        },
    ),
    Story(
        "overdue",
        [
            *((day, "ann", "order_placed", ORDER) for day in (-20, -10, 0)),
            *((day, "cyd", "order_placed", ORDER) for day in (-20, -10, 0)),
            *((day, "bob", "order_placed", ORDER) for day in (-20, -10, 0, 18)),
            *((day, "dot", "order_placed", ORDER) for day in (-60, -30, 0)),  # slower by habit
            *((day, "eve", "order_placed", ORDER) for day in (-200, -100, 0)),  # slower still
            *((day, "fay", "order_placed", ORDER) for day in (-10, 0)),  # no habit yet
            *((day, "guy", "order_placed", ORDER) for day in (-400, -200, 0)),  # twice a year
        ],
        {
            "ann": "15 miss, 22 code",
            "bob": "15 miss, 48 miss, 55 code",  # came back, and is late again
            "cyd": "",
            "dot": "60 miss, 67 code",
            "eve": "240 miss, 247 code",
            "fay": "",
            "guy": "480 miss, 487 code",
        },
        until=600,
        looks=(30.1, 33.1, 60.1, 120.1, 240.1),
        says={
            "miss": ["by now you have mostly been back", "Letters to a Lighthouse, €"],
            "code": ["PAGE10-"],
        },
    ),
    Story(
        "renewal",
        [
            *(
                (0, who, "subscription_started", {"renews_at": "2026-05-01", "plan": "Club"})
                for who in ("ann", "bob", "cyd")
            ),
            (0, "dot", "subscription_started", {"plan": "Club"}),  # of no date
            (40, "bob", "subscription_renewed"),
        ],
        {
            "ann": "30 ahead, 53 soon, 59 tomorrow",
            "bob": "30 ahead",
            "cyd": "30 ahead, 53 soon, 59 tomorrow",
        },
        until=80,
        says={
            "ahead": ["Club renews in 30 days", "you have been using Club"],
            "soon": ["Club renews in a week"],
            "tomorrow": ["tomorrow Club renews"],
        },
    ),
    Story(
        "service_followup",
        [
            *((0, who, "service_done") for who in ("ann", "bob", "cyd")),
            (190, "bob", "appointment_booked", {"day": "2026-10-01"}),
        ],
        {"ann": "184 due, 198 remind", "bob": "184 due", "cyd": ""},
        until=220,
        says={
            "due": ["you were last with us 6 months ago", "Choose a time: http"],
            "remind": ["two weeks ago we wrote", "Choose a time: http"],
        },
    ),
    Story(
        "before_service",
        [
            *(
                (0, who, "appointment_booked", {"day": "2026-03-20", "booking": 1})
                for who in ("ann", "bob", "cyd")
            ),
            (0, "bob", "appointment_booked", {"day": "2026-03-27", "booking": 2}),
            (0, "dot", "appointment_booked", {"day": "2026-03-04", "booking": 3}),  # in two days
            (10, "bob", "appointment_canceled", {"booking": 1}),
        ],
        {
            "ann": "0 booked, 15 ready, 17 tomorrow",
            "bob": "0 booked, 0 booked, 22 ready, 24 tomorrow",
            "cyd": "0 booked, 15 ready, 17 tomorrow",
            "dot": "0 booked, 0 ready, 1 tomorrow",
        },
        says={
            "booked": ["your time with us is reserved", "See or change it: http"],
            "ann booked": ["The day: March 20, 2026."],
            "dot booked": ["The day: March 4, 2026."],
            "ready": ["What to have ready"],
            "ann ready": ["The day: March 20, 2026."],
            "bob ready": ["The day: March 27, 2026."],
            "tomorrow": ["tomorrow is the day"],
            "bob tomorrow": ["The day: March 27, 2026."],
        },
    ),
    Story(
        "service_canceled",
        [
            *((0, who, "service_canceled", {"service": "Club"}) for who in ("ann", "bob", "cyd")),
            (20, "bob", "subscription_started", {"plan": "Club"}),
        ],
        {"ann": "1 why, 14 offer, 91 three, 183 six", "bob": "1 why, 14 offer", "cyd": ""},
        until=200,
        says={
            "why": ["May we ask why?", "Tell us why: http"],
            "offer": ["here is an offer", "PAGE10-"],
            "three": ["three months have passed", "See what is new: http"],
            "six": ["half a year ago you left", "Come back: http"],
        },
    ),
    Story(
        "guide",
        [
            *((0, who, "guide_asked") for who in ("ann", "bob", "cyd")),
            (3, "ann", "interest_shown", {"book": 0}),
        ],
        {
            "ann": "0 here, 2 deeper, 5 yours, 8 talk",
            "bob": "0 here, 2 deeper, 5 wider",
            "cyd": "",
        },
        says={
            "here": ["Here is your guide", "Open it: http"],
            "deeper": ["What most people ask next"],
            "yours": ["You looked more closely", "Find a time: http"],
            "wider": ["If you would like to read on", "Open it again: http"],
            "talk": ["if a short talk would help", "Find a time: http"],
        },
    ),
    Story(
        "event_followup",
        [(0, who, "event_attended") for who in ("ann", "cyd")],
        {"ann": "1 thanks, 4 wish, 11 next", "bob": "", "cyd": ""},
        says={
            "thanks": ["Thank you for coming, Ann", "To the material: http"],
            "wish": ["what did you take along, and what did you miss?"],
            "next": ["How it goes on", "See what is next: http"],
        },
    ),
    Story(
        "tutorial",
        [
            *((0, who, "tutorial_started") for who in ("ann", "bob", "cyd")),
            (5, "bob", "tutorial_watched"),
        ],
        {"ann": "3 waits, 7 short, 14 hand", "bob": "3 waits", "cyd": ""},
        says={
            "waits": ["Your tutorial waits for you", "Watch it: http"],
            "short": ["watch only the first part", "The first part: http"],
            "hand": ["Shall we show you, Ann?"],
        },
    ),
    Story(
        "support_lessons",
        [
            *((0, who, "called_support") for who in ("ann", "cyd")),
            (30, "ann", "called_support"),  # had it a month ago
        ],
        {"ann": "1 found, 7 three, 21 how", "cyd": ""},
        until=60,
        says={
            "found": ["thank you for getting in touch", "Look it up: http"],
            "three": ["Three things that save you a call", "See the help pages: http"],
            "how": ["Is everything running now?"],
        },
    ),
    Story(
        "support_feedback",
        [
            *((0, who, "ticket_closed") for who in ("ann", "bob", "cyd")),
            (2, "bob", "feedback_given"),
        ],
        {"ann": "1 how, 5 again", "bob": "1 how", "cyd": ""},
        says={
            "how": ["yesterday we closed your case", "were we good to deal with?", "Answer: http"],
            "again": ["Ten seconds, Ann", "Answer: http"],
        },
    ),
    Story(
        "birthday",
        [
            (0, "ann", "is_known", {"birthday": "1990-03-04"}),
            (0, "bob", "is_known", {"birthday": "2000-02-20"}),  # it is over
            (0, "cyd", "is_known", {"birthday": "1990-03-04"}),
            (0, "dot", "is_known", {"birthday": "some day"}),
        ],
        {"ann": "2 wish", "bob": "", "cyd": "", "dot": ""},
        says={"wish": ["Happy birthday, Ann!", "Your present\nPAGE10-"]},
    ),
    Story(
        "birthday",
        [
            *((-1, who, "agreed_to_texts") for who in ("ann", "cyd", "dot")),
            *((0, who, "is_known", {"birthday": "1990-03-04", **PHONE}) for who in ("ann", "bob")),
            (0, "cyd", "is_known", {"birthday": "1990-03-04", **PHONE}),  # not to mails
            (0, "dot", "is_known", {"birthday": "1990-03-04", "phone": "none of yours"}),
        ],
        {"ann": "2 wish, 2 short", "bob": "2 wish", "cyd": "", "dot": "2 wish"},
        answers={"texts": "texts"},
        says={
            "wish": ["Happy birthday, ", "Your present\nPAGE10-"],
            "short": ["Happy birthday, Ann! A small present waits in your mailbox."],
        },
    ),
    Story(
        "holiday",
        [(4, "bob", "order_placed", ORDER)],
        {"ann": "3 wish, 8 last", "bob": "3 wish", "cyd": ""},
        answers={"day": "2026-03-05"},
        says={
            "wish": ["All good wishes", "Your present\nPAGE10-"],
            "last": ["The present in our mail of a few days ago", "!PAGE10-"],  # no second one
        },
    ),
    Story(
        "order_anniversary",
        [
            *((0, who, "order_placed", ORDER) for who in ("ann", "cyd")),
            (-100, "bob", "order_placed", ORDER),
            (0, "bob", "order_placed", {**ORDER, "order": 2}),  # not his first
        ],
        {"ann": "365 year", "bob": "", "cyd": ""},
        until=400,
        looks=(30.1, 33.1, 60.1, 120.1, 240.1),
        says={
            "year": [
                "a year ago you ordered from us for the first time",
                "For the anniversary\nPAGE10-",
                "Letters to a Lighthouse, €",
            ]
        },
    ),
    Story(
        "left_topic",
        [
            *((-1, who, "chose_topic") for who in ("ann", "bob", "cyd")),
            *((0, who, "left_topic", {"topic": "tips"}) for who in ("ann", "bob", "cyd")),
            (2, "bob", "left_topic", {"topic": "news"}),  # and this one, too
        ],
        {"ann": "1 why, 15 back", "bob": "1 why", "cyd": ""},
        says={
            "why": ["You left Tips. May we ask why?", "Tell us: http"],
            "back": ["the way to your own page", "Choose what you get: http", "/drip/preferences/"],
        },
    ),
]
