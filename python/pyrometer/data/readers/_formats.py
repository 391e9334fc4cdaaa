"""The formats of files: how each is recognised, and the part that reads it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from pyrometer.base import printable
from pyrometer.data.readers._arrow import ArrowFile
from pyrometer.data.readers._bytes import BINARY, is_compressed
from pyrometer.data.readers._bytes import SUFFIXES as COMPRESSED
from pyrometer.data.readers._csv import CsvFile
from pyrometer.data.readers._dialect import Dialect
from pyrometer.data.readers._parquet import ParquetFile
from pyrometer.data.readers._part import Part

__all__ = ["FORMATS", "Format", "format_of", "holds_moments"]

_FIRST = 512


@dataclass(frozen=True)
class Format:
    """A format: the suffixes of its files, whether first bytes are of it, and a part for a file."""

    name: str
    suffixes: tuple[str, ...]
    begins: Callable[[bytes], bool]
    part: Callable[[str, Dialect], Part]


def _is_text(first: bytes) -> bool:
    return is_compressed(first) or b"\0" not in first or first[:2] in (b"\xff\xfe", b"\xfe\xff")


def _has_no_rows(path: str, _: Dialect) -> NoReturn:
    raise ValueError(
        f"{printable(path)} must be a file of rows, got a file of second moments; read it with Moments.load, or on "
        "the command line by the commands temperature and mix."
    )


FORMATS = {
    record.name: record
    for record in (
        Format(
            "Parquet",
            (".parquet", ".pq"),
            lambda first: first.startswith(BINARY["Parquet"]),
            lambda path, _: ParquetFile(path),
        ),
        Format(
            "Arrow IPC",
            (".arrow", ".arrows", ".feather", ".ipc"),
            lambda first: first.startswith(BINARY["Arrow IPC"]),
            lambda path, _: ArrowFile(path),
        ),
        # Moments.save writes a ZIP archive whose first member is the header.
        Format("moments", (".moments",), lambda first: first[:2] == b"PK" and b"header" in first[:64], _has_no_rows),
        Format("CSV", (".csv", ".tsv", ".txt"), _is_text, CsvFile),
    )
}


def format_of(path: str, *, text: bool = False) -> Format:
    """Return the format of a file, by its first bytes where it has another suffix; ValueError if it is none of them.

    If it is said to be `text`, one that is none of the others is CSV, as in UTF-16 without a mark.
    """
    stem, suffix = os.path.splitext(path.lower())
    if suffix in COMPRESSED:
        suffix = os.path.splitext(stem)[1]
        if suffix not in FORMATS["CSV"].suffixes:
            return FORMATS["CSV"]
    for candidate in FORMATS.values():
        if suffix in candidate.suffixes:
            return candidate
    if not os.path.isfile(path):
        return FORMATS["CSV"]  # opening it gives the reason
    with open(path, "rb") as file:
        first = file.read(_FIRST)
    for candidate in FORMATS.values():
        if candidate.begins(first):
            return candidate
    if text:
        return FORMATS["CSV"]
    names = [f"{k.name} ({', '.join(k.suffixes)})" for k in FORMATS.values() if k.part is not _has_no_rows]
    raise ValueError(f"{printable(path)} must be a file of {', '.join(names)}, and is none of them; save it as one.")


def holds_moments(path: str) -> bool:
    """Return whether a path is a file of saved moments."""
    return os.path.isfile(path) and format_of(path) is FORMATS["moments"]
