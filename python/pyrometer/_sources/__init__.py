"""Rows that need not fit into memory: files and streams of columns, read chunk by chunk."""

from pyrometer._sources._columns import numbers, require_finite, select
from pyrometer._sources._files import kind_of, separator, standard_input
from pyrometer._sources._rows import Chunk, Rows, open_rows, unreadable

__all__ = [
    "Chunk",
    "Rows",
    "kind_of",
    "numbers",
    "open_rows",
    "require_finite",
    "select",
    "separator",
    "standard_input",
    "unreadable",
]
