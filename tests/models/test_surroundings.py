"""Contexts of PyTorch around a call, and modules that keep tensors which they compute."""

import numpy as np
import pytest

import pyrometer as pm

torch = pytest.importorskip("torch")
from torch.nn.utils import prune  # noqa: E402 (needs PyTorch)

nn = torch.nn
X = np.random.default_rng(0).normal(size=(5, 6))


def plain():
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))


def deep():
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.LayerNorm(8), nn.Linear(8, 8), nn.Dropout(), nn.Linear(8, 3))


def pruned(kept=1):
    """Return a model without the first weights of each output; its weight is computed from 0.weight_orig."""
    model = plain()
    mask = torch.zeros(8, 6)
    mask[:, -kept:] = 1.0
    prune.custom_from_mask(model[0], "weight", mask)
    return model


@pytest.mark.parametrize("make", [plain, deep])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_around_a_call_changes_no_number(make, dtype):
    measured = [pm.models.measure(make, X, method=method) for method in ("auto", "monte-carlo")]
    balance = pm.models.balance(make, X)
    with torch.autocast("cpu", dtype):
        for before, method in zip(measured, ("auto", "monte-carlo"), strict=True):
            assert np.array_equal(pm.models.measure(make, X, method=method).energy, before.energy)
        now = pm.models.balance(make, X)
        assert np.array_equal(now.factors, balance.factors)
        assert now.skipped == balance.skipped
        assert torch.is_autocast_enabled("cpu")
        assert torch.get_autocast_dtype("cpu") is dtype


def test_autocast_of_the_model_itself_is_part_of_it():
    class Rounded(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = plain()

        def forward(self, x):
            with torch.autocast("cpu", torch.bfloat16):
                return self.inner(x)

    rounded = pm.models.measure(Rounded, X, method="monte-carlo").energy
    exact = pm.models.measure(plain, X, method="monte-carlo").energy
    assert 1e-5 < abs(rounded[1] / exact[1] - 1.0) < 1e-2


@pytest.mark.parametrize("make", [plain, deep])
def test_balance_in_inference_mode(make):
    inputs = torch.tensor(X, dtype=torch.float32)
    outside, of_instance = pm.models.balance(make, X).factors, pm.models.balance(make(), inputs).factors
    with torch.inference_mode():
        assert np.array_equal(pm.models.balance(make, X).factors, outside)
        assert np.array_equal(pm.models.balance(make(), inputs.clone()).factors, of_instance)
        assert torch.is_inference_mode_enabled()


def test_balance_of_a_pruned_model():
    balance = pm.models.balance(pruned, X)
    assert balance.name.tolist() == ["2"]
    assert balance.skipped == {"0": "its weight is computed from parameters"}
    # Entries of weights have variance 1/18, biases too; half of the mean square of inputs is left by a ReLU.
    energy = 1.0 / 24.0 + (1.0 + np.mean(X[:, -1] ** 2)) / 18.0 * 8.0 / 2.0 / 24.0
    assert abs(balance.factors[0] * np.sqrt(energy) - 1.0) < 0.15
    given = balance.apply(model := pruned())
    assert given is model


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize(
    "make", [pruned, lambda: nn.Sequential(nn.utils.weight_norm(nn.Linear(6, 8)), nn.Linear(8, 3))]
)
def test_instances_that_compute_their_weights(make):
    for call in (pm.models.laws, lambda model: pm.models.measure(model, X), lambda model: pm.models.balance(model, X)):
        with pytest.raises(ValueError, match=r"of the instance are not drawn by reset_parameters.*pass a function"):
            call(make())
    instance = make()
    before = {name: tensor.detach().clone() for name, tensor in instance.state_dict().items()}
    laws = {"0.weight_*": pm.Normal(0.5)}
    energy = pm.models.measure(instance, X, laws=laws).energy
    assert np.array_equal(energy, pm.models.measure(instance, X, laws=laws).energy)
    theirs = pm.models.measure(make, X, laws=laws, draws=100)
    mine = pm.models.measure(instance, X, laws=laws, draws=100)
    error = np.hypot(theirs.standard_error, mine.standard_error)
    assert np.all(np.abs(theirs.energy - mine.energy) <= 4.0 * error + 1e-6 * mine.energy)
    assert all(torch.equal(tensor, before[name]) for name, tensor in instance.state_dict().items())
