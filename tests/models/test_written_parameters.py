"""Models that write into their parameters in a forward pass: by builds of the model, without pyrometer."""

import math

import numpy as np
import pytest

import pyrometer as pm

torch = pytest.importorskip("torch")
nn, functional = torch.nn, torch.nn.functional

ROWS, BUILDS = 9, 80


class Shift(nn.Module):
    """A shift and a scale, both written before they are used."""

    def __init__(self, write):
        super().__init__()
        self.b, self.s, self.write = nn.Parameter(torch.zeros(6)), nn.Parameter(torch.ones(6)), write

    def forward(self, x):
        with torch.no_grad():
            self.write(self, x)
        return (x + self.b) * self.s


class Linear(nn.Linear):
    """A dense layer whose parameters are written before they are used."""

    def __init__(self, write):
        super().__init__(6, 6)
        self.write = write

    def forward(self, x):
        with torch.no_grad():
            self.write(self, x)
        return functional.linear(x, self.weight, self.bias)


def copied(m, x):
    m.b.copy_(-x.mean(0))
    m.s.data.copy_(1.0 / x.std(0))


def in_place(m, x):
    m.b.sub_(x.mean(0))
    m.s.div_(x.std(0))


def assigned(m, x):
    m.b.data = -x.mean(0)
    m.s.data = 1.0 / x.std(0)


def shared_with_an_activation(m, x):
    h = x[:1].clone()
    m.b.data = h[0]
    h.mul_(1.0)
    m.s.data = (1.0 / x.std(0)).to(m.s)


def in_part(m, x):
    m.b[:3] = -x.mean(0)[:3]
    m.s[2:].mul_(1.0 + x.std(0)[2:])


def normalised(m, x):
    h = x @ m.weight.T
    m.weight.div_(h.std())
    m.bias.copy_(-h.mean(0) / h.std())


def clamped(m, x):
    m.weight.clamp_(-0.2, 0.2)


def renormalised(m, x):
    m.weight.copy_(torch.renorm(m.weight, 2.0, 0, 0.5))


def masked(m, x):
    m.weight.mul_(torch.ones(6, 6).tril())


class Model(nn.Module):
    """The layer between two dense ones."""

    def __init__(self, layer):
        super().__init__()
        self.i, self.layer, self.o = nn.Linear(4, 6), layer(), nn.Linear(6, 5)

    def forward(self, x):
        return self.o(torch.relu(self.layer(self.i(x))))


LAYERS = {
    **{
        write.__name__: (lambda write=write: Shift(write))
        for write in (copied, in_place, in_part, assigned, shared_with_an_activation)
    },
    **{write.__name__: (lambda write=write: Linear(write)) for write in (normalised, clamped, renormalised, masked)},
}


def built(layer, x, change=lambda model: None):
    """Return means of the squared outputs of the layer and of the last one over builds, with standard errors."""
    squares = []
    with torch.no_grad():
        for seed in range(BUILDS):
            torch.manual_seed(seed)
            model, outputs = Model(layer), []
            change(model)
            for module in (model.layer, model.o):
                module.register_forward_hook(lambda m, i, z, outputs=outputs: outputs.append(z))
            model(x)
            squares.append([float(z.double().square().mean()) for z in outputs])
    return np.mean(squares, axis=0), np.std(squares, axis=0, ddof=1) / math.sqrt(BUILDS)


def inputs():
    return 1.0 + 2.0 * torch.randn(ROWS, 4, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", LAYERS)
def test_parameters_that_are_written_remain_parameters(name):
    x = inputs()
    layers = pm.models.measure(lambda: Model(LAYERS[name]), x, draws=BUILDS, seed=1)
    assert layers.unused == ()
    assert not set(layers.kind.tolist()) & {"other"}
    of_layer = [k for k, path in enumerate(layers.name.tolist()) if path == "layer"]
    assert len(of_layer) == (1 if name in ("clamped", "renormalised", "masked") else 2)
    means, errors = built(LAYERS[name], x)
    for k, mean, error in zip((of_layer[-1], len(layers.name) - 1), means, errors, strict=True):
        ours, spread = layers.energy_per_unit[k], layers.standard_error[k] / layers.units[k]
        assert abs(ours - mean) < 4.5 * math.hypot(error, spread) + 1e-6 * mean


@pytest.mark.parametrize("name", ["normalised", "clamped", "renormalised", "masked"])
def test_a_balance_leaves_layers_whose_written_weights_are_not_proportional(name):
    x = inputs()
    found = pm.models.balance(lambda: Model(LAYERS[name]), x, rtol=0.05)
    assert ("layer" in found.name.tolist()) == (name == "masked")
    assert ("layer" in found.skipped) == (name != "masked")
    means, errors = built(LAYERS[name], x, found.apply)
    balanced = [name == "masked", True]
    tolerance = 5.0 * np.hypot(errors, 2.0 * found.errors.max() / found.factors.min()) + 1e-6
    assert (np.abs(means - 1.0) < tolerance)[balanced].all()


def test_a_parameter_of_the_model_itself_is_written():
    class Codebook(nn.Module):
        def __init__(self):
            super().__init__()
            self.i, self.c = nn.Linear(4, 3), nn.Parameter(torch.randn(5, 3), requires_grad=False)

        def forward(self, x):
            z = self.i(x)
            near = torch.cdist(z, self.c).argmin(1)
            out = self.c[near]
            self.c.data[near] = 0.9 * out + 0.1 * z
            return out

    layers = pm.models.measure(Codebook, inputs())
    assert layers.name.tolist() == ["i", "c", "c"]
    assert layers.kind.tolist() == ["dense", "other", "embedding"]
