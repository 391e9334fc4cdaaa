"""Finished parts of a sweep in a folder beside its output, so that a stopped run can go on."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import shutil
import time
import zipfile
from collections.abc import Iterator, Sequence

import click
import numpy as np

from pyrometer._files import atomic_write
from pyrometer._plan import FIELDS, Answer, Part, Plan

__all__ = ["Parts"]

_SECONDS = 2.0
_NAME = re.compile(r"(\d+)-(\d+)\.npz")


class Parts:
    """A folder of files, each of neighbouring parts, written whole or not at all."""

    def __init__(self, folder: str, key: str, plan: Plan) -> None:
        self._folder, self._plan = folder, plan
        self._parts = list(plan.parts())
        self._held: list[tuple[int, list[Answer]]] = []
        self._written = -math.inf  # the first part goes to the disk at once, and what is wrong there shows
        # Files are of numbered parts: of other parts, they would be of another sweep.
        self._claim(f"{key}-{len(self._parts)}")
        self._finished = {number: answers for number, answers in self._read() if number < len(self._parts)}

    def finished(self) -> Iterator[tuple[Part, list[Answer]]]:
        """Yield what earlier runs have done."""
        for number, answers in self._finished.items():
            yield self._parts[number], answers

    def left(self) -> Iterator[Part]:
        """Yield what is to be done; each is to be kept before the next is asked for."""
        for number, part in enumerate(self._parts):
            if number not in self._finished:
                self._number = number
                yield part

    def keep(self, answers: list[Answer]) -> None:
        """Keep the answers of the part that `left` gave last; they are on the disk a few seconds later."""
        if self._held and self._held[-1][0] + 1 != self._number:
            self.flush()
        self._held.append((self._number, answers))
        if time.monotonic() - self._written > _SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what is held."""
        if not self._held:
            return
        answers = [answer for _, some in self._held for answer in some]
        path = os.path.join(self._folder, f"{self._held[0][0]}-{self._held[-1][0]}.npz")
        with atomic_write(path) as file:
            np.savez(
                file,
                numbers=np.concatenate([answer.numbers.reshape(len(FIELDS), -1) for answer in answers], axis=1),
                verdicts=np.concatenate([answer.verdicts.ravel() for answer in answers]),
                methods=np.array([answer.method for answer in answers], dtype=np.int8),
            )
        self._held, self._written = [], time.monotonic()

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._folder)

    def _claim(self, key: str) -> None:
        """Make the folder, or find it made for the same sweep."""
        with contextlib.suppress(FileExistsError):
            os.mkdir(self._folder)
        path = os.path.join(self._folder, "sweep.json")
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                if json.load(file).get("key") != key:
                    raise click.ClickException(
                        f"{self._folder} must hold parts of this sweep, got those of another: its configuration, data "
                        "or pyrometer have changed since; restore them, or remove the folder to begin again."
                    )
            return
        with atomic_write(path) as file:
            file.write(json.dumps({"format": "pyrometer-sweep", "key": key}).encode())

    def _read(self) -> Iterator[tuple[int, list[Answer]]]:
        for name in os.listdir(self._folder):
            match = _NAME.fullmatch(name)
            if match is None:
                continue
            try:
                path = os.path.join(self._folder, name)
                with open(path, "rb") as source, np.load(source, allow_pickle=False) as file:
                    numbers, verdicts, methods = file["numbers"], file["verdicts"], file["methods"]
            except (ValueError, KeyError, zipfile.BadZipFile):
                continue  # damaged: it is computed again
            first, last = map(int, match.groups())
            yield from self._unpacked(range(first, last + 1), numbers, verdicts, methods)

    def _unpacked(
        self, numbers_of: Sequence[int], numbers: np.ndarray, verdicts: np.ndarray, methods: np.ndarray
    ) -> Iterator[tuple[int, list[Answer]]]:
        place, answer = 0, 0
        for number in numbers_of:
            answers = []
            for shape in shapes(self._parts[number], self._plan):
                size = shape[0] * shape[1]
                here = slice(place, place + size)
                block = numbers[:, here].reshape(len(FIELDS), *shape)
                answers.append(Answer(block, verdicts[here].reshape(shape), int(methods[answer])))
                place, answer = place + size, answer + 1
            yield number, answers


def shapes(part: Part, plan: Plan) -> Iterator[tuple[int, int]]:
    """Systems and laws of each answer of a part."""
    laws = int(plan.batches.sum())
    for _, first, last, tasks in part:
        for places, _, _ in tasks:
            yield last - first, len(range(*places.indices(laws))) if isinstance(places, slice) else len(places)
