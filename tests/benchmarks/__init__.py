"""Benchmarks: how fast mails go, beside raw smtplib with finished bytes in the same run.

`make bench` with POSTGRES_URL; `make bench ARGS="--help"` tells the options. Not tests: nothing
here runs in the suite, and no figure of one day is compared with one of another. Machines are
noisy, so contestants take turns and what counts is the ratio of their medians.
"""
