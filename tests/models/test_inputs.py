"""Inputs that a model does not take, and models without parameters."""

from functools import partial

import numpy as np
import pytest

import pyrometer as pm

torch = pytest.importorskip("torch")
nn = torch.nn


class OwnError(nn.Module):
    """A model that checks its inputs itself."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 2)

    def forward(self, x):
        raise ValueError("x must be sorted.")


@pytest.mark.parametrize("function", [pm.models.measure, pm.models.balance])
@pytest.mark.parametrize(
    ("model", "inputs", "said"),
    [
        (lambda: nn.BatchNorm2d(3), np.ones((2, 3)), "expected 4D input"),
        (lambda: nn.Linear(3, 2), np.ones((2, 4)), "cannot be multiplied"),
        (lambda: nn.Linear(3, 2), np.ones((2, 3), np.int64), "dtype"),
        (OwnError, np.ones((2, 3)), "x must be sorted; pass inputs"),
    ],
)
def test_inputs_that_do_not_fit(function, model, inputs, said):
    with pytest.raises(ValueError, match=rf"^model must run on the inputs, \(2, .*{said}.*shape and dtype"):
        function(model, inputs)


@pytest.mark.parametrize("function", [pm.models.measure, pm.models.balance])
def test_models_without_parameters(function):
    with pytest.raises(ValueError, match="must use a parameter in its forward pass, but ReLU uses none"):
        function(lambda: nn.ReLU(), np.ones((2, 3)))


class _Twice(nn.Module):
    """A model that takes a function of its inputs, and the function of that."""

    def __init__(self, function):
        super().__init__()
        self.first, self.second, self.beside = nn.Linear(5, 4), nn.Linear(4, 3), nn.Linear(5, 3)
        self.function = function

    def forward(self, x):
        once = self.function(x)
        h = self.second(torch.tanh(self.first(once)))
        return h + self.beside(self.function(once))


@pytest.mark.parametrize("mode", ["train", "eval"])
@pytest.mark.parametrize(
    ("in_place", "apart"),
    [
        (lambda x: x.mul_(2.0), lambda x: x * 2.0),
        (lambda x: x.view(-1).add_(1.0).view(x.shape), lambda x: x + 1.0),
        (lambda x: torch.exp(x, out=x), torch.exp),
        (lambda x: x.unsqueeze_(1), lambda x: x[:, None]),
    ],
)
def test_models_that_change_their_inputs_have_the_numbers_of_those_that_do_not(in_place, apart, mode):
    x = 0.3 * torch.randn(6, 5, generator=torch.Generator().manual_seed(0))
    before, options = x.clone(), {"draws": 5, "mode": mode, "seed": 3}
    numbers = []
    for model in partial(_Twice, in_place), partial(_Twice, apart):
        energies = pm.models.measure(model, x, method="monte-carlo", **options).energy
        balance = pm.models.balance(model, x, rtol=None, **options)
        numbers.append(np.concatenate([energies, balance.factors, balance.achieved]))
        assert torch.equal(x, before)
    assert numbers[0] == pytest.approx(numbers[1], rel=1e-5)
