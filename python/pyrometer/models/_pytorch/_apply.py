"""Factors on the parameters of a PyTorch model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from pyrometer.base import described, listed, with_article

__all__ = ["multiplied"]


def multiplied(model: Any, title: str, groups: Sequence[Sequence[str]], factors: Sequence[float]) -> torch.nn.Module:
    """Multiply groups of parameters of a model by factors, in place."""
    if not isinstance(model, torch.nn.Module):
        raise TypeError(f"model must be a torch.nn.Module, got {described(model)}; pass MyModel().")
    parameters = dict(model.named_parameters())
    missing = [name for names in groups for name in names if name not in parameters]
    if missing:
        raise ValueError(
            f"model must have the parameters that were balanced, got {with_article(type(model).__name__)} without "
            f"[{listed(missing)}]; pass a model as {title} was built."
        )
    with torch.no_grad():
        for names, factor in zip(groups, factors, strict=True):
            for name in names:
                parameters[name].mul_(factor)
    return model
