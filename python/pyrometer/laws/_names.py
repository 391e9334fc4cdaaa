"""Names of laws for messages: what a word, a class or a number that is given for a law may mean."""

from __future__ import annotations

import numbers
import sys
from typing import Any

from pyrometer.base import described, nearest

__all__ = ["LAYER_CALLS", "LINEAR_CALLS", "not_a_law"]

_EITHER = {"Normal": "pm.Normal(1.0)", "Uniform": "pm.Uniform(6.0)"}
LINEAR_CALLS = {
    **_EITHER,
    "Mixed": "pm.Mixed([1.0], [6.0])",
    "TruncatedNormal": "pm.TruncatedNormal(1.0)",
    "Constant": "pm.Constant(0.0)",
    "Independent": "pm.Independent([pm.Normal(1.0), pm.Constant(0.0)])",
}
"""A call for each law of a linear system, by the name of its class."""
_FAN = ("LecunNormal", "GlorotNormal", "HeNormal", "LecunUniform", "GlorotUniform", "HeUniform", "TorchLinear")
LAYER_CALLS = {
    **_EITHER,
    **{name: f"pm.{name}()" for name in _FAN},
    **{name: LINEAR_CALLS[name] for name in ("TruncatedNormal", "Constant")},
    "Orthogonal": "pm.Orthogonal()",
    "Layers": "pm.Layers(pm.HeNormal(), biases=pm.Normal(0.1))",
}
"""A call for each law of a network, by the name of its class."""
_ALL = LINEAR_CALLS | LAYER_CALLS

# Other names of the same distributions.
_ALIASES = {"gaussian": "normal", "gauss": "normal", "kaiming": "he", "xavier": "glorot", "torch": "torch_linear"}


def not_a_law(argument: str, value: Any, calls: dict[str, str] = _ALL, *, optional: bool = False) -> TypeError:
    """Return the error for a value that is none of the laws in `calls`, with the law that may be meant."""
    names = [*calls, "None"] if optional else [*calls]
    allowed = f"{', '.join(names[:-1])} or {names[-1]}"
    return TypeError(f"{argument} must be {allowed}, got {described(value)}{_meant(value, calls)}")


def _meant(value: Any, calls: dict[str, str]) -> str:
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if is_number and abs(value) <= sys.float_info.max:
        return f"; did you mean pm.{'Normal' if value > 0 else 'Constant'}({value})?"
    name = value if isinstance(value, str) else value.__name__ if isinstance(value, type) else type(value).__name__
    if name in _ALL and name not in calls:
        return f"; {_ALL[name]} is for {'networks' if name in LAYER_CALLS else 'linear models'}."
    words = name.lower().replace("-", "_").split("_")
    hint = nearest("_".join(_ALIASES.get(word, word) for word in words), _ALL, fallback="")
    close = next((law for law in _ALL if repr(law) in hint), None)
    if close is None:
        return f"; use one such as {next(iter(calls.values()))}."
    if close not in calls:
        return f"; {_ALL[close]} is for {'networks' if close in LAYER_CALLS else 'linear models'}."
    return f"; did you mean {calls[close]}?"
