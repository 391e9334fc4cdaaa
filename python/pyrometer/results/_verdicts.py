"""Verdicts on temperatures in sentences that say what to do."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

__all__ = ["verdict_sentences"]

_SENTENCES = {
    "ok": "T is in the units of these features: compare it with systems whose features have the same units.",
    "near-pole": (
        "the entropy of a parameter is within 0.1 nat of 0, where T has a pole: T depends more on the scale of the "
        "law than on the system. Use the marginal temperature, or{remedy}."
    ),
    "negative-entropy": (
        "the law is narrower than the unit of the parameters, so that its entropy and T are negative. Use the marginal "
        "temperature, or{remedy}."
    ),
    "undefined": "there is no temperature: {reason}.",
    "mixed-signs": (
        "some layers have negative and others positive entropy, which cancel in T: use the temperatures of the layers, "
        "or their marginal temperatures."
    ),
}
# The entropy of a parameter above which the verdict is "ok", in nats.
_OK = 0.1
# Below this no remedy is given: the resolution would be beyond the range of doubles.
_FINEST = 300


def verdict_sentences(result: Any) -> Iterator[str]:
    """Yield what the verdict of a temperature means; for a batch, where not all of them are "ok", how to find those."""
    verdict = result.verdict
    if isinstance(verdict, np.ndarray):
        if verdict.size and (verdict != "ok").any():
            yield 'T is meaningful where verdict == "ok"; elsewhere use the marginal temperature.'
        return
    sentence = _SENTENCES.get(verdict)
    if sentence is not None:
        yield f"{verdict}: {sentence.format(remedy=_remedy(result), reason=_reason(result))}"


def _remedy(result: Any) -> str:
    """Return the resolution at which the entropy is positive, relative to that of the result."""
    each = result.entropy / result.parameters if result.parameters else math.nan
    if not math.isfinite(each) or (_OK - each) / math.log(10.0) > _FINEST:
        return " a wider law"
    finer = math.ceil((_OK - each) / math.log(10.0) + 1e-9)
    return f" a resolution= {10.0**finer:g} times as fine (1e-{finer} if none was given)"


def _reason(result: Any) -> str:
    if result.parameters == 0:
        return "no parameter is random. Use the energies"
    if math.isnan(result.entropy):
        return "the law has no density, and no entropy. Use the energies"
    return "the entropy is 0. Choose another scale of the law, or another resolution="
