"""A forward pass of a PyTorch model in which operations that consume a parameter are found."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch

from pyrometer.models._call_sites import CallSite
from pyrometer.models._labels import Runs
from pyrometer.models._memory import Memory
from pyrometer.models._pytorch._consumers import CONSUMERS, Operands, apart
from pyrometer.models._pytorch._expected import Expectation, Expected, square
from pyrometer.models._pytorch._ideal import Ideal
from pyrometer.models._pytorch._mode import Mode
from pyrometer.models._pytorch._operations import Given, bound, signature, tensors_in
from pyrometer.models._pytorch._origins import ACTIVATION, CONSTANT, ByStorage, Entry, Origin, joint
from pyrometer.models._pytorch._path import Path
from pyrometer.models._pytorch._trace import relabel

__all__ = ["Drawn", "Pass", "all_tensors", "plain_kernels"]

# What a layer is called whose operation is not a product with its weight.
_KINDS = {
    **dict.fromkeys(("native_layer_norm", "native_group_norm", "native_batch_norm", "_fused_rms_norm"), "norm"),
    **dict.fromkeys(("cudnn_batch_norm", "_native_batch_norm_legit", "_native_batch_norm_legit_no_training"), "norm"),
    **dict.fromkeys(("_batch_norm_with_update", "_batch_norm_no_update"), "norm"),
    **dict.fromkeys(("_embedding_bag", "_embedding_bag_forward_only", "index", "index_select", "gather"), "embedding"),
    **dict.fromkeys(("mul", "mul_", "div", "div_", "addcmul", "_prelu_kernel"), "scale"),
    **dict.fromkeys(("add", "add_", "sub", "sub_", "rsub"), "shift"),
    **dict.fromkeys(("cat", "stack", "where"), "joined"),
}
_ADDITIONS = {"add", "add_"}
# How Keras cuts places off the outputs of a transposed convolution, or adds some.
_CROPS = {"slice", "constant_pad_nd"}
# Operations that give a tensor another shape in place, as torch.vmap does to outputs.
_RESHAPING = {"squeeze_", "unsqueeze_", "t_", "transpose_"}
# Changes a weight, by indices that come from inputs.
_DERIVING = {"embedding_renorm_"}
_HOLDERS = (torch.Tensor, list, tuple)
_UNASKED = Expected(0.0, averaged=False, centred=False)
_FUSED = {"mkldnn_rnn_layer", "_cudnn_rnn", "miopen_rnn"}
_COMPOSITE = torch._C.DispatchKey.CompositeImplicitAutograd


@dataclass(frozen=True)
class Drawn:
    """A model with drawn parameters: tensors by their first names, and labels of their elements.

    `runs` and `memory` are those of `Built`, which hold for every draw.
    """

    module: torch.nn.Module
    parameters: dict[str, torch.Tensor]
    runs: Mapping[str, Runs]
    memory: Memory


class Pass(Mode):
    """Finds the operations that consume a parameter, in the order in which they run, and sums their squared outputs.

    Subclasses override `observe`, which is called after each operation. With `check`, the energy of outputs that
    overflow is infinite even where it could be computed from the inputs. Energies of call sites with numbers in `known`
    are not computed, and 0.

    Attributes
    ----------
    sites : list of CallSite
        Operations so far.
    memory : Memory
        Labels of parameters, and of weights that are derived from them; activations have none.
    origins : ByStorage
        What each tensor stems from.
    """

    def __init__(
        self,
        drawn: Drawn,
        inputs: Any,
        rows: int,
        ideal: Ideal | None = None,
        *,
        check: bool = False,
        known: Collection[int] = frozenset(),
    ) -> None:
        super().__init__()
        self._ideal, self._check, self._known = ideal or Ideal(), check, known
        self.rows, self.memory, self._module = rows, drawn.memory, drawn.module
        self.origins, self._direct = ByStorage(CONSTANT), ByStorage[Entry | None](None)
        self.sites: list[CallSite] = []
        self._path, self._parameters = Path(drawn.module, drawn.parameters), drawn.parameters
        self._expectation = Expectation(drawn.runs, drawn.memory)
        self._names_by_id = {id(tensor): name for name, tensor in drawn.parameters.items()}
        self._own = {tensor.untyped_storage()._cdata for tensor in drawn.parameters.values()}
        for tensor in drawn.module.buffers():
            self.origins[tensor] = Origin(kept=True)
        for name, tensor in drawn.parameters.items():
            drawn.memory.write(tensor, drawn.runs[name])
            self.origins[tensor] = joint([self.origins[tensor], Origin(frozenset([name]))])
        self._inputs = _views(inputs)
        self._changed: list[tuple[torch.Tensor, torch.Tensor]] = []  # inputs that are written, and their values before
        for tensor in all_tensors(self._inputs):
            self.origins[tensor] = ACTIVATION

    def run(self, call: Callable[[Any], Any]) -> Any:
        """Run a forward pass, a function of the inputs, and return what it does; restore the inputs it changes."""
        try:
            with torch.no_grad(), self._path.followed(), plain_kernels(self._module), self:
                return call(_views(self._inputs))
        finally:
            self.restore()

    def restore(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Restore the inputs that the pass has changed, and return them with the values they had."""
        changed = [(tensor, tensor.clone()) for tensor, _ in self._changed]
        for tensor, value in self._changed:
            tensor.copy_(value)
        return changed

    def observe(self, func: Any, given: Given, out: Any, site: int | None, operands: Operands | None) -> None:
        """Note an operation: arguments by name, result, number of its call site, operands of a product with a weight.

        An addition that completes a call site, by its bias, has the number of that site.
        """

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        del types
        if torch.is_inference_mode_enabled() and func.has_kernel_for_dispatch_key(_COMPOSITE):
            with self:  # arrives whole in this mode
                return func.decompose(*args, **(kwargs or {}))
        given = bound(func, args, kwargs or {})
        name = signature(func).name
        if name in _FUSED:
            raise ValueError(
                f"model must call recurrent layers as modules of PyTorch, got the fused operation {name}; measure "
                "within torch.backends.mkldnn.flags(enabled=False)."
            )
        inputs = [tensor for value in given.values() if isinstance(value, _HOLDERS) for tensor in tensors_in(value)]
        for tensor in inputs:
            if id(tensor) in self._names_by_id and not self.origins[tensor].weight:
                self._reassigned(tensor)
        origins = [self.origins[tensor] for tensor in inputs]
        origin = joint(origins)
        weights = [tensor for tensor, each in zip(inputs, origins, strict=True) if each.weight]
        operands = self._operands(name, given) if weights else None
        if operands is not None and not self._is_bias(operands.bias):
            if "out" not in given:
                with self:  # what is added is no part of the layer
                    return apart(func, given)
            operands = None
        summands = self._summands(name, given)
        self._keep_inputs(func, given)
        out = func(*args, **(kwargs or {}))
        _require_dense(name, out)
        deriving = name in _DERIVING or self._into_parameters(func, given)
        consumed = operands is not None or (bool(weights) and origin.activation and not deriving)
        if deriving:
            origin = joint([self.origins[tensor] for tensor in weights])
        self._note(func, given, inputs, out, _activated(origin) if consumed else origin)
        if consumed:
            site = self._completed(summands, weights, out)
            if site is None:
                site = self._consumed(name, given, operands, weights, out, data=origin.data)
            self._expectation.mark_used(weights, lambda tensor: self.origins[tensor].parameters)
        else:
            site = self._summed(summands, out)
            site = self._cropped(name, given, out) if site is None else site
        self.observe(func, given, out, site, operands)
        return out

    def _keep_inputs(self, func: Any, given: Given) -> None:
        """Keep the values of the inputs that an operation is the first to write into."""
        written = [tensor for each in signature(func).written for tensor in tensors_in(given.get(each))]
        storages = {tensor.untyped_storage()._cdata for tensor in written}
        storages -= {tensor.untyped_storage()._cdata for tensor, _ in self._changed}
        for tensor in all_tensors(self._inputs) if storages else ():
            if tensor.untyped_storage()._cdata in storages:
                self._changed.append((tensor, tensor.clone()))

    def _into_parameters(self, func: Any, given: Given) -> bool:
        """Whether an operation writes into parameters alone, as one that initialises them by the inputs: no layer."""
        written = [tensor for each in signature(func).written for tensor in tensors_in(given.get(each))]
        return bool(written) and all(tensor.untyped_storage()._cdata in self._own for tensor in written)

    def _reassigned(self, parameter: torch.Tensor) -> None:
        """Give a parameter whose `data` were assigned from activations memory of its own: it remains a parameter."""
        parameter.data = parameter.data.clone()
        self.origins[parameter] = Origin(frozenset([self._names_by_id[id(parameter)]]))

    def _names(self, weights: list[torch.Tensor]) -> tuple[str, ...]:
        """Return the parameters that weights stem from, in their order."""
        return tuple(dict.fromkeys(each for tensor in weights for each in sorted(self.origins[tensor].parameters)))

    def _operands(self, name: str, given: Given) -> Operands | None:
        """Return the operands of a product with a weight; None if it is another operation, or derives a weight."""
        consumer = CONSUMERS.get(name)
        operands = (
            consumer.operands(given, lambda tensor: self.origins[tensor].weight) if consumer is not None else None
        )
        if operands is None or self._path.deriving:
            return None
        origin = self.origins[operands.input]
        made = consumer is not None and consumer.centred and origin.kept and not origin.activation
        return None if origin.weight or made else operands

    def _is_bias(self, added: torch.Tensor | None) -> bool:
        """Whether what a product adds, if anything, is a weight."""
        return added is None or self.origins[added].weight

    def _note(self, func: Any, given: Given, inputs: list[torch.Tensor], out: Any, origin: Origin) -> None:
        """Note the origin of what an operation has written, and labels of derived weights."""
        if origin.weight:
            relabel(self.memory, func, given, out)
        shared = {tensor.untyped_storage()._cdata for tensor in inputs}
        for written in () if signature(func).name in _RESHAPING else signature(func).written:
            for tensor in tensors_in(given.get(written)):
                self.origins[tensor] = origin
                self._direct.drop(tensor)
        for tensor in tensors_in(out):
            if tensor.untyped_storage()._cdata not in shared:
                self.origins[tensor] = origin
                self._direct.drop(tensor)

    # ---- Call sites.

    def _consumed(
        self,
        name: str,
        given: Given,
        operands: Operands | None,
        weights: list[torch.Tensor],
        out: Any,
        *,
        data: bool,
    ) -> int:
        """Add a call site, and return its number."""
        result = next(tensors_in(out))
        used = self._names(weights)
        kind = _KINDS.get(name, "other")
        expected = _UNASKED if len(self.sites) in self._known and not self._path.recurrent else None
        if operands is not None:
            consumer = CONSUMERS[name]
            kind = "transposed convolution" if given.get("transposed") else consumer.kind
            expected = expected or self._expectation.of_product(consumer, operands, given, result)
            used = self._in_order(operands, used)
        expected = expected or Expected(square(result), averaged=False, centred=False)
        if self._check and not bool(torch.isfinite(result).all()):
            expected = Expected(math.inf, averaged=False, centred=False)
        alone = expected.value if expected.averaged else None
        expected = self._ideal.square(len(self.sites), expected, result)
        rows = self.rows if data or _by_rows(operands, result, self.rows) else 1
        self.sites.append(
            CallSite(
                name=self._path.name(used),
                kind=kind,
                parameters=used,
                calls=1,
                rows=rows,
                units=result.numel() / rows,
                energy=expected.value / rows,
                averaged=expected.averaged,
                parts=self._parts_of(weights),
                step=self._path.stepping,
            )
        )
        number = self._repeated()
        biased = kind not in ("other", "scale") if operands is None else operands.bias is not None
        elements = None if operands is None else self._expectation.elements(operands.weight)
        self._direct[result] = Entry(
            number, self._path.module, result.numel(), biased, expected.centred, alone, elements
        )
        return number

    def _repeated(self) -> int:
        """Return the number of the last call site, joined to the same one of an earlier step of a recurrent layer."""
        site, last = self.sites[-1], len(self.sites) - 1
        if not self._path.recurrent:
            return last
        before = [k for k, each in enumerate(self.sites[:-1]) if each.parameters == site.parameters]
        if not before:
            return last
        self.sites.pop()
        first = self.sites[before[-1]]
        self.sites[before[-1]] = replace(
            first,
            calls=first.calls + 1,
            units=first.units + site.units,
            energy=first.energy + site.energy,
            averaged=first.averaged and site.averaged,
        )
        return before[-1]

    def _parts_of(self, tensors: list[torch.Tensor]) -> tuple[tuple[str, int, int], ...]:
        """Return which elements of parameters these tensors are, if they are slices of them."""
        parts = []
        for tensor in tensors:
            for name in self.origins[tensor].parameters:
                full = self._parameters[name]
                first = tensor.storage_offset() - full.storage_offset()
                span = 1 + sum((size - 1) * step for size, step in zip(tensor.shape, tensor.stride(), strict=True))
                same = tensor.untyped_storage()._cdata == full.untyped_storage()._cdata and full.is_contiguous()
                if same and span == tensor.numel() < full.numel():
                    parts.append((name, first, first + span))
        return tuple(parts)

    def _in_order(self, operands: Operands, used: tuple[str, ...]) -> tuple[str, ...]:
        """Return parameters with those of the weight first."""
        first = sorted(self.origins[operands.weight].parameters)
        return (*first, *(name for name in used if name not in first))

    def _summands(self, name: str, given: Given) -> list[tuple[torch.Tensor, Entry | None]]:
        """Return the terms of a sum of two tensors, and which of them are unchanged outputs of a call site here."""
        terms = [given.get("self"), given.get("other")]
        if name not in _ADDITIONS or given["alpha"] != 1 or not all(isinstance(term, torch.Tensor) for term in terms):
            return []
        entries = [self._direct[term] for term in terms]
        in_module = [entry if entry is not None and entry.module == self._path.module else None for entry in entries]
        return list(zip(terms, in_module, strict=True)) if any(in_module) else []

    def _completed(
        self, summands: list[tuple[torch.Tensor, Entry | None]], weights: list[torch.Tensor], out: torch.Tensor
    ) -> int | None:
        """Add a bias to the call site whose outputs it is added to; None if that is not what a sum does."""
        products = [entry for _, entry in summands if entry and not entry.biased and entry.outputs == out.numel()]
        bias = [term for term, entry in summands if entry is None and self.origins[term].weight]
        if len(products) != 1 or len(bias) != 1:
            return None
        (entry,), site = products, self.sites[products[0].site]
        if entry.site in self._known:
            expected = _UNASKED
        elif entry.averaged is not None and not self._expectation.meets(entry.weight, bias[0]):
            added = self._expectation.of_bias(bias[0], out.numel())
            expected = Expected(entry.averaged + added.value, averaged=True, centred=entry.centred and added.centred)
        else:
            expected = Expected(square(out), averaged=False, centred=False)
        expected = self._ideal.square(entry.site, expected, out)
        parameters = tuple(dict.fromkeys((*site.parameters, *self._names(weights))))
        parts = site.parts + self._parts_of(weights)
        self.sites[entry.site] = replace(
            site, energy=expected.value / site.rows, averaged=expected.averaged, parameters=parameters, parts=parts
        )
        self._direct[out] = replace(entry, biased=True, centred=expected.centred)
        return entry.site

    def _cropped(self, name: str, given: Given, out: Any) -> int | None:
        """Take the places that a transposed convolution of Keras keeps for the outputs of its call site."""
        entry = self._direct[given["self"]] if name in _CROPS and self._path.crops else None
        if entry is None or entry.module != self._path.module or out.numel() == entry.outputs:
            return None
        known = entry.site in self._known
        expected = _UNASKED if known else Expected(square(out), averaged=False, centred=False)
        expected = self._ideal.square(entry.site, expected, out)
        self.sites[entry.site] = replace(
            self.sites[entry.site],
            units=out.numel() / self.sites[entry.site].rows,
            energy=expected.value / self.sites[entry.site].rows,
            averaged=expected.averaged,
        )
        self._direct[out] = replace(entry, outputs=out.numel(), averaged=None)
        return entry.site

    def _summed(self, summands: list[tuple[torch.Tensor, Entry | None]], out: Any) -> int | None:
        """Join the products of inputs and of states of a recurrent layer, whose sum enters its gates."""
        if len(summands) != 2 or not self._path.recurrent:
            return None
        (state, last), (term, first) = sorted(summands, key=lambda pair: -1 if pair[1] is None else -pair[1].site)
        if last is None or first is None or first.site == last.site or last.site != len(self.sites) - 1:
            return None
        if not self._ideal.recurrent:
            raise ValueError("trained must be a model without recurrent layers, whose gates are sums over steps.")
        site, other = self.sites[first.site], self.sites.pop()
        cross = 0.0
        if out.numel() == last.outputs and not last.centred:
            cross = square(out) - other.energy * other.rows - square(term)
        self.sites[first.site] = replace(
            site,
            kind="recurrent",
            parameters=tuple(dict.fromkeys((*site.parameters, *other.parameters))),
            parts=site.parts + other.parts,
            calls=site.calls + (site.kind == "recurrent"),
            energy=site.energy + other.energy + cross / site.rows,
            averaged=site.averaged and other.averaged,
        )
        self._direct.drop(state)
        if not (first.biased or last.biased) and first.outputs == last.outputs == out.numel():
            alone = None if first.averaged is None or last.averaged is None else first.averaged + last.averaged
            centred = first.centred and last.centred
            weight = None if first.weight is None or last.weight is None else [*first.weight, *last.weight]
            averaged = alone if centred else None
            self._direct[out] = replace(first, centred=centred, averaged=averaged, weight=weight)
        return first.site


def all_tensors(value: Any) -> Iterator[torch.Tensor]:
    """Yield the tensors of nested lists, tuples and dictionaries."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from all_tensors(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from all_tensors(item)


def _views(value: Any) -> Any:
    """Return nested tuples and dictionaries with a view of each tensor, whose shape may be changed in place."""
    if isinstance(value, torch.Tensor):
        return value.detach()
    if isinstance(value, dict):
        return {key: _views(item) for key, item in value.items()}
    return tuple(map(_views, value)) if isinstance(value, tuple) else value


def _require_dense(name: str, out: Any) -> None:
    if any(tensor.layout is not torch.strided for tensor in tensors_in(out)):
        raise ValueError(
            f"model must compute with dense tensors, got a sparse one from the operation {name}; use to_dense()."
        )


def _activated(origin: Origin) -> Origin:
    return origin if origin.activation else replace(origin, activation=True)


def _by_rows(operands: Operands | None, out: torch.Tensor, rows: int) -> bool:
    """Whether outputs that do not depend on inputs of the model are repeated for each row, as from initial states."""
    source = operands.input if operands is not None else out
    return bool(source.ndim >= 2 and source.shape[0] == rows)


@contextmanager
def plain_kernels(module: torch.nn.Module) -> Iterator[None]:
    """Switch off kernels that compute whole layers at once: of encoders, and of recurrent layers."""
    before = torch.backends.mha.get_fastpath_enabled(), torch._C._get_mkldnn_enabled(), torch._C._get_cudnn_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    if any(isinstance(each, torch.nn.RNNBase) for each in module.modules()):
        torch._C._set_mkldnn_enabled(False)
        torch._C._set_cudnn_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before[0])
        torch._C._set_mkldnn_enabled(before[1])
        torch._C._set_cudnn_enabled(before[2])
