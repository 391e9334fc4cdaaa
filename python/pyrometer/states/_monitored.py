"""What a monitor requires of its reference and its batches."""

from __future__ import annotations

from typing import Any, Literal

from pyrometer.base import number_of, plain
from pyrometer.linear import LinearRegression, LogisticRegression
from pyrometer.states._blocks import LEAST
from pyrometer.states._data_state import DataState
from pyrometer.states._row_sums import FAR

__all__ = ["require_like", "require_reference"]


def require_reference(
    state: DataState, model: Any, loss: str, block: int | Literal["auto"], *, grow: bool = False
) -> None:
    """Raise if batches cannot be tested against the reference."""
    blocks = state.sums.sizes
    if state.loss != loss:
        raise ValueError(f"reference must have the loss of the model, {loss!r}, got {state.loss!r}.")
    if not isinstance(state.density, str) or state.density != "gaussian":
        raise ValueError(f"reference must have density='gaussian', got {state.density!r}.")
    if len(blocks) < LEAST:
        remedy = "use more rows or a smaller block"
        if state.automatic and state.block > 1:
            memory = state.dependence
            remedy = (
                f"a block is {state.block} rows because they are serially dependent ({memory.series} over "
                f"{memory.time:.0f} rows); use {LEAST * state.block} rows or more"
            )
        raise ValueError(
            f"reference must have at least {LEAST} blocks of rows, got {len(blocks)} of "
            f"{number_of(state.rows, 'row')}; {remedy}."
        )
    if block != "auto" and blocks[0] != block:
        raise ValueError(f"reference must have been made with block={block}, got {blocks[0]:g}.")
    if grow and state.columns.present:
        place = state.columns.present[0].place
        name = plain(state.names[place]) if state.names else str(place)
        raise ValueError(
            f"reference must have numbers near the one that stands for missing ones, for grow=True, got "
            f"{state.columns.fill[place]:g} in column {name}, more than {FAR:g} deviations from their mean; make it "
            "without like=."
        )
    if isinstance(model, (LinearRegression, LogisticRegression)):
        features = model.parameters - model.intercept
        if model.shape != () or features != state.features:
            raise ValueError(
                f"reference must have the {number_of(features, 'feature')} of the model, got {state.features}."
            )


def require_like(reference: DataState, name: str, state: DataState, blocks: tuple[int, int]) -> None:
    """Raise if a batch has other columns than the reference, or is a state of another kind, or not of these blocks."""
    if state.names and reference.names and state.names != reference.names:
        raise ValueError(
            f"{name}: X must have the same columns in one order as the reference, {', '.join(reference.names)}, "
            f"got {', '.join(state.names)}."
        )
    kind = (state.loss, state.features, state.density)
    if kind != (reference.loss, reference.features, reference.density) or state.block not in blocks:
        raise ValueError(
            f"{name}: the state must be of loss {reference.loss!r}, {number_of(reference.features, 'feature')}, "
            f"block={blocks[0]} and density={reference.density!r}, got {state.loss!r}, {state.features}, "
            f"{state.block} and {state.density!r}."
        )
