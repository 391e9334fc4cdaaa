"""A report on a system, its law, its network and its shift: one HTML file that requests nothing from a network."""

from pyrometer.report._page import html

__all__ = ["html"]
