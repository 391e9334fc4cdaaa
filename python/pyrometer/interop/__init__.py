"""Data from elsewhere."""

from pyrometer.interop.files import FileData, read_data

__all__ = ["FileData", "read_data"]
