"""Rows that need not fit into memory: files and streams of columns, read chunk by chunk."""

from pyrometer._sources._columns import select
from pyrometer._sources._open import files_of
from pyrometer._sources._rows import Chunk, Rows, open_rows

__all__ = ["Chunk", "Rows", "files_of", "open_rows", "select"]
