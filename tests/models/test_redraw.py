"""Draws of a model in place, against the laws that were traced and against builds."""

import math
import sys
from typing import ClassVar

import numpy as np
import pytest
from scipy import stats

import pyrometer as pm

torch = pytest.importorskip("torch")
nn = torch.nn

pytestmark = pytest.mark.filterwarnings("ignore:After .* draws energies have heavy tails:pyrometer.SimulationWarning")


def built_apart():
    """How often a model is built beside its draws: for its laws, and to see whether it is one of Keras."""
    return 1 + int("keras" in sys.modules)


class Kept(nn.Module):
    """Keeps its parameters, and how often it is built."""

    builds = 0
    seen: ClassVar = []

    def __init__(self):
        super().__init__()
        type(self).builds += 1
        self.first, self.second = nn.Linear(40, 50), nn.Linear(50, 40)
        self.copied = nn.Linear(40, 50)
        self.copied.load_state_dict(self.first.state_dict())
        nn.init.trunc_normal_(self.second.weight, std=0.5, a=-0.5, b=0.5)
        self.second.bias.data.normal_(1.0, 0.1)
        self.second.bias.data[:10].fill_(3.0)
        self.register_buffer("count", torch.zeros(()))

    def forward(self, x):
        assert float(self.count) == 0.0
        self.count += 1.0
        self.seen.append({name: tensor.detach().numpy().copy() for name, tensor in self.named_parameters()})
        return self.copied(self.second(torch.tanh(self.first(x))))


def test_draws_in_place():
    Kept.builds, Kept.seen = 0, []
    layers = pm.models.measure(lambda: Kept(), np.ones((2, 40)), draws=12, method="monte-carlo")
    assert (Kept.builds - built_apart(), layers.draws) == (2, 12)
    seen = Kept.seen[-10:]
    for draw in seen:
        np.testing.assert_array_equal(draw["first.weight"], draw["copied.weight"])
        assert (draw["second.bias"][:10] == 3.0).all()
    values = {name: np.concatenate([draw[name].ravel() for draw in seen]).astype(float) for name in seen[0]}
    assert len(np.unique(values["first.weight"])) > 0.95 * values["first.weight"].size
    side = 1.0 / math.sqrt(40.0)
    laws = {
        "first.weight": stats.uniform(-side, 2.0 * side),
        "first.bias": stats.uniform(-side, 2.0 * side),
        "second.weight": stats.truncnorm(-1.0, 1.0, scale=0.5),
    }
    for name, law in laws.items():
        assert stats.kstest(values[name][:5000], law.cdf).pvalue > 1e-3, name
    moved = np.concatenate([draw["second.bias"][10:] for draw in seen])
    assert stats.kstest(moved, stats.norm(1.0, 0.1).cdf).pvalue > 1e-3


class Fixed(nn.Module):
    """A model with random numbers beside its parameters."""

    builds = 0

    def __init__(self, kind):
        super().__init__()
        type(self).builds += 1
        self.inner = nn.Linear(4, 4)
        features = torch.randn(3, 4)
        if kind == "buffer":
            self.register_buffer("features", features)
        elif kind == "attribute":
            self.features = features
        elif kind == "array":
            self.features = torch.from_numpy(np.random.default_rng().normal(size=(3, 4)).astype(np.float32))
        elif kind == "number":
            self.features = float(features[0, 0])
        elif kind == "orthogonal":
            nn.init.orthogonal_(self.inner.weight)
            self.features = 1.0

    def forward(self, x):
        features = self.features if isinstance(self.features, float) else self.features.sum()
        return self.inner(x * features)


@pytest.mark.parametrize("kind", ["buffer", "attribute", "array", "number", "orthogonal"])
def test_models_with_other_random_numbers_are_built_anew(kind):
    Fixed.builds = 0
    pm.models.measure(lambda: Fixed(kind), np.ones((2, 4)), draws=6, method="monte-carlo")
    assert Fixed.builds - built_apart() == 6


class Stateful(nn.Module):
    """A model whose outputs depend on its call before."""

    builds = 0

    def __init__(self, kind):
        super().__init__()
        type(self).builds += 1
        self.first, self.second, self.kind = nn.Linear(4, 4), nn.Linear(4, 4), kind
        if kind == "buffer":
            self.register_buffer("state", None)
        else:
            self.state = None

    def forward(self, x):
        z = self.first(x)
        if self.state is not None:
            z = z + 100.0 * self.state
        self.state = z.detach()
        return self.second(z)


@pytest.mark.parametrize("kind", ["buffer", "attribute"])
def test_models_that_forward_passes_change_are_built_anew(kind):
    Stateful.builds = 0
    layers = pm.models.measure(lambda: Stateful(kind), np.ones((2, 4)), draws=200)
    assert Stateful.builds - built_apart() == 200
    assert (layers.method == "monte-carlo").all()
    # Uniform numbers within 1/2: E z^2 = 1/12 (4 E x^2 + 1) of each of four units.
    first = 4.0 * 5.0 / 12.0
    assert layers.energy[0] == pytest.approx(first, rel=1e-6)
    assert abs(layers.energy[1] - (4.0 * first + 4.0) / 12.0) < 5.0 * layers.standard_error[1]


def test_tensors_of_two_devices_differ():
    """A cache that a forward pass has put on another device."""
    from pyrometer.models._pytorch._redraw import Remainder

    module = nn.Linear(2, 2)
    module.cache = torch.zeros(3)
    before = Remainder.of(module)
    assert before.unchanged(module)
    module.cache = torch.zeros(3, device="meta")
    assert not before.unchanged(module)


def test_instances_keep_buffers_that_are_not_random():
    """Running statistics are those of the instance, as of a function that builds it; random buffers are drawn."""

    class Features(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = torch.nn.BatchNorm1d(6)
            self.inner, self.outer = torch.nn.Linear(4, 6), torch.nn.Linear(6, 2)
            self.register_buffer("phases", torch.zeros(()))
            self.reset_parameters()

        def reset_parameters(self):
            self.norm.reset_parameters()
            self.phases.normal_()

        def forward(self, x):
            return self.outer(self.norm(self.inner(x) + self.phases))

    x = torch.from_numpy(np.random.default_rng(0).normal(size=(8, 4))).float()
    mean, variance = torch.linspace(2.0, 5.0, 6), torch.linspace(0.5, 3.0, 6)

    def trained():
        model = Features()
        with torch.no_grad():
            model.norm.running_mean.copy_(mean)
            model.norm.running_var.copy_(variance)
        return model

    laws = {"*.weight": pm.Normal(0.5), "*.bias": pm.Constant(0.0)}
    layers = pm.models.measure(trained(), x, mode="eval", laws=laws, draws=400)
    before = 0.25 * x.double().square().sum(1)[:, None] + 1.0  # the variance of the phase
    norm = float((0.25 * (before + mean**2) / (variance + 1e-5)).sum(1).mean())
    for number, expected in ((1, norm), (2, 2 * 0.25 * norm)):
        assert abs(layers.energy[number] - expected) < 4.0 * layers.standard_error[number]
    built = pm.models.measure(trained, x, mode="eval", laws=laws, draws=400)
    error = np.hypot(layers.standard_error, built.standard_error)
    assert (np.abs(layers.energy - built.energy) <= 4.0 * error + 1e-6).all()
    assert pm.models.measure(Features(), x, mode="eval", laws=laws).energy[1] < 0.5 * norm
