"""What a monitor requires of its reference and its batches."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from pyrometer.base import number_of
from pyrometer.linear import LinearRegression, LogisticRegression
from pyrometer.states._blocks import LEAST
from pyrometer.states._data_state import DataState
from pyrometer.states._file_fields import CLOSE
from pyrometer.states._predictions import NO_LOSS
from pyrometer.states._row_sums import FAR

__all__ = ["as_reference", "require_like", "require_reference"]


def as_reference(state: DataState) -> DataState:
    """Return a state whose blocks and numbers are those of a reference; itself, if it was made of rows.

    States that a growing monitor has compared may begin with the rest of a block, which others cannot be exchanged
    with, and may have the energy of rows of which some are in a block that is not complete.
    """
    if state.kept is not None:
        return state
    sums, columns = state.sums, state.columns
    if sums.sizes[0] < state.block:
        order = np.argsort(sums.sizes != state.block, kind="stable")
        rows = None if sums.rows is None else sums.rows[order]
        sums = sums.of_table(np.ascontiguousarray(sums.table()[order]), rows)
        counted = tuple(replace(each, counts=each.counts[order]) for each in columns.counted)
        present = tuple(replace(each, sums=each.sums[order]) for each in columns.present)
        state = DataState.of_sums(state, replace(columns, counted=counted, present=present), sums, state)
    if sums.sizes[0] != state.block:
        state = DataState.of_sums(state, state.columns, sums, state)
        state.block = int(sums.sizes[0])
    numbers, stated = state.numbers(), (state.energy, state.entropy)
    if any(
        not math.isnan(own) and not math.isclose(own, of, rel_tol=CLOSE, abs_tol=least)
        for own, of, least in zip(stated, numbers, (0.0, CLOSE), strict=True)
    ):
        reason, pairs = state.reason, zip(stated, numbers, strict=True)
        state = DataState.of_sums(state, state.columns, state.sums, None)
        state.energy, state.entropy = (math.nan if math.isnan(own) else of for own, of in pairs)
        state.reason = reason
    lost = math.isnan(state.entropy) or (math.isnan(state.energy) and state.loss != NO_LOSS)
    if lost and not state.reason:
        state = DataState.of_sums(state, state.columns, state.sums, state)
        state.reason = "the sums over complete blocks of rows have no energy or no entropy."
    return state


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
        raise ValueError(
            f"reference must have numbers near the one that stands for missing ones, for grow=True, got "
            f"{state.columns.fill[place]:g} in column {state.named(place)}, more than {FAR:g} deviations from "
            "their mean; make it without like=."
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
