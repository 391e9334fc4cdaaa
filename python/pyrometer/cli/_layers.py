"""Options of networks: widths, activations, and laws that are scaled by the fan of a layer."""

from __future__ import annotations

from typing import Any

import click

from pyrometer.networks import ACTIVATIONS

__all__ = ["SCALED", "Activations", "Widths"]

SCALED = {
    "lecun-normal": "LecunNormal",
    "glorot-normal": "GlorotNormal",
    "he-normal": "HeNormal",
    "lecun-uniform": "LecunUniform",
    "glorot-uniform": "GlorotUniform",
    "he-uniform": "HeUniform",
    "orthogonal": "Orthogonal",
}


class Widths(click.ParamType):  # type: ignore[type-arg]
    name = "widths"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """Read 256,256 as two hidden layers; an empty string has none."""
        if isinstance(value, tuple):
            return value
        try:
            widths = tuple(int(word) for word in value.split(",")) if value.strip() else ()
        except ValueError:
            self.fail(f"{value!r} must be widths with commas between them, such as 256,256.", param, ctx)
        if any(width < 1 for width in widths):
            self.fail(f"{value!r} must have widths of at least 1.", param, ctx)
        return widths


class Activations(click.ParamType):  # type: ignore[type-arg]
    name = "activation"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read relu,tanh as those of two hidden layers."""
        for word in value.split(","):
            if word not in ACTIVATIONS:
                self.fail(f"{word!r} is not one of {', '.join(map(repr, ACTIVATIONS))}.", param, ctx)
        return str(value)
