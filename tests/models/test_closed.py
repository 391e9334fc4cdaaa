"""Closed forms of energies, against brute force over many draws, loops over elements and the engine of networks."""

import math
import random
import warnings
from functools import partial

import numpy as np
import pytest

import pyrometer as pm

torch = pytest.importorskip("torch")
nn, functional = torch.nn, torch.nn.functional


def closed(factory, *inputs, **options):
    """Energies of the layers by name, None where they are sampled."""
    inputs = inputs[0] if len(inputs) == 1 else inputs
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pm.SimulationWarning)
        layers = pm.models.measure(factory, inputs, draws=2, **options)
    return {
        str(name): None if method == "monte-carlo" else float(energy)
        for name, energy, method in zip(layers.name, layers.energy, layers.method, strict=True)
    }


def noted(sums, name, part, inputs, out):
    del part, inputs
    sums[name] = float(out.double().square().sum())


def brute(factory, x, draws, mode="train"):
    """Mean squared outputs of dense layers and convolutions by name, with standard errors, by hooks."""
    torch.manual_seed(1)
    found = []
    for _ in range(draws):
        model, sums = factory().train(mode == "train"), {}
        for name, part in model.named_modules():
            if isinstance(part, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
                part.register_forward_hook(partial(noted, sums, name))
        with torch.no_grad():
            model(x)
        found.append(sums)
    values = {name: np.array([each[name] for each in found]) / len(x) for name in found[0]}
    return {name: (v.mean(), v.std(ddof=1) / math.sqrt(draws)) for name, v in values.items()}


def agree(factory, x, draws, mode="train"):
    """Compare all closed forms with brute force; returns how many there are and how many layers."""
    expected, found = brute(factory, x, draws, mode), closed(factory, x, mode=mode)
    known = {name: energy for name, energy in found.items() if energy is not None and name in expected}
    for name, energy in known.items():
        mean, error = expected[name]
        assert abs(energy - mean) < 4.5 * error + 2e-4 * mean, (name, energy, mean, error)
    return len(known), len(expected)


def images(rows, channels, size):
    return torch.randn(rows, channels, size, size, generator=torch.Generator().manual_seed(3))


def vectors(rows, columns):
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(4))


class Program(nn.Module):
    """A model of modules by name and a function of it and its inputs."""

    def __init__(self, program, **parts):
        super().__init__()
        self.program = program
        for name, part in parts.items():
            setattr(self, name, part())

    def forward(self, *inputs):
        return self.program(self, *inputs)


def program(function, **parts):
    return lambda: Program(function, **parts)


# ---- Exact values.


def test_thirty_layers_of_relu():
    def model():
        parts = []
        for _ in range(30):
            parts += [nn.Linear(8, 8, bias=False), nn.ReLU()]
            nn.init.kaiming_normal_(parts[-2].weight)
        return nn.Sequential(*parts[:-1])

    x = vectors(5, 8)
    layers = pm.models.measure(model, x)
    assert set(layers.method) <= {"closed form", "exact"}
    assert layers.energy[-1] == pytest.approx(2.0 * float(x.double().square().sum()) / 5, rel=1e-12)


def test_dense_layers_agree_with_the_engine_of_networks():
    x = vectors(6, 5)
    network = pm.Network(x.numpy(), hidden=[7, 9], outputs=3, activation="leaky_relu", bias=True)
    law = pm.Layers([pm.Uniform(0.9), pm.Normal(0.4), pm.Normal(0.3)], biases=pm.Normal(0.2))

    def model():
        parts = [nn.Linear(5, 7), nn.LeakyReLU(), nn.Linear(7, 9), nn.LeakyReLU(), nn.Linear(9, 3)]
        nn.init.uniform_(parts[0].weight, -0.45, 0.45)
        nn.init.normal_(parts[2].weight, std=0.4)
        nn.init.normal_(parts[4].weight, std=0.3)
        for part in parts[::2]:
            nn.init.normal_(part.bias, std=0.2)
        return nn.Sequential(*parts)

    # A layer that does nothing keeps this model from being one that the engine knows.
    found = closed(lambda: nn.Sequential(nn.Dropout(0.0), *model()), x)
    expected = pm.heat_engine(network, law).layers.energy
    assert list(found.values()) == pytest.approx(expected.tolist(), rel=1e-12)


def loops(square, weight, stride, padding, dilation, groups):
    """E z^2 of a convolution with weights of these variances, element by element."""
    rows, _, height, width = square.shape
    outputs, inside, *kernel = weight.shape
    size = [
        (n + 2 * padding - dilation * (m - 1) - 1) // stride + 1 for n, m in zip((height, width), kernel, strict=True)
    ]
    out = np.zeros((rows, outputs, *size))
    for o in range(outputs):
        first = o // (outputs // groups) * inside
        for i in range(size[0]):
            for j in range(size[1]):
                for a in range(kernel[0]):
                    for b in range(kernel[1]):
                        y, x = i * stride + a * dilation - padding, j * stride + b * dilation - padding
                        if 0 <= y < height and 0 <= x < width:
                            out[:, o, i, j] += square[:, first : first + inside, y, x] @ weight[o, :, a, b]
    return out


@pytest.mark.parametrize(
    ("stride", "padding", "dilation", "groups"), [(1, 1, 1, 1), (2, 1, 1, 2), (1, 2, 2, 1), (3, 0, 1, 4)]
)
@pytest.mark.parametrize("uneven", [False, True])
def test_convolutions(stride, padding, dilation, groups, uneven):
    x = images(2, 4, 6)

    def model():
        first = nn.Conv2d(4, 4, 3, stride, padding, dilation, groups, bias=False)
        second = nn.Conv2d(4, 8, 2, padding=1)
        nn.init.normal_(first.weight, std=0.5)
        if uneven:
            first.weight.data[1].mul_(2.0)
        return nn.Sequential(first, nn.ReLU(), second)

    variance = np.full((4, 4 // groups, 3, 3), 0.25)
    variance[1] *= 4.0 if uneven else 1.0
    first = loops(x.double().numpy() ** 2, variance, stride, padding, dilation, groups)
    bias = 1.0 / (3.0 * 16)
    second = loops(0.5 * first, np.full((8, 4, 2, 2), bias), 1, 1, 1, 1) + bias
    assert list(closed(model, x).values()) == pytest.approx([first.sum() / 2, second.sum() / 2], rel=1e-12)


def test_recurrent_layers():
    x = vectors(5, 8)
    model = program(lambda m, x: m.cells(x)[0], cells=lambda: nn.LSTM(8, 16, batch_first=True))
    (energy,) = closed(model, x[:, None]).values()
    assert energy == pytest.approx(64 / 48 * (float(x.double().square().sum()) / 5 + 2.0), rel=1e-12)
    assert closed(model, torch.stack([x, x], 1)) == {"cells": None}


# ---- Random models.


def drawn_layer(part, choices):
    """Give a layer laws of several kinds."""
    kind = choices.choice(["default", "normal", "uniform", "orthogonal", "truncated", "uneven"])
    with torch.no_grad():
        if kind == "normal":
            nn.init.normal_(part.weight, std=0.3)
        elif kind == "uniform":
            nn.init.uniform_(part.weight, -0.4, 0.4)
        elif kind == "orthogonal":
            nn.init.orthogonal_(part.weight, 1.3)
        elif kind == "truncated":
            nn.init.trunc_normal_(part.weight, std=0.3, a=-0.6, b=0.6)
        elif kind == "uneven":
            part.weight[: len(part.weight) // 2].mul_(0.5)
        if part.bias is not None:
            {"zero": nn.init.zeros_, "normal": nn.init.normal_, "one": nn.init.ones_, "default": lambda _: None}[
                choices.choice(["zero", "normal", "default", "default", "one"])
            ](part.bias)
    return part


class Residual(nn.Module):
    def __init__(self, *parts):
        super().__init__()
        self.body = nn.Sequential(*parts)

    def forward(self, x):
        return x + self.body(x)


class Joined(Residual):
    def forward(self, x):
        return torch.cat([x, self.body(x)], 1)


def of_images(choices, channels):
    """A part of a model of images, and its channels."""
    c, size = channels, int(choices.choice([2, 4, 16]))
    drawn = lambda part: drawn_layer(part, choices)  # noqa: E731
    usual = ["conv", "conv", "grouped", "one", "grow", "relu", "relu", "leaky", "norm", "groups", "drop", "drop2"]
    others = ["residual", "joined", "max", "mean", "tanh", "prelu", "large", "shuffle", "nothing", "instance"]
    name = choices.choice([*usual, *others])
    part = {
        "conv": lambda: drawn(nn.Conv2d(c, size, 3, int(choices.integers(1, 3)), 1)),
        "grouped": lambda: drawn(nn.Conv2d(c, c, 2, padding=1, groups=c, dilation=2)),
        "one": lambda: drawn(nn.Conv2d(c, size, 1)),
        "grow": lambda: drawn(nn.ConvTranspose2d(c, size, 2)),
        "residual": lambda: Residual(nn.ReLU(), drawn(nn.Conv2d(c, c, 3, padding=1))),
        "joined": lambda: Joined(drawn(nn.Conv2d(c, size, 1)), nn.ReLU()),
        "relu": nn.ReLU,
        "leaky": lambda: nn.LeakyReLU(0.2),
        "tanh": nn.Tanh,
        "prelu": lambda: nn.PReLU(c),
        "norm": lambda: nn.BatchNorm2d(c),
        "groups": lambda: nn.GroupNorm(2, c),
        "drop": lambda: nn.Dropout(0.3),
        "drop2": lambda: nn.Dropout2d(0.3),
        "max": lambda: nn.MaxPool2d(2, 1),
        "mean": lambda: nn.AvgPool2d(2, 1),
        "large": lambda: nn.Upsample(scale_factor=2),
        "nothing": nn.Identity,
        "shuffle": lambda: nn.ChannelShuffle(2),
        "instance": lambda: nn.InstanceNorm2d(c),
    }[name]()
    after = {"conv": size, "one": size, "grow": size, "joined": c + size}
    return part, after.get(name, c)


def of_vectors(choices, width):
    w, size = width, int(choices.choice([2, 8, 24]))
    drawn = lambda part: drawn_layer(part, choices)  # noqa: E731
    name = choices.choice(
        ["dense", "dense", "relu", "relu", "norm", "layer", "root", "drop", "residual", "joined", "gelu"]
    )
    part = {
        "dense": lambda: drawn(nn.Linear(w, size)),
        "residual": lambda: Residual(drawn(nn.Linear(w, size)), nn.ReLU(), drawn(nn.Linear(size, w))),
        "joined": lambda: Joined(nn.ReLU(), drawn(nn.Linear(w, size))),
        "relu": lambda: nn.ReLU(inplace=True),
        "norm": lambda: nn.BatchNorm1d(w),
        "layer": lambda: nn.LayerNorm(w),
        "root": lambda: nn.RMSNorm(w),
        "drop": lambda: nn.Dropout(0.4),
        "gelu": nn.GELU,
    }[name]()
    return part, {"dense": size, "joined": w + size}.get(name, w)


def drawn_model(seed):
    """A random model of images, then of vectors, with the same parts for the same seed."""
    choices = np.random.default_rng(seed)
    parts, channels = list[nn.Module](), 4
    for _ in range(choices.integers(1, 6)):
        part, channels = of_images(choices, channels)
        parts.append(part)
    pooled = choices.random() < 0.3
    parts += [nn.AdaptiveAvgPool2d(1), nn.Flatten()] if pooled else [nn.Flatten(), nn.LazyLinear(8)]
    width = channels if pooled else 8
    for _ in range(choices.integers(1, 6)):
        part, width = of_vectors(choices, width)
        parts.append(part)
    return nn.Sequential(*parts, nn.Linear(width, 3))


@pytest.mark.parametrize("group", range(3))
def test_random_models(group):
    x, known, layers = images(3, 4, 5), 0, 0
    for seed in range(1000 + 4 * group, 1004 + 4 * group):

        def model(seed=seed):
            made = drawn_model(seed)
            with torch.no_grad():
                made.eval()(x)  # draws the lazy layer
            return made

        found, all_of_them = agree(model, x, 20, "train" if seed % 2 else "eval")
        known, layers = known + found, layers + all_of_them
    assert 0 < known < layers


# ---- Layers that have no closed form must not have one.

_DENSE = {"a": lambda: nn.Linear(6, 6), "b": lambda: nn.Linear(6, 6), "c": lambda: nn.Linear(6, 3)}
_WIDE = {"a": lambda: nn.Linear(6, 16), "b": lambda: nn.Linear(6, 16), "c": lambda: nn.Linear(16, 3)}


def written_through_a_view(m, x):
    y = m.a(x)
    y.view(-1).relu_()
    return m.c(y)


def shared_convolutions(m, x):
    weight = m.a.weight[:, :, None]
    once = torch.conv1d(x[:, :, None], weight)
    return torch.conv1d(torch.relu(once), weight)[:, :, 0]


def written_in_part(m, x):
    y = m.a(x)
    y[:, :2] = m.b(x)[:, 2:4]
    return m.c(torch.relu(y))


def into_given_memory(m, x):
    out = torch.empty(len(x), 6)
    torch.mul(m.a(x), 2.0, out=out)
    return m.c(out)


def norm_of_other_numbers(m, x):
    y = m.a(x)
    scale = torch.rsqrt(y.pow(2).mean(-1, keepdim=True) + 1e-6)
    return m.c(y.relu_() * scale)


UNKNOWN = {
    "a number of the draw": lambda m, x: m.c(m.a(x) / m.a(x).norm().item()),
    "numbers of Python": lambda m, x: m.c(m.a(x) * random.random()),
    "numbers of NumPy": lambda m, x: m.c(torch.from_numpy(np.random.rand(*m.a(x).shape)).float()),  # noqa: NPY002
    "numbers through NumPy": lambda m, x: m.c(torch.from_numpy(m.a(x).numpy().copy())),
    "numbers through a list": lambda m, x: m.c(torch.tensor(m.a(x).tolist())),
    "shared weights": lambda m, x: m.c(m.a(torch.relu(m.a(x)))),
    "shared weights and relu": lambda m, x: m.c(torch.relu(m.a(torch.relu(m.a(x))))),
    "shared convolutions": lambda m, x: m.c(shared_convolutions(m, x)),
    "relu of a residual sum": lambda m, x: m.c(torch.relu(m.a(x) + m.b(torch.relu(m.a(x))))),
    "one column for all": lambda m, x: m.c(functional.linear(x, m.a.weight[:, :1].expand(6, 6))),
    "one column copied": lambda m, x: m.c(functional.linear(x, m.a.weight[:, :1].repeat(1, 6))),
    "a symmetric weight": lambda m, x: m.c(functional.linear(x, m.a.weight + m.a.weight.t())),
    "a weight with a mean": lambda m, x: m.c(torch.relu(functional.linear(x, m.a.weight + 0.3))),
    "a rectified weight": lambda m, x: m.c(functional.linear(x, torch.relu(m.a.weight))),
    "a gate": lambda m, x: m.c(torch.sigmoid(m.a(x)) * m.b(x)),
    "a mask of the draw": lambda m, x: m.c(m.a(x) * (m.a(x) > 0)),
    "sorted": lambda m, x: m.c(m.a(x).sort(1).values),
    "largest": lambda m, x: m.c(m.a(x).topk(6, 1)[0]),
    "rectified after a shift": lambda m, x: m.c(torch.relu(m.a(x) + 1.0)),
    "rectified twice, with a sign": lambda m, x: m.c(torch.relu(-torch.relu(m.a(x)))),
    "rounded": lambda m, x: m.c(m.a(x).round()),
    "a mean of places": lambda m, x: m.c(m.a(x).mean(0, keepdim=True) + 0.0 * x[:, :6]),
    "alpha dropout": lambda m, x: m.c(functional.alpha_dropout(m.a(x), 0.3, True)),
    "places chosen by the draw": lambda m, x: m.c(x.gather(1, m.a(x).argsort(1))),
    "written in part": written_in_part,
    "into given memory": into_given_memory,
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_unsupported_operations_are_unknown(name):
    assert closed(program(UNKNOWN[name], **_DENSE), vectors(4, 6))["c"] is None


def test_random_tensors_that_are_not_parameters():
    class Features(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("directions", torch.randn(6, 6))
            self.last = nn.Linear(6, 3)

        def forward(self, x):
            return self.last(torch.relu(x @ self.directions))

    assert closed(lambda: Features(), vectors(4, 6))["last"] is None
    assert pm.models.balance(lambda: Features(), vectors(4, 6)).method.tolist() == ["monte-carlo"]


def test_relu_through_a_view():
    agree(program(written_through_a_view, **_DENSE), vectors(4, 6), 100)


# ---- Layers that have one, where it is easily lost.

KNOWN = {
    "two dense layers before one relu": lambda m, x: m.c(torch.relu(m.a(x) + m.b(x))),
    "a scaled weight": lambda m, x: m.c(torch.relu(x @ (0.5 * m.a.weight).t())),
    "a weight on the left": lambda m, x: m.c(torch.relu((m.a.weight @ x.unsqueeze(-1)).squeeze(-1))),
    "rows of a weight repeated": lambda m, x: m.c(functional.linear(x, m.a.weight[:1].expand(6, 6))),
    "a residual sum": lambda m, x: m.c(m.a(x) + m.b(torch.relu(m.a(x).detach()))),
    "a constant mask": lambda m, x: m.c(m.a(x) * torch.linspace(0.0, 2.0, 6)),
    "noise": lambda m, x: m.c(torch.relu(m.a(x) + torch.randn(len(x), 6))),
    "in place": lambda m, x: m.c(torch.relu_(m.a(x))),
    "a view of all": lambda m, x: m.c(torch.relu(m.a(x).view(2, -1, 6)).transpose(0, 1).reshape(-1, 6)),
    "a clamp": lambda m, x: m.c(m.a(x).clamp(min=0.0)),
    "einsum": lambda m, x: m.c(torch.relu(torch.einsum("bi,oi->bo", x, m.a.weight))),
    "parts": lambda m, x: m.c(torch.cat([part.relu() for part in m.a(x).chunk(2, 1)], 1).flip(1)),
}


@pytest.mark.parametrize("name", KNOWN)
def test_closed_forms_that_are_easily_lost(name):
    found = agree(program(KNOWN[name], **_DENSE), vectors(4, 6), 100)
    assert closed(program(KNOWN[name], **_DENSE), vectors(4, 6))["c"] is not None
    assert found[0] == found[1]


def test_relu_in_place_and_duplicated_rows():
    x = images(2, 3, 6)

    def model(inplace):
        parts = [nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(inplace), nn.Conv2d(8, 4, 3), nn.ReLU(inplace), nn.Flatten()]
        return lambda: nn.Sequential(*parts[:0], *map(type_of, parts), nn.Linear(64, 2))

    def type_of(part):
        made = {
            nn.Conv2d: lambda: nn.Conv2d(part.in_channels, part.out_channels, 3, padding=part.padding),
            nn.ReLU: lambda: nn.ReLU(part.inplace),
            nn.Flatten: nn.Flatten,
        }
        return made[type(part)]()

    one, other = closed(model(False), x), closed(model(True), x)
    assert one == other
    assert None not in one.values()
    assert list(closed(model(True), torch.cat([x, x, x])).values()) == pytest.approx(list(one.values()), rel=1e-12)


def test_nothing_after_a_maximum_is_closed():
    def lenet():
        return nn.Sequential(
            *(
                nn.Conv2d(1, 6, 5, padding=2),
                nn.ReLU(),
                nn.MaxPool2d(2),
                nn.Conv2d(6, 8, 3),
                nn.ReLU(),
                nn.MaxPool2d(2),
            ),
            *(nn.Flatten(), nn.Linear(32, 12), nn.ReLU(), nn.Linear(12, 10)),
        )

    layers = pm.models.measure(lenet, images(3, 1, 12), draws=64)
    assert layers.method.tolist() == ["closed form", *["monte-carlo"] * 3]
    assert layers.standard_error[0] == 0.0


# ---- Norms.


@pytest.mark.parametrize(
    ("norm", "last", "known"),
    [
        (lambda: nn.BatchNorm2d(16), lambda: nn.Conv2d(16, 3, 1), True),
        (lambda: nn.BatchNorm2d(16), lambda: nn.Conv2d(16, 3, 2, stride=2), True),
        (lambda: nn.BatchNorm2d(16), lambda: nn.ConvTranspose2d(16, 3, 3, stride=3), True),
        (lambda: nn.BatchNorm2d(16), lambda: nn.Conv2d(16, 3, 3, padding=1), False),
        (lambda: nn.BatchNorm2d(16), lambda: nn.Conv2d(16, 3, 1, stride=2), False),
        (lambda: nn.BatchNorm2d(16), lambda: nn.Conv2d(16, 16, 1, groups=4), True),
        (lambda: nn.GroupNorm(4, 16), lambda: nn.Conv2d(16, 3, 1), True),
        (lambda: nn.GroupNorm(4, 16), lambda: nn.Conv2d(16, 16, 1, groups=4), False),
        (lambda: nn.InstanceNorm2d(16), lambda: nn.Conv2d(16, 16, 1, groups=4), True),
        (lambda: nn.LayerNorm([16, 6, 6]), lambda: nn.Conv2d(16, 3, 1), True),
    ],
)
def test_norms_give_totals_only(norm, last, known):
    def model():
        parts = [nn.Conv2d(3, 16, 3, padding=1), norm(), nn.ReLU(), last()]
        nn.init.normal_(parts[0].weight)
        return nn.Sequential(*parts)

    x = images(3, 3, 6)
    assert (closed(model, x)["3"] is not None) is known
    agree(model, x, 20)


def test_norms_that_are_written_out():
    def root_mean_square(m, x):
        y = m.a(x)
        return m.c(torch.relu(y * torch.rsqrt(y.pow(2).mean(-1, keepdim=True) + 1e-6)))

    assert agree(program(root_mean_square, **_WIDE), vectors(4, 6), 100) == (2, 2)
    assert closed(program(norm_of_other_numbers, **_WIDE), vectors(4, 6))["c"] is None
    after = {"n": lambda: nn.LayerNorm(16), **_WIDE}
    uneven = closed(program(lambda m, x: m.c(m.n(m.a(x)) * torch.linspace(0, 2, 16)), **after), vectors(4, 6))
    part = closed(program(lambda m, x: m.c(m.n(m.a(x))[:, :8].repeat(1, 2)), **after), vectors(4, 6))
    assert uneven["c"] is part["c"] is None


def test_norms_near_zero_are_not_closed():
    narrow = closed(
        lambda: nn.Sequential(nn.Linear(6, 3), nn.ReLU(), nn.Linear(3, 16), nn.LayerNorm(16), nn.Linear(16, 2)),
        vectors(4, 6),
    )
    assert narrow["4"] is None  # all three units are 0 in an eighth of the draws
    small = closed(lambda: nn.Sequential(nn.Linear(6, 16), nn.LayerNorm(16, eps=0.1), nn.Linear(16, 2)), vectors(4, 6))
    assert small["2"] is None


def test_batch_normalisation_of_cudnn_is_that_of_the_processor():
    from pyrometer.models._pytorch._closed_rules import RULES, Call
    from pyrometer.models._pytorch._moments import Moments

    x = images(4, 16, 6)
    known = Moments(x.double().square(), frozenset({1}), frozenset({1}), units=16)
    arguments = (x, torch.ones(16), torch.zeros(16), torch.zeros(16), torch.ones(16), True, 0.1, 1e-5)

    def moments(tensor):
        return known if tensor is x else Moments(tensor.double().square())

    one, other = (
        RULES[each](Call(getattr(torch.ops.aten, each).default, arguments, {}, moments, iter(())))[0]
        for each in ("native_batch_norm", "cudnn_batch_norm")
    )
    assert one.square is not None
    assert torch.equal(one.square, other.square)
    assert (one.totals, one.neglected) == (other.totals, other.neglected)
