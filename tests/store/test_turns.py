from __future__ import annotations

from threading import Barrier, Thread

import pytest

from xiaobao.store.turns import FairLock


def test_waiters_are_served_in_the_order_they_came() -> None:
    lock = FairLock()
    served: list[int] = []

    def take(number: int) -> None:
        with lock:
            served.append(number)

    threads = [Thread(target=take, args=(number,)) for number in range(6)]
    with lock:
        for position, thread in enumerate(threads, start=1):
            thread.start()
            while len(lock._waiting) < position:  # the next starts only when this one is in the queue
                pass
    for thread in threads:
        thread.join()
    assert served == list(range(6))


def test_one_holder_at_a_time() -> None:
    lock = FairLock()
    start = Barrier(4)
    total = 0

    def add() -> None:
        nonlocal total
        start.wait()
        for _ in range(2000):
            with lock:
                seen = total
                total = seen + 1

    threads = [Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert total == 8000


def test_holder_that_fails_hands_over() -> None:
    lock = FairLock()
    with pytest.raises(RuntimeError), lock:
        raise RuntimeError
    with lock:
        pass
