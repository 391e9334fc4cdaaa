"""Data from files and from dask clusters."""

from pyrometer.interop import dask
from pyrometer.interop.files import FileData, read_data

__all__ = ["FileData", "dask", "read_data"]
