"""Labels of a Keras model's parameters, from the initializers of its layers."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pyrometer.base import described
from pyrometer.models._built import Built
from pyrometer.models._goodness import fits, guess
from pyrometer.models._keras._initializers import label_of, seed_of
from pyrometer.models._labels import Kind, Label, Runs, joined
from pyrometer.models._memory import Memory
from pyrometer.models._parameters import named
from pyrometer.networks import ORTHOGONAL

__all__ = ["OUTSIDE", "Piece", "build", "built_by", "layers_of", "pieces_of", "variables_of"]

OUTSIDE = Label(Kind.UNKNOWN, reason="numbers from outside of Keras")

# The initializers of variables whose names they do not have.
_NAMES = {
    "kernel": ("kernel_initializer", "depthwise_initializer"),
    "recurrent_kernel": ("recurrent_initializer",),
    "depthwise_kernel": ("depthwise_initializer",),
    "pointwise_kernel": ("pointwise_initializer",),
}


@dataclass(frozen=True)
class Piece:
    """Consecutive elements of a variable that one call of an initializer makes."""

    initializer: Any
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    def values(self) -> Any:
        """Return what the initializer makes, as an array of one axis; the same at each call where it has a seed."""
        return _numbers(self.initializer(self.shape))


def build(model: Any, laws: Mapping[str, Any] | None, init: Any, seed: int, factory: Any = None) -> Built:
    """Return the labels of the trainable variables of a model, or of the one that a function builds, by their names.

    `factory` is the function that has built the model, if one has. A second build shows which scales are drawn.

    Raises
    ------
    ValueError
        If the model is not built, or `init` is given.
    """
    del seed  # laws do not depend on it
    if init is not None:
        raise ValueError("init is for models of PyTorch; a Keras layer has its law in its initializers. Leave it out.")
    fresh = not hasattr(model, "variables")
    factory, model = model if fresh else factory, built_by(model)
    memory, shapes, runs = Memory(), dict[str, tuple[int, ...]](), dict[str, Runs]()
    repeats = _Repeats(memory)
    variables, others = list(variables_of(model)), [each[1:] for each in variables_of(factory())] if factory else []
    named_laws = named(laws, [name for name, _, _ in variables])
    for place, (name, variable, layer) in enumerate(variables):
        shapes[name] = tuple(variable.shape)
        if name in named_laws:
            runs[name] = Runs.whole(math.prod(variable.shape), memory.number(Label(Kind.OUTSIDE)))
        else:
            runs[name] = joined([repeats.runs(piece, variable) for piece in pieces_of(variable, layer)])
            if fresh and not _fit(_numbers(variable), runs[name], memory):
                label = Label(Kind.UNKNOWN, reason="values that do not fit the initializer")
                runs[name] = Runs.whole(math.prod(variable.shape), memory.number(label))
            if place < len(others) and laws_of(variable, layer) != laws_of(*others[place]):
                runs[name] = Runs.whole(math.prod(variable.shape), memory.number(OUTSIDE))
    return Built(model, memory, shapes, runs, {}, named_laws)


def laws_of(variable: Any, layer: Any) -> list[tuple[Any, ...]]:
    """Return families, scales and centres of what makes a variable of a layer."""
    labels = [label_of(piece.initializer, piece.shape) for piece in pieces_of(variable, layer)]
    return [(label.kind, label.family, label.scale, label.centre) for label in labels]


def _fit(values: Any, runs: Runs, memory: Memory) -> bool:
    """Whether values that have just been drawn have their law."""
    label = memory.labels[int(runs.labels[0])]
    if len(runs.labels) != 1 or label.kind is not Kind.RANDOM or label.family is None:
        return True
    return fits(values, label.family, label.scale, label.centre)


def built_by(model: Any) -> Any:
    """Return the model, or the one that a function builds."""
    return model if hasattr(model, "variables") else model()


def variables_of(model: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield name, variable and layer of each trainable variable; names are paths with points, without the model's."""
    if not model.built or not model.weights or _has_unbuilt(model):
        raise ValueError(
            f"{described(model)} lacks parameters before all of its layers are built; call model(inputs) once first."
        )
    owners = dict[int, tuple[Any, list[Any]]]()
    for layer in layers_of(model):
        for variable in layer._trainable_variables:
            owners.setdefault(id(variable), (variable, []))[1].append(layer)
    names = set[str]()
    for variable, layers in owners.values():
        name = variable.path.removeprefix(f"{model.name}/").replace("/", ".")
        while name in names:
            name += "_"
        names.add(name)
        # Wrappers, as of spectral normalisation, have the variables of what they wrap.
        initialised = [layer for layer in layers if pieces_of(variable, layer)[0].initializer is not None]
        yield name, variable, (initialised or layers)[0]


def layers_of(layer: Any) -> Iterator[Any]:
    """Yield a layer and those in it, in order."""
    yield layer
    for inner in layer._layers:
        yield from layers_of(inner)


def _has_unbuilt(layer: Any) -> bool:
    """Whether the first call of a layer gives variables to layers within it; those that it leaves out get none."""
    import keras

    return not layer._called and any(
        (not inner.built and type(inner).build is not keras.layers.Layer.build) or _has_unbuilt(inner)
        for inner in layer._layers
    )


def pieces_of(variable: Any, layer: Any) -> list[Piece]:
    """Return what makes a variable of a layer; one piece without an initializer if it is not known."""
    shape = tuple(variable.shape)
    names = (*_NAMES.get(variable.name, ()), f"{variable.name}_initializer")
    initializer = next((made for name in names if (made := getattr(layer, name, None)) is not None), None)
    if variable.name == "kernel" and hasattr(layer, "equation") and getattr(initializer, "input_axes", shape) is None:
        initializer = _with_axes(initializer, layer)
    if variable.name == "bias" and initializer is not None and getattr(layer, "unit_forget_bias", False):
        import keras

        units = shape[0] // 4  # the gates: input, forget, cell, output
        return [
            Piece(initializer, (units,)),
            Piece(keras.initializers.Ones(), (units,)),
            Piece(initializer, (2 * units,)),
        ]
    return [Piece(initializer, shape)]


def _with_axes(initializer: Any, layer: Any) -> Any:
    """Return the initializer that an EinsumDense calls, with fan-in and fan-out by the axes of its equation."""
    made = copy.copy(initializer)
    weight, _, output = layer.equation.partition(",")[2].partition("->")
    made.input_axes = [axis for axis, name in enumerate(weight.strip()) if name not in output]
    made.output_axes = [axis for axis, name in enumerate(weight.strip()) if name in output]
    return made


@dataclass
class _Repeats:
    """Labels of what initializers make; those of one seed begin the same sequence of numbers at each call."""

    memory: Memory

    def __post_init__(self) -> None:
        self._made: dict[int, list[tuple[Piece, Label, Runs]]] = {}

    def runs(self, piece: Piece, variable: Any) -> Runs:
        """Return the labels of a piece of a variable."""
        label = label_of(piece.initializer, piece.shape)
        if piece.initializer is None:
            label = Label(Kind.UNKNOWN, reason=f"no initializer of {variable.name!r}")
        if label.kind is Kind.UNKNOWN:
            values = _numbers(variable)
            constant = values.size > 1 and np.ptp(values) == 0.0
            label = Label(Kind.CONSTANT, centre=float(values[0])) if constant else guess(values, 0) or label
        if label.kind is not Kind.RANDOM:
            return Runs.whole(piece.size, self.memory.number(label))
        seed = seed_of(piece.initializer)
        before = self._made.setdefault(seed, []) if seed is not None else []
        common, source = 0, None
        for other, law, runs in before:
            if (count := _common(piece, label, other, law)) > common:
                common, source = count, runs
        parts = [] if source is None else [self._scaled(source.part(0, common), label)]
        if common < piece.size:
            fresh = replace(label, draw=self.memory.draw(piece.size - common))
            parts.append(Runs.whole(piece.size - common, self.memory.number(fresh)))
            if label.family is ORTHOGONAL and not common:
                self.memory.dimensions[fresh.draw] = max(piece.size // piece.shape[-1], piece.shape[-1])
        before.append((piece, label, joined(parts)))
        return joined(parts)

    def _scaled(self, runs: Runs, label: Label) -> Runs:
        """Return runs of the same draws with another scale and centre."""
        return runs.relabelled(
            self.memory.number(replace(label, draw=self.memory.labels[number].draw)) for number in runs.labels.tolist()
        )


def _numbers(tensor: Any) -> Any:
    """Return the numbers of a variable or a tensor of any backend, as an array of one axis."""
    value = getattr(tensor, "value", tensor)
    value = value.detach().cpu().numpy() if hasattr(value, "detach") else value
    return np.asarray(value).reshape(-1)


def _common(piece: Piece, label: Label, other: Piece, law: Label) -> int:
    """Return how many numbers at the begin of what two initializers of one seed make are the same, but for scales."""
    one, two = ((made.values() - of.centre) / of.scale for made, of in ((piece, label), (other, law)))
    least = min(len(one), len(two))
    differ = np.flatnonzero(np.abs(one[:least] - two[:least]) > 1e-4)
    return int(differ[0]) if len(differ) else least
