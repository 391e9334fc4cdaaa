"""Operations of PyTorch as a dispatch mode sees them: their names, and their arguments by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import torch

__all__ = ["Given", "Signature", "bound", "signature", "tensors_in"]

Given: TypeAlias = dict[str, Any]
"""Arguments of an operation by name."""


@dataclass(frozen=True)
class Signature:
    """What an operation is called, without its namespace, the arguments that it takes, and those that it writes."""

    name: str
    overload: str
    arguments: tuple[str, ...]
    defaults: Given
    written: tuple[str, ...]
    mutable: bool


@lru_cache(maxsize=4096)
def signature(func: Any) -> Signature:
    """Return the signature of an operation."""
    schema = func._schema
    return Signature(
        name=schema.name.partition("::")[2],
        overload=schema.overload_name,
        arguments=tuple(each.name for each in schema.arguments),
        defaults={each.name: each.default_value for each in schema.arguments if each.has_default_value()},
        written=tuple(
            each.name for each in schema.arguments if each.alias_info is not None and each.alias_info.is_write
        ),
        mutable=schema.is_mutable,
    )


def bound(func: Any, args: Any, kwargs: Any) -> Given:
    """Return the arguments of a call by name, with defaults."""
    schema = signature(func)
    arguments: Given = {**schema.defaults, **dict(zip(schema.arguments, args, strict=False)), **kwargs}
    return arguments


def tensors_in(value: Any) -> Iterator[torch.Tensor]:
    """Yield the tensors of an argument, or of a list of them."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from tensors_in(item)
