"""Balanced models whose layers are used in parts, or add what is no parameter: by builds that have the factors."""

import math

import numpy as np
import pytest

import pyrometer as pm

torch = pytest.importorskip("torch")
nn, functional = torch.nn, torch.nn.functional

WIDTH, BUILDS = 24, 240
noted = None


def note(name, tensor):
    """Keep the mean square of the outputs of a layer, while builds are measured."""
    if noted is not None:
        noted.setdefault(name, []).append(float(tensor.detach().double().square().mean()))
    return tensor


class Linear(nn.Linear):
    """A linear layer that is noted by its name."""

    def __init__(self, before, after, name, *, bias=True):
        super().__init__(before, after, bias=bias)
        self.called = name

    def forward(self, x):
        return note(self.called, super().forward(x))


class Model(nn.Module):
    """A product with plain parameters, and two layers on what `parts` makes of it."""

    def __init__(self, parts):
        super().__init__()
        self.w, self.b = nn.Parameter(0.1 * torch.randn(8, WIDTH)), nn.Parameter(0.1 * torch.randn(WIDTH))
        self.c = nn.Parameter(0.1 * torch.randn(WIDTH))
        self.o, self.p = Linear(WIDTH, WIDTH, "o"), Linear(WIDTH, WIDTH, "p")
        self.parts = parts

    def forward(self, x):
        one, other = self.parts(self, x)
        return self.o(one) + self.p(other)


def both(m, x):
    h = x @ m.w
    return torch.relu(note("w", h + m.b)), torch.relu(h)


def chunks(m, x):
    h = x @ m.w
    halves = h.chunk(2, 1)
    return torch.tanh(note("w", h + m.b)), torch.tanh(torch.cat([halves[1], halves[0]], 1))


def activated(m, x):
    h = x @ m.w
    gate = torch.sigmoid(h)
    return gate, torch.tanh(note("w", h + m.b))


def in_place(m, x):
    h = x @ m.w
    gate = torch.sigmoid(h)
    h += m.b
    return gate, torch.tanh(note("w", h))


def copied(m, x):
    h = x @ m.w
    buffer = torch.zeros_like(h)
    buffer[:, :4] = h[:, 4:8]
    return torch.tanh(note("w", h + m.b)), torch.tanh(buffer)


def through_number(m, x):
    h = x @ m.w
    size = float(h.square().mean())
    return torch.tanh(note("w", h + m.b)), torch.tanh(x @ torch.ones(8, WIDTH) * size)


def two_biases(m, x):
    q, k = x @ m.w, torch.ones(WIDTH, WIDTH)
    scores = (q + m.b) @ k
    return torch.tanh(scores + note("w", q + m.c) @ k), torch.tanh(x.repeat(1, 3))


def read_without_scale(m, x):
    """What is read does not depend on the scale: the layer is rescaled."""
    h = x @ m.w
    mask, noise = (h > 0).to(h), torch.randn_like(h)
    assert not bool(h.isnan().any())
    return torch.tanh(note("w", h + m.b)), mask + 0.1 * noise


class Gates(nn.Module):
    """A recurrent layer of one step."""

    def __init__(self, kind):
        super().__init__()
        self.cell, self.o, self.p = kind(8, WIDTH), Linear(WIDTH, WIDTH, "o"), Linear(WIDTH, WIDTH, "p")

    def forward(self, x):
        if isinstance(self.cell, nn.RNNBase):
            return self.p(self.o(self.cell(x[None])[0][0]))
        state = self.cell(x)
        return self.p(self.o(state[0] if isinstance(state, tuple) else state))


class Added(nn.Module):
    """A product to which an operation adds activations."""

    def __init__(self, product):
        super().__init__()
        self.i = Linear(8, 8, "i", bias=False)
        self.w, self.o = nn.Parameter(0.1 * torch.randn(8, 8)), Linear(8, 8, "o")
        self.product = product

    def forward(self, x):
        h = self.i(x)
        if noted is not None:
            note("w", h @ self.w)
        return self.o(self.product(x, h, self.w))


class Convolved(nn.Module):
    """A convolution whose bias depends on the inputs."""

    def __init__(self):
        super().__init__()
        self.w, self.o = nn.Parameter(0.3 * torch.randn(6, 3, 3)), Linear(6, 8, "o")

    def forward(self, x):
        image = x[:9, :6].reshape(1, 3, 18)
        if noted is not None:
            note("w", functional.conv1d(image, self.w))
        z = functional.conv1d(image, self.w, 3.0 * x[:6, 7])
        return self.o(torch.tanh(z).mean(2))


ADDED = [
    lambda x, h, w: torch.addmm(x, h, w),
    lambda x, h, w: torch.addmm(x, h, w, beta=2.0),
    lambda x, h, w: torch.addmm(x, h, w, beta=0.0),
    lambda x, h, w: torch.addmm(x.T, w.T, h.T).T,
    lambda x, h, w: functional.linear(h, w.T, 3.0 * x[0]),
    lambda x, h, w: torch.baddbmm(x[None], h[None], w[None])[0],
]
MODELS = [
    *((lambda parts=parts: Model(parts), skipped) for parts, skipped in (
        *((both, False), (chunks, False), (activated, True), (in_place, True), (copied, True), (two_biases, True)),
        *((through_number, True), (read_without_scale, False)),
    )),
    *((lambda kind=kind: Gates(kind), False) for kind in (nn.GRU, nn.GRUCell, nn.LSTM, nn.RNNCell)),
    *((lambda product=product: Added(product), False) for product in ADDED),
    (Convolved, False),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(MODELS)))
def test_builds_with_the_factors_have_the_target(number):
    global noted
    factory, skips = MODELS[number]
    x = torch.randn(20, 8, generator=torch.Generator().manual_seed(number))
    found = pm.models.balance(factory, x, target=2.0, rtol=0.03)
    early = [why for why in found.skipped.values() if "before" in why]
    assert len(early) == skips
    assert found.achieved == pytest.approx(2.0, rel=0.03, abs=4.5 * found.achieved_errors.max())
    torch.manual_seed(number)
    noted = {}
    try:
        with torch.no_grad():
            for _ in range(BUILDS):
                found.apply(factory())(x)
    finally:
        energies, noted = noted, None
    balanced = [k for k, name in enumerate(found.name.tolist()) if name in energies]
    assert len(balanced) == len(energies) - skips
    for k in balanced:
        each = np.array(energies[found.name[k]])
        error = np.hypot(each.std(ddof=1) / math.sqrt(BUILDS), 4.0 * found.errors[k] / found.factors[k])
        assert abs(each.mean() - 2.0) < 4.5 * error


@pytest.mark.parametrize("product", ADDED)
@pytest.mark.parametrize("method", ["auto", "monte-carlo"])
def test_what_is_added_is_no_part_of_the_layer(product, method):
    x = torch.randn(20, 8, generator=torch.Generator().manual_seed(1))
    layers, alone = (
        pm.models.measure(lambda one=one: Added(one), x, method=method, draws=16)
        for one in (product, lambda _, h, w: h @ w)
    )
    assert layers.energy_per_unit[1] == pytest.approx(alone.energy_per_unit[1], rel=1e-6)


def test_sums_that_are_written_to_a_tensor_are_left_out():
    def product(x, h, w):
        return torch.addmm(x, h, w, out=torch.empty(20, 8))

    found = pm.models.balance(lambda: Added(product), torch.randn(20, 8))
    assert found.name.tolist() == ["i", "o"]
    assert found.skipped == {"w": "its operation is not a supported product with weights"}


PROPORTIONAL = [
    lambda b: 3.0 * b,
    lambda b: torch.cat([b[: WIDTH // 2], torch.zeros(WIDTH // 2)]),
    lambda b: b.flip(0).clone(),
    lambda b: (b.double() - b.double().mean()).float(),
    lambda b: torch.relu(b),
    lambda b: b * torch.rand(WIDTH),
]
NOT_PROPORTIONAL = [
    lambda b: b**2,
    lambda b: 3.0 * b + 1.0,
    lambda b: torch.exp(b),
    lambda b: b / b.norm(),
    lambda b: torch.tanh(b),
    lambda b: 0.5 * b * b.abs(),
]


@pytest.mark.parametrize("bias", [*PROPORTIONAL, *NOT_PROPORTIONAL])
@pytest.mark.parametrize("fused", [True, False])
def test_biases_that_are_not_proportional_to_parameters_are_no_part_of_a_factor(bias, fused):
    def parts(m, x):
        h = functional.linear(x, m.w.T, bias(m.b)) if fused else x @ m.w + bias(m.b)
        note("w", h)
        return torch.relu(h), torch.tanh(h)

    global noted
    x = torch.randn(20, 8, generator=torch.Generator().manual_seed(1))
    found = pm.models.balance(lambda: Model(parts), x, target=2.0)
    whole = not any("not proportional" in why for why in found.skipped.values())
    assert whole == (bias in PROPORTIONAL)
    assert found.achieved == pytest.approx(2.0, rel=0.03, abs=4.5 * found.achieved_errors.max())
    torch.manual_seed(2)
    noted = {}
    try:
        with torch.no_grad():
            for _ in range(60):
                found.apply(Model(parts))(x)
    finally:
        energies, noted = noted, None
    for name in found.name.tolist():
        if name in energies:
            each = np.array(energies[name])
            assert abs(each.mean() - 2.0) < 5.0 * np.hypot(each.std(ddof=1) / math.sqrt(60), 0.03)
