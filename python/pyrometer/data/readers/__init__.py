"""Out-of-core rows: files and streams of columns, read chunk by chunk."""

from pyrometer.data.readers._checks import select
from pyrometer.data.readers._chunks import Chunk, Rows
from pyrometer.data.readers._open import open_rows
from pyrometer.data.readers._resolve import files_of

__all__ = ["Chunk", "Rows", "files_of", "open_rows", "select"]
