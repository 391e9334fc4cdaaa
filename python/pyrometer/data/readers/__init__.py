"""Out-of-core rows: files and streams of columns, read chunk by chunk."""

from pyrometer.data.readers._checks import is_numeric, require_present, select
from pyrometer.data.readers._chunks import Chunk, Rows
from pyrometer.data.readers._formats import holds_moments
from pyrometer.data.readers._frame import read_frame
from pyrometer.data.readers._memory import exceeds_memory
from pyrometer.data.readers._open import open_rows
from pyrometer.data.readers._pipes import is_pipe, readable_again
from pyrometer.data.readers._resolve import files_of

__all__ = [
    "Chunk",
    "Rows",
    "exceeds_memory",
    "files_of",
    "holds_moments",
    "is_numeric",
    "is_pipe",
    "open_rows",
    "read_frame",
    "readable_again",
    "require_present",
    "select",
]
