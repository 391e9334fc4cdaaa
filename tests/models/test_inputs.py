"""Inputs that a model does not take, and models without parameters."""

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
