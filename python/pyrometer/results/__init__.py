"""Frozen answers and tables, and how they are written out."""
