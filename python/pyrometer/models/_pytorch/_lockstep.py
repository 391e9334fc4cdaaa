"""Forward passes of several draws of a model that advance together, and stop at each layer.

Each pass has a thread of its own, of which only one runs at a time, with its own states of the random generators: the
same numbers as if it ran alone, whatever the control flow of the model.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

__all__ = ["DIFFERS", "Lockstep", "Stepper", "states"]

DIFFERS = (
    "model must run the same operations in every draw: its control flow depends on its numbers; balance its parts."
)


class _Cancelled(BaseException):
    """Ends a thread that waits."""


class Stepper:
    """A program in a thread of its own, which runs until it calls `pause`."""

    def __init__(self, program: Callable[[Stepper], None], generators: Any) -> None:
        self._generators = generators
        self._go, self._back = threading.Semaphore(0), threading.Semaphore(0)
        self._cancelled = False
        self._error: BaseException | None = None
        self.done = False
        self._thread = threading.Thread(target=self._run, args=(program,), daemon=True)
        self._thread.start()

    def step(self) -> None:
        """Run the program until it pauses or ends; raises what it raises."""
        ours = states()
        _restore(self._generators)
        self._go.release()
        self._back.acquire()
        self._generators = states()
        _restore(ours)
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def pause(self) -> None:
        """Wait for the next step; called by the program."""
        self._back.release()
        self._go.acquire()
        if self._cancelled:
            raise _Cancelled

    def cancel(self) -> None:
        """End the program."""
        self._cancelled = True
        self._go.release()
        self._thread.join()

    def _run(self, program: Callable[[Stepper], None]) -> None:
        self._go.acquire()
        try:
            if not self._cancelled:
                program(self)
        except _Cancelled:
            pass
        except BaseException as error:
            self._error = error
        self.done = True
        self._back.release()


class Lockstep:
    """Several programs that pause at the same places."""

    def __init__(self, steppers: list[Stepper]) -> None:
        self._steppers = steppers

    def step(self) -> bool:
        """Run all to their next pause; returns whether they have not ended."""
        for each in self._steppers:
            each.step()
        ended = [each.done for each in self._steppers]
        if any(ended) != all(ended):
            raise ValueError(DIFFERS)
        return not all(ended)

    @classmethod
    @contextmanager
    def of(cls, programs: list[Callable[[Stepper], None]], generators: list[Any]) -> Iterator[Lockstep]:
        """Start programs, and end their threads at the end of the context."""
        steppers = [Stepper(*each) for each in zip(programs, generators, strict=True)]
        try:
            yield cls(steppers)
        finally:
            for each in steppers:
                if not each.done:
                    each.cancel()


def states() -> Any:
    """Return the states of the random generators."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else None
    return torch.get_rng_state(), cuda, np.random.get_state(), random.getstate()  # noqa: NPY002


def _restore(states: Any) -> None:
    cpu, cuda, legacy, python = states
    torch.set_rng_state(cpu)
    if cuda is not None:
        torch.cuda.set_rng_state_all(cuda)
    np.random.set_state(legacy)  # noqa: NPY002
    random.setstate(python)
