"""Parameters that are functions of each other, against exact energies and brute force."""

import warnings

import numpy as np
import pytest

import pyrometer as pm

torch = pytest.importorskip("torch")
nn = torch.nn
X = np.random.default_rng(5).normal(size=(3, 6)) + 0.5


def sampled(factory, draws=150, seed=0):
    """Energies of layers, and their standard errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pm.SimulationWarning)
        layers = pm.models.measure(factory, X, draws=draws, seed=seed)
    return layers.energy, layers.standard_error


class Biased(nn.Module):
    """A layer with a bias that is made of its weights, added by the layer or by hand."""

    def __init__(self, make, *, by_hand):
        super().__init__()
        self.layer, self.by_hand = nn.Linear(6, 6), by_hand
        nn.init.normal_(self.layer.weight, std=0.5)
        with torch.no_grad():
            self.layer.bias.copy_(make(self.layer.weight))

    def forward(self, x):
        return x @ self.layer.weight.T + self.layer.bias if self.by_hand else self.layer(x)


# Biases W c, whose energies are those of inputs x + c.
BIASES = {
    "column": (lambda weight: weight[:, 0], [1, 0, 0, 0, 0, 0]),
    "negative": (lambda weight: -0.5 * weight[:, 2], [0, 0, -0.5, 0, 0, 0]),
    "sum": (lambda weight: weight.sum(1), [1] * 6),
    "mean": (lambda weight: weight.mean(1), [1 / 6] * 6),
    "difference": (lambda weight: weight[:, 1] - weight[:, 4], [0, 1, 0, 0, -1, 0]),
}


@pytest.mark.parametrize("by_hand", [False, True])
@pytest.mark.parametrize("name", BIASES)
def test_biases_that_are_made_of_weights(name, by_hand):
    make, shift = BIASES[name]
    exact = 6 * 0.25 * ((X + shift) ** 2).sum() / len(X)
    (energy,), (error,) = sampled(lambda: Biased(make, by_hand=by_hand))
    assert 0.0 < error < 0.1 * exact
    assert abs(energy - exact) < 4.5 * error


def test_biases_of_their_own_have_no_error():
    def model():
        made = nn.Linear(6, 6, dtype=torch.float64)
        nn.init.normal_(made.weight, std=0.5)
        numbers = torch.randn(12, dtype=torch.float64)
        with torch.no_grad():
            made.weight[0].copy_(numbers[:6])  # of the same draw, but not the same numbers
            made.bias.copy_(numbers[6:])
        return made

    (energy,), (error,) = sampled(model, draws=2)
    assert error == 0.0
    assert energy == pytest.approx((5 * 0.25 + 1.0) * (X**2).sum() / 3 + 6.0, rel=1e-12)


class Pair(nn.Module):
    """Two layers, the weight of the first made of that of the second."""

    def __init__(self, make):
        super().__init__()
        self.first, self.second = (nn.Linear(6, 6, bias=False) for _ in range(2))
        nn.init.normal_(self.second.weight, std=0.5)
        with torch.no_grad():
            self.first.weight.copy_(make(self.second.weight))

    def forward(self, x):
        return self.second(self.first(x))


PAIRS = {
    "product": (lambda w: w.T @ w, lambda w: np.swapaxes(w, 1, 2) @ w),
    "square": (lambda w: w * w, lambda w: w * w),
    "size": (torch.abs, np.abs),
    "transposed": (torch.t, lambda w: np.swapaxes(w, 1, 2)),
    "outside": (lambda w: torch.from_numpy(np.tanh(w.numpy())), np.tanh),
}


@pytest.mark.parametrize("name", PAIRS)
def test_weights_that_are_made_of_later_weights(name):
    make, same = PAIRS[name]
    w = 0.5 * np.random.default_rng(1).normal(size=(20_000, 6, 6))
    drawn = ((w @ (same(w) @ X.T)) ** 2).sum((1, 2)) / len(X)
    energies, errors = sampled(lambda: Pair(make), draws=300)
    error = np.hypot(errors[1], drawn.std() / np.sqrt(len(drawn)))
    assert abs(energies[1] - drawn.mean()) < 4.5 * error


class Mirrored(nn.Module):
    """Layers that begin as a linear one: relus see every number and its negative, and weights are mirrored."""

    def __init__(self, law):
        super().__init__()
        self.first, self.second = nn.Linear(6, 8, bias=False), nn.Linear(8, 5, bias=False)
        with torch.no_grad():
            for layer in (self.first, self.second):
                half = len(layer.weight) // 2 if layer is self.first else len(layer.weight)
                law(layer.weight[:half, : 4 if layer is self.second else 6])
            self.first.weight[4:].copy_(-self.first.weight[:4])
            self.second.weight[:, 4:].copy_(-self.second.weight[:, :4])

    def forward(self, x):
        return self.second(torch.relu(self.first(x)))


@pytest.mark.parametrize("law", [lambda w: nn.init.normal_(w, std=0.5), lambda w: nn.init.uniform_(w, -0.6, 0.6)])
def test_mirrored_weights(law):
    variance = float(law(torch.empty(100_000)).square().mean())  # 0.25 and 0.12
    exact = 5 * 4 * round(variance, 2) ** 2 * (X**2).sum() / len(X)
    energies, errors = sampled(lambda: Mirrored(law))
    assert abs(energies[1] - exact) < 4.5 * errors[1]
    assert errors[1] < 0.1 * exact


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_numbers_that_a_parameter_has_twice_count_once(sign):
    def model():
        made = nn.Linear(6, 6)
        nn.init.normal_(made.weight, std=0.5)
        with torch.no_grad():
            made.weight[1].copy_(sign * made.weight[0])
            made.bias.copy_(made.weight[:, 0])
        return made

    table = pm.models.laws(model)
    assert table["parameters"].tolist() == [30, 0]
    assert table["shared_with"].tolist() == ["", "weight"]
    assert table["entropy"][0] == pytest.approx(30 * (0.5 * np.log(2 * np.pi * np.e) + np.log(0.5)), rel=1e-12)
