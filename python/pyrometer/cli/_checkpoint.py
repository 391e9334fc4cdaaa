"""Finished parts of a sweep in a folder beside its output, so that a stopped run can go on."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import stat
import time
import zipfile
from collections.abc import Iterator
from typing import Any

import click
import numpy as np

from pyrometer.base import atomic_write
from pyrometer.cli._lock import FolderLock, is_alive
from pyrometer.sweeps import FIELDS, METHODS, Answer, Part, Plan
from pyrometer.thermodynamics import VERDICTS

__all__ = ["Parts"]

_SECONDS = 2.0
_MARK, _FORM = "sweep.json", "pyrometer-sweep"
_NAME = re.compile(r"([0-9]{1,18})-([0-9]{1,18})\.npz", re.ASCII)
# What a run that was killed while it wrote leaves.
_UNFINISHED = re.compile(r"\.(sweep\.json|[0-9]+-[0-9]+\.npz)\.[0-9a-f]{16}")
# Bytes of the mark at most, and of a part besides its arrays.
_MARK_BYTES, _HEADERS = 4096, 65_536


class Parts:
    """A folder of files, each of neighbouring parts, written whole or not at all.

    Only files of its own are ever written over or removed: the mark `sweep.json` and ``FIRST-LAST.npz``. The folder is
    locked as long as a run has it.
    """

    def __init__(self, output: str, key: str, plan: Plan) -> None:
        self._output, self._folder, self._plan = output, f"{output}.parts", plan
        self._parts = list(plan.parts())
        self._held: list[tuple[int, list[Answer]]] = []
        self._written = -math.inf  # the first part goes to the disk at once, and what is wrong there shows
        # Files are of numbered parts: of other parts, they would be of another sweep.
        self._key = f"{key}-{len(self._parts)}"
        self._lock = self._claim()
        self._finished = dict(self._read())

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
        with atomic_write(self._path(f"{self._held[0][0]}-{self._held[-1][0]}.npz")) as file:
            np.savez(
                file,
                key=np.array(self._key),
                numbers=np.concatenate([answer.numbers.reshape(len(FIELDS), -1) for answer in answers], axis=1),
                verdicts=np.concatenate([answer.verdicts.ravel() for answer in answers]),
                methods=np.array([answer.method for answer in answers], dtype=np.int8),
            )
        self._held, self._written = [], time.monotonic()

    def remove(self) -> bool:
        """Remove the files of the sweep, and the folder unless it holds others; whether it is gone."""
        for name in os.listdir(self._folder):
            if _is_ours(name) or _UNFINISHED.fullmatch(name):
                path = self._path(name)
                if stat.S_ISREG(os.lstat(path).st_mode):
                    os.unlink(path)
        with contextlib.suppress(OSError):
            os.rmdir(self._folder)
        return not os.path.lexists(self._folder)

    def close(self) -> None:
        """Let other runs have the folder."""
        self._lock.release()

    def _path(self, name: str) -> str:
        return os.path.join(self._folder, name)

    def _claim(self) -> FolderLock:
        """Make the folder, or find it made for the same sweep, and lock it; refuse one that is not a sweep's."""
        if os.path.lexists(self._folder) and not stat.S_ISDIR(os.lstat(self._folder).st_mode):
            raise self._refusal("is no folder")
        lock = FolderLock(self._folder)
        try:
            if lock.acquired is False:
                raise self._busy()
            mark = self._require_ours()
            if lock.acquired is None and mark and is_alive(_process(mark)):
                raise self._busy()
            if mark and mark["key"] != self._key:
                raise click.ClickException(
                    f"{self._folder} must hold parts of this sweep, got those of another: its configuration, data "
                    "or pyrometer have changed since; restore them, or remove the folder to begin again."
                )
            with atomic_write(self._path(_MARK)) as file:
                file.write(json.dumps({"format": _FORM, "key": self._key, "process": os.getpid()}).encode())
        except BaseException:
            lock.release()
            raise
        return lock

    def _busy(self) -> click.ClickException:
        """The error of a folder that another run has."""
        with contextlib.suppress(OSError):
            if process := _process(self._mark()):
                return click.ClickException(
                    f"another run (process {process}) is writing {self._output}; wait until it has ended, or give "
                    "another output."
                )
        return click.ClickException(
            f"another run is writing {self._output}; wait until it has ended, or give another output."
        )

    def _require_ours(self) -> dict[str, Any] | None:
        """Return the mark of a sweep's folder, None where there is none; refuse a folder of something else."""
        names = os.listdir(self._folder)
        for name in filter(_is_ours, names):
            if not stat.S_ISREG(os.lstat(self._path(name)).st_mode):
                raise self._refusal(f"holds {name!r}, which is no ordinary file")
        mark = self._mark() if _MARK in names else None
        if isinstance(mark, dict) and mark.get("format") == _FORM and isinstance(mark.get("key"), str):
            return mark
        # A mark that is damaged is written again where nothing speaks against a sweep's folder.
        foreign = [name for name in names if not (_is_ours(name) or _UNFINISHED.fullmatch(name))]
        if foreign or isinstance(mark, dict) or (names and _MARK not in names):
            raise self._refusal(f"was not made by a sweep, and holds {min(foreign or names)!r}")
        return None

    def _mark(self) -> Any:
        with open(self._path(_MARK), "rb") as file:
            content = file.read(_MARK_BYTES + 1)
        if len(content) > _MARK_BYTES:
            return {}  # whatever it is, it is nobody's mark
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            return None

    def _refusal(self, why: str) -> click.ClickException:
        return click.ClickException(
            f"{self._folder} must be a folder for the parts of this sweep, but {why}; move it away, or give another "
            "output."
        )

    def _read(self) -> Iterator[tuple[int, list[Answer]]]:
        for name in os.listdir(self._folder):
            match = _NAME.fullmatch(name)
            if match is None:
                continue
            first, last = map(int, match.groups())
            if first <= last < len(self._parts):
                # Damaged, or of another sweep: it is computed again, whatever a reader makes of its bytes.
                with contextlib.suppress(Exception):
                    yield from self._unpacked(name, range(first, last + 1))

    def _unpacked(self, name: str, held: range) -> list[tuple[int, list[Answer]]]:
        """Return the parts that a file holds; an exception of any kind if it does not hold just these."""
        sizes = [[a * b for a, b in shapes(self._parts[number], self._plan)] for number in held]
        rows, tasks = sum(map(sum, sizes)), sum(map(len, sizes))
        with open(self._path(name), "rb") as source:
            members = zipfile.ZipFile(source).infolist()
            _require(sum(member.file_size for member in members) <= (8 * len(FIELDS) + 1) * rows + tasks + _HEADERS)
            source.seek(0)
            with np.load(source, allow_pickle=False) as file:
                _require(file["key"].shape == () and str(file["key"]) == self._key)
                numbers, verdicts, methods = file["numbers"], file["verdicts"], file["methods"]
        _require(numbers.shape == (len(FIELDS), rows) and numbers.dtype == np.float64)
        _require(verdicts.shape == (rows,) and verdicts.dtype == np.int8 and _codes(verdicts, VERDICTS))
        _require(methods.shape == (tasks,) and methods.dtype == np.int8 and _codes(methods, METHODS))
        found, place, answer = [], 0, 0
        for number in held:
            answers = []
            for shape in shapes(self._parts[number], self._plan):
                here = slice(place, place + shape[0] * shape[1])
                block = numbers[:, here].reshape(len(FIELDS), *shape)
                answers.append(Answer(block, verdicts[here].reshape(shape), int(methods[answer])))
                place, answer = here.stop, answer + 1
            found.append((number, answers))
        return found


def shapes(part: Part, plan: Plan) -> Iterator[tuple[int, int]]:
    """Systems and laws of each answer of a part."""
    laws = int(plan.batches.sum())
    for _, first, last, tasks in part:
        for places, _, _ in tasks:
            yield last - first, len(range(*places.indices(laws))) if isinstance(places, slice) else len(places)


def _is_ours(name: str) -> bool:
    return name == _MARK or _NAME.fullmatch(name) is not None


def _process(mark: Any) -> int:
    """Return the number of the process that a mark names, 0 if it names none."""
    process = mark.get("process") if isinstance(mark, dict) else None
    return process if isinstance(process, int) and process > 0 else 0


def _codes(array: np.ndarray, words: tuple[str, ...]) -> bool:
    return bool(((array >= 0) & (array < len(words))).all())


def _require(condition: bool) -> None:
    if not condition:
        raise ValueError
