"""Distributions of the initial parameters."""

from pyrometer.laws._independent import Mixed, Normal, Uniform

__all__ = ["Mixed", "Normal", "Uniform"]
