"""Bytes of files and streams: opened, decompressed, and as UTF-8 without comments."""

from __future__ import annotations

import codecs
import io
import os
import re
from typing import Any

from pyrometer.base import printable

__all__ = ["BATCH", "BINARY", "SUFFIXES", "Text", "decompressed", "is_compressed", "opened", "unreadable"]

# Rows in a batch.
BATCH = 32_768
# The first bytes of compressed files, and their suffixes.
_CODECS = {"bz2": (b"BZh", ".bz2"), "gzip": (b"\x1f\x8b", ".gz"), "lz4": (b"\x04\x22\x4d\x18", ".lz4")}
_CODECS["zstd"] = (b"\x28\xb5\x2f\xfd", ".zst")
# The first bytes of files that are no text, by format.
BINARY = {
    "Parquet": (b"PAR1",),
    "Arrow IPC": (b"ARROW1", b"FEA1", b"\xff\xff\xff\xff"),
    "a ZIP archive": (b"PK\x03\x04",),
    "HDF5": (b"\x89HDF",),
    "a NumPy array": (b"\x93NUMPY",),
}
SUFFIXES = tuple(suffix for _, suffix in _CODECS.values())


def opened(path: str) -> Any:
    """Open a file, whose name may be any bytes."""
    import pyarrow as pa

    try:
        return pa.OSFile(os.fsencode(path))
    except OSError as error:
        if error.errno is None:
            raise
        # The message of Arrow cannot contain a name that is not UTF-8.
        raise OSError(error.errno, os.strerror(error.errno), path) from None


def is_compressed(first: bytes) -> bool:
    """Return whether first bytes are those of a compressed file."""
    return any(first.startswith(magic) for magic, _ in _CODECS.values())


def decompressed(stream: Any, name: str, first: bytes) -> Any:
    """Return a stream, decompressed by its first bytes or the suffix of its name."""
    import pyarrow as pa

    suffix = os.path.splitext(name)[1].lower()
    for codec, (magic, ending) in _CODECS.items():
        if first.startswith(magic) or suffix == ending:
            return pa.CompressedInputStream(stream, codec)
    return stream


def unreadable(label: str, error: Exception) -> Exception:
    """Return a ValueError that names the part; an error of the operating system is returned as it is, with the name."""
    if isinstance(error, OSError) and error.errno is not None:
        error.filename = error.filename or label
        return error
    return ValueError(f"{printable(label)} cannot be read: {printable(' '.join(str(error).split()))}")


class Text(io.RawIOBase):
    """Bytes that have been read already and the rest of a stream, as UTF-8 without the lines of comments."""

    def __init__(
        self, head: bytes, rest: Any, encoding: str = "utf-8", comment: str | None = None, delimiter: str = ","
    ) -> None:
        self._rest, self._ended = rest, False
        plain = codecs.lookup(encoding).name in ("utf-8", "ascii")
        self._decoder = None if plain else codecs.getincrementaldecoder(encoding)()
        self._comments = None if comment is None else _Comments(comment, delimiter)
        self._partial = b""  # the beginning of a line, which may become a comment
        self._first = True
        self._ready = bytearray(self._converted(head))

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return `size` bytes, fewer only at the end."""
        while not self._ended and (size < 0 or len(self._ready) < size):
            if self._decoder is None and self._comments is None and not self._ready:
                return self._rest.read(size)  # type: ignore[no-any-return]
            piece = self._rest.read(size)
            self._ended = not piece
            self._ready += self._converted(piece)
        count = len(self._ready) if size < 0 else size
        taken = bytes(memoryview(self._ready)[:count])
        del self._ready[:count]
        return taken

    def _converted(self, piece: bytes) -> bytes:
        if self._decoder is not None:
            piece = self._decoder.decode(piece, final=self._ended).encode()
        if self._comments is None:
            return piece
        piece = self._partial + piece
        end = len(piece) if self._ended else _end_of_lines(piece)
        lines, self._partial = piece[:end], piece[end:]
        if self._first and lines:
            self._first, lines = False, lines.removeprefix(codecs.BOM_UTF8)
        return self._comments.removed(lines)


def _end_of_lines(piece: bytes) -> int:
    """Return the place after the last line break; a carriage return at the end may be half of one."""
    return piece.rfind(b"\n") + 1 or piece.rfind(b"\r", 0, -1) + 1


class _Comments:
    """Removes lines that begin with a text, from pieces that end where lines do; within quotes there are none."""

    def __init__(self, comment: str, delimiter: str) -> None:
        # What precedes is looked at last: a search for literal first characters is several times faster.
        first, separator = re.escape(comment.encode()), re.escape(delimiter.encode())
        line = rb"%s(?<![^\r\n]%s)[^\r\n]*(?:\r\n?|\n)?" % (first, first)
        opened, value = rb'"(?<![^\r\n%s]")' % separator, rb'[^"]*(?:""[^"]*)*'
        self._lines, self._opened = re.compile(line), re.compile(opened)
        self._closed = re.compile(opened + value + b'"(?!")')
        self._tokens = re.compile(line + b"|" + opened + value + rb'("|\Z)')
        self._within = False  # a value goes on in the next piece

    def removed(self, piece: bytes) -> bytes:
        """Return a piece without comments."""
        if self._within:
            return self._tokens.sub(self._kept, b'"' + piece)[1:]
        if b'"' not in piece:
            return self._lines.sub(b"", piece)
        if self._lines.search(piece):
            return self._tokens.sub(self._kept, piece)
        self._within = self._opened.search(self._closed.sub(b"", piece)) is not None
        return piece

    def _kept(self, token: re.Match[bytes]) -> bytes:
        if token[1] is None:
            return b""
        self._within = not token[1]
        return token[0]
