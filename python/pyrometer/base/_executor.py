"""Work in parts through any executor of `concurrent.futures`."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

__all__ = ["completed", "require"]

Part = TypeVar("Part")
Answer = TypeVar("Answer")

# Parts that an executor holds at a time: enough for its workers, few enough to be sent while others run.
_AHEAD = 64


def require(executor: Any) -> None:
    """TypeError unless it is an executor or None."""
    if executor is None:
        return
    from concurrent.futures import Executor

    if not isinstance(executor, Executor):
        raise TypeError(f"executor must be a concurrent.futures.Executor, got {executor!r}.")


def completed(
    executor: Executor, function: Callable[..., Answer], tasks: Iterable[tuple[Part, tuple[Any, ...]]]
) -> Generator[tuple[Part, Future[Answer]], None, None]:
    """Yield parts as they are done; `tasks` are parts with their arguments. What is left at the end is cancelled."""
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
            # In the order of the parts: a part that failed does not cost those before it.
            for future in [future for future in waiting if future in done]:
                yield waiting.pop(future), future
    finally:
        for future in waiting:
            future.cancel()
