"""Types of options that are numbers, under the names that help and messages have for them."""

from __future__ import annotations

import click

__all__ = ["Number", "Whole"]


class Number(click.FloatRange):
    """A number in a range."""

    name = "number"


class Whole(click.IntRange):
    """A whole number in a range."""

    name = "whole number"
