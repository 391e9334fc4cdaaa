"""Random numbers that PyTorch does not see, drawn when a model is built: parts of laws, and of modules."""

import random

import numpy as np
import pytest

import pyrometer as pm
from pyrometer.laws import NORMAL
from pyrometer.models._goodness import fits

torch = pytest.importorskip("torch")
nn = torch.nn

pytestmark = pytest.mark.filterwarnings("ignore::pyrometer.SimulationWarning")

X = torch.ones(4, 5)
STARTS = {
    "constant": lambda w: w.fill_(random.gauss(0.0, 1.0)),
    "constant of a list": lambda w: [w.__setitem__(i, random.gauss(0.0, 1.0)) for i in range(3)] and w,
    "constant of NumPy": lambda w: nn.init.constant_(w, np.random.default_rng().normal()),
    "constant of PyTorch": lambda _: torch.full((3,), torch.randn(()).item()),
    "factor": lambda w: w.normal_() * random.gauss(0.0, 1.0),
    "deviation": lambda w: w.normal_(0.0, 2.0 * random.random()),
    "side": lambda w: w.uniform_(-1e-3 - random.random(), 2.0),
}


class Gate(nn.Module):
    def __init__(self, start):
        super().__init__()
        self.inner = nn.Linear(5, 3)
        self.gain = nn.Parameter(start(torch.empty(3)))

    def forward(self, x):
        return self.inner(x) * self.gain


def assert_energy(layers, k, model, builds=400):
    """Against the mean over builds."""
    random.seed(2)
    np.random.seed(2)  # noqa: NPY002
    torch.manual_seed(2)
    with torch.no_grad():
        energies = np.array([float(model()(X).double().square().sum()) / 4.0 for _ in range(builds)])
    error = energies.std() * (1.0 / builds + 1.0 / layers.draws) ** 0.5
    assert abs(layers.energy[k] - energies.mean()) < 4.5 * error


@pytest.mark.parametrize("start", STARTS)
def test_laws_whose_scales_or_constants_are_drawn_are_unknown(start):
    def model():
        return Gate(STARTS[start])

    laws = pm.models.laws(model)
    row = laws["name"].tolist().index("gain")
    assert laws["law"][row] == "unknown: numbers from outside of PyTorch"
    assert np.isnan(laws["entropy"][row])
    layers = pm.models.measure(model, X, draws=64)
    assert (layers.total_parameters, layers.entropy_unknown) == (21, ("gain",))
    k = layers.kind.tolist().index("scale")
    assert layers.method[k] == "monte-carlo"
    assert_energy(layers, k, model)


class Bent(nn.Module):
    """A model whose activation has a random number."""

    def __init__(self, number, bend):
        super().__init__()
        self.first, self.second = nn.Linear(5, 40), nn.Linear(40, 3)
        self.bend = bend(number())

    def forward(self, x):
        return self.second(
            self.bend * torch.relu(self.first(x)) if self.known else self.bend(torch.relu(self.first(x)))
        )

    @property
    def known(self):
        return isinstance(self.bend, (float, bool))


NUMBERS = {
    "Python": lambda: 3.0 * random.random(),
    "NumPy": lambda: 3.0 * np.random.random(),  # noqa: NPY002
    "PyTorch": lambda: 3.0 * torch.rand(()).item(),
    "a choice": lambda: float(random.random() < 0.5),
}
BENDS = {"attribute": lambda a: a, "function": lambda a: lambda x: a * x}


@pytest.mark.parametrize("bend", BENDS)
@pytest.mark.parametrize("number", NUMBERS)
def test_random_numbers_that_modules_keep_are_drawn(number, bend):
    def model():
        return Bent(NUMBERS[number], BENDS[bend])

    layers = pm.models.measure(model, X, draws=64)
    assert set(layers.method.tolist()) == {"monte-carlo"}
    assert_energy(layers, -1, model)


def test_constants_and_functions_keep_closed_forms():
    random.seed(1)

    def model():
        module = Bent(lambda: 2.0, BENDS["function"])
        nn.init.trunc_normal_(module.first.weight, std=0.1)
        return module

    layers = pm.models.measure(model, X)
    assert set(layers.method.tolist()) <= {"closed form", "exact"}


def test_the_ends_of_truncated_draws_are_no_values_from_outside():
    """A uniform number of 24 bits is -1 once in 2^24: its normal quantile is infinite, and cut to -2, at 100 scales."""

    def model():
        layer = nn.Linear(256, 256, bias=False)
        torch.manual_seed(1688)  # of a uniform number that is -1
        with torch.no_grad():
            layer.weight.uniform_(-1.0, 1.0).erfinv_().mul_(0.02 * 2.0**0.5).clamp_(-2.0, 2.0)
        assert layer.weight.min() == -2.0
        return layer

    assert abs(pm.models.laws(model)["scale"][0] - 0.02) < 1e-12
    rng = np.random.default_rng(0)
    for _ in range(2000):
        size = int(10.0 ** rng.uniform(1.5, 4.5))
        uniform = rng.integers(-(2**23), 2**23, size).astype(np.float32) / np.float32(2**23)
        uniform[rng.integers(size, size=int(rng.integers(2)))] = -1.0
        values = torch.from_numpy(uniform).erfinv_().mul_(2.0**0.5).clamp_(-100.0, 100.0).numpy()
        assert fits(values, NORMAL, 1.0, 0.0)
        values[: max(4, size // 20)] = -100.0
        assert not fits(values, NORMAL, 1.0, 0.0)
