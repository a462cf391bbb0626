"""Several workers doing the same thing at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from models.errors import ConflictError

T = TypeVar("T")


def outcomes_of(workers: int, work: Callable[[int], T]) -> list[T | str]:
    """What each worker's call returned, or the name of the conflict that it met; any other error is raised."""
    barrier = threading.Barrier(workers)

    def run(number: int) -> T | str:
        barrier.wait()
        try:
            return work(number)
        except ConflictError as error:
            return error.conflict.value

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(run, range(workers)))
