"""The line that everything travels, in the order of the travel:

recording    → identifying (who is it)
enrolling    → entering (gate, entry rule), asking (conditions of many people at once)
advancing    → walking (over the flow), expelling (who must go), planning (deliveries)
sending      → claiming, checking, addressing, transmitting (by connecting), answering,
               settling; dispatching (one goes out, the next is made); resting (an outage)
recovering   → journal (what a killed worker had begun), resolving (a person's word)
tracking     → leaving (unsubscribed, bounced), erasing

`testing` sends a mail to those who write it. `ticking` turns the crank until it is told to stop
(`stopping`). `reporting` counts, `time_travel` moves demos, `files` exports and imports campaigns;
`locking` and `retrying` are how all of them meet the database.
"""
