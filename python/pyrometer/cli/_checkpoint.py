"""Finished parts of a sweep, in a folder beside its output, from which an interrupted run resumes."""

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
# Names of the temporary files of atomic writes, which a killed run leaves behind.
_UNFINISHED = re.compile(r"\.(sweep\.json|[0-9]+-[0-9]+\.npz)\.[0-9a-f]{16}")
# Maximal number of bytes of the mark, and of a part in addition to its arrays.
_MARK_BYTES, _HEADERS = 4096, 65_536


class Parts:
    """A folder of files, each with consecutive parts and written atomically.

    Only files of its own are ever written over or removed: the mark `sweep.json` and ``FIRST-LAST.npz``. The folder is
    locked as long as a run has it.
    """

    def __init__(self, output: str, key: str, plan: Plan) -> None:
        self._output, self._folder, self._plan = output, f"{output}.parts", plan
        self._parts = list(plan.parts())
        self._held: list[tuple[int, list[Answer]]] = []
        self._written = -math.inf  # the first part is written at once, so that a disk error appears early
        # Files name parts by number: with another number of parts, they belong to another sweep.
        self._key = f"{key}-{len(self._parts)}"
        self._lock = self._claim()
        self._finished = dict(self._read())

    def finished(self) -> Iterator[tuple[Part, list[Answer]]]:
        """Yield the parts that earlier runs have computed, with their results."""
        for number, answers in self._finished.items():
            yield self._parts[number], answers

    def left(self) -> Iterator[Part]:
        """Yield the parts that remain; each must be passed to `keep` before the next is requested."""
        for number, part in enumerate(self._parts):
            if number not in self._finished:
                self._number = number
                yield part

    def keep(self, answers: list[Answer]) -> None:
        """Store the results of the part that `left` yielded last; they are written within a few seconds."""
        if self._held and self._held[-1][0] + 1 != self._number:
            self.flush()
        self._held.append((self._number, answers))
        if time.monotonic() - self._written > _SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write the results that are still in memory."""
        if not self._held:
            return
        answers = [answer for _, of_task in self._held for answer in of_task]
        first, last = self._held[0][0], self._held[-1][0]
        with atomic_write(self._path(f"{first}-{last}.npz")) as file:
            np.savez(
                file,
                key=np.array(self._key),
                parts=np.array([first, last]),  # a file that is renamed or copied is of other parts than its name says
                numbers=np.concatenate([answer.numbers.reshape(len(FIELDS), -1) for answer in answers], axis=1),
                verdicts=np.concatenate([answer.verdicts.ravel() for answer in answers]),
                methods=np.array([answer.method for answer in answers], dtype=np.int8),
            )
        self._held, self._written = [], time.monotonic()

    def remove(self) -> bool:
        """Remove the files of the sweep, and the folder unless it has others; return whether it was removed."""
        for name in os.listdir(self._folder):
            if _is_ours(name) or _UNFINISHED.fullmatch(name):
                path = self._path(name)
                if stat.S_ISREG(os.lstat(path).st_mode):
                    os.unlink(path)
        with contextlib.suppress(OSError):
            os.rmdir(self._folder)
        return not os.path.lexists(self._folder)

    def close(self) -> None:
        """Release the lock of the folder."""
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
                    "or pyrometer have changed since; restore them, or remove the folder to start again."
                )
            with atomic_write(self._path(_MARK)) as file:
                file.write(json.dumps({"format": _FORM, "key": self._key, "process": os.getpid()}).encode())
        except BaseException:
            lock.release()
            raise
        return lock

    def _busy(self) -> click.ClickException:
        """Return the error for a folder that another run has locked."""
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
                raise self._refusal(f"holds {name!r}, which is not a regular file")
        mark = self._mark() if _MARK in names else None
        if isinstance(mark, dict) and mark.get("format") == _FORM and isinstance(mark.get("key"), str):
            return mark
        # A damaged mark is replaced if all other files are a sweep's.
        foreign = [name for name in names if not (_is_ours(name) or _UNFINISHED.fullmatch(name))]
        if foreign or isinstance(mark, dict) or (names and _MARK not in names):
            raise self._refusal(f"was not made by a sweep, and holds {min(foreign or names)!r}")
        return None

    def _mark(self) -> Any:
        with open(self._path(_MARK), "rb") as file:
            content = file.read(_MARK_BYTES + 1)
        if len(content) > _MARK_BYTES:
            return {}  # not a mark of this program
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
                # Whatever is wrong with the file, its parts are computed again.
                with contextlib.suppress(Exception):
                    yield from self._unpacked(name, range(first, last + 1))

    def _unpacked(self, name: str, held: range) -> list[tuple[int, list[Answer]]]:
        """Return the results of the parts in a file; an exception of any kind if it has others or is damaged."""
        sizes = [[a * b for a, b in shapes(self._parts[number], self._plan)] for number in held]
        rows, tasks = sum(map(sum, sizes)), sum(map(len, sizes))
        with open(self._path(name), "rb") as source:
            members = zipfile.ZipFile(source).infolist()
            _require(sum(member.file_size for member in members) <= (8 * len(FIELDS) + 1) * rows + tasks + _HEADERS)
            source.seek(0)
            with np.load(source, allow_pickle=False) as file:
                _require(file["key"].shape == () and str(file["key"]) == self._key)
                _require(file["parts"].tolist() == [held[0], held[-1]])
                numbers, verdicts, methods = file["numbers"], file["verdicts"], file["methods"]
        _require(numbers.shape == (len(FIELDS), rows) and numbers.dtype == np.float64)
        _require(verdicts.shape == (rows,) and verdicts.dtype == np.int8 and _codes(verdicts, VERDICTS))
        _require(methods.shape == (tasks,) and methods.dtype == np.int8 and _codes(methods, METHODS))
        unpacked, place, answer = [], 0, 0
        for number in held:
            answers = []
            for shape in shapes(self._parts[number], self._plan):
                cells = slice(place, place + shape[0] * shape[1])
                block = numbers[:, cells].reshape(len(FIELDS), *shape)
                answers.append(Answer(block, verdicts[cells].reshape(shape), int(methods[answer])))
                place, answer = cells.stop, answer + 1
            unpacked.append((number, answers))
        return unpacked


def shapes(part: Part, plan: Plan) -> Iterator[tuple[int, int]]:
    """Yield the numbers of systems and laws of each result of a part."""
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
