"""Parallel evaluation of parts on an executor of `concurrent.futures`."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from pyrometer.base._described import described

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

__all__ = ["completed", "require"]

Part = TypeVar("Part")
Answer = TypeVar("Answer")

# Parts submitted at a time: enough to keep the workers busy, without pickling all of them in advance.
_AHEAD = 64


def require(executor: Any) -> None:
    """Raise TypeError unless `executor` is an Executor or None."""
    if executor is None:
        return
    from concurrent.futures import Executor

    if not isinstance(executor, Executor):
        raise TypeError(f"executor must be a concurrent.futures.Executor, got {described(executor)}.")


def completed(
    executor: Executor, function: Callable[..., Answer], tasks: Iterable[tuple[Part, tuple[Any, ...]]]
) -> Generator[tuple[Part, Future[Answer]], None, None]:
    """Yield parts with their futures as they complete; `tasks` are parts with arguments. Closing cancels the rest."""
    from concurrent.futures import FIRST_COMPLETED, wait

    waiting: dict[Future[Answer], Part] = {}
    queue = iter(tasks)
    try:
        while True:
            for part, arguments in queue:
                waiting[executor.submit(function, *arguments)] = part
                if len(waiting) >= _AHEAD:
                    break
            if not waiting:
                return
            done = wait(waiting, return_when=FIRST_COMPLETED).done
            # In the order of submission, so that a failed part does not discard the parts before it.
            for future in [future for future in waiting if future in done]:
                yield waiting.pop(future), future
    finally:
        for future in waiting:
            future.cancel()
