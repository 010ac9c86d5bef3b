import threading

from wagtail_drip.channels.base import Again
from wagtail_drip.channels.reaching import SHARED_SECONDS, Door

NOBODY = Again("Nobody is there.", outage=True)


def test_one_failed_try_answers_for_all_who_come_just_after():
    moment, tries = [100.0], []
    door = Door(lambda: moment[0])

    def connect():
        tries.append(moment[0])
        return NOBODY

    assert [door.reach(connect) for _lane in range(10)] == [NOBODY] * 10
    assert tries == [100.0]
    moment[0] += SHARED_SECONDS
    assert door.reach(connect) is NOBODY
    assert len(tries) == 2


def test_who_gets_through_keeps_nobody_out():
    door, tries = Door(lambda: 100.0), []
    for _lane in range(3):
        assert door.reach(lambda: tries.append(1)) is None
    assert len(tries) == 3


def test_lanes_that_lose_their_server_together_knock_once():
    door, tries, gate = Door(), [], threading.Barrier(10)

    def connect():
        tries.append(1)
        return NOBODY

    def lane():
        gate.wait()
        assert door.reach(connect) is NOBODY

    threads = [threading.Thread(target=lane) for _lane in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tries == [1]
