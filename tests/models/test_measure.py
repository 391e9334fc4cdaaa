"""Energies of layers of PyTorch models, against closed forms, other engines and plain loops over builds."""

import math
import pickle
import random

import numpy as np
import pytest

import pyrometer as pm

torch = pytest.importorskip("torch")
nn = torch.nn
from . import zoo  # noqa: E402 (needs PyTorch)

HEAVY = "ignore:After .* draws energies have heavy tails:pyrometer.SimulationWarning"
pytestmark = pytest.mark.filterwarnings(HEAVY)

# Kinds and names of the layers of each model of the zoo, in order.
_BLOCK = "norm1 norm; attention dense; projection dense; norm2 norm; hidden dense; output dense"
_RESNET = "conv1 convolution; bn1 norm"
for _layer, _stride in ((1, False), (2, True), (3, True), (4, True)):
    for _number in (0, 1):
        _path = f"layer{_layer}.{_number}"
        _RESNET += f"; {_path}.conv1 convolution; {_path}.bn1 norm; {_path}.conv2 convolution; {_path}.bn2 norm"
        if _stride and _number == 0:
            _RESNET += f"; {_path}.downsample.0 convolution; {_path}.downsample.1 norm"
LAYERS = {
    "mlp": "0 dense; 2 dense; 4 dense",
    "lenet": "0 convolution; 3 convolution; 7 dense; 9 dense",
    "vgg": "0 convolution; 3 convolution; 7 dense; 9 dense",
    "vgg with norms": "0 convolution; 1 norm; 4 convolution; 5 norm; 9 dense; 11 dense",
    "resnet18": f"{_RESNET}; fc dense",
    "encoder block": "self_attn dense; self_attn.out_proj dense; norm1 norm; linear1 dense; linear2 dense; norm2 norm",
    "gpt block": _BLOCK,
    "lstm": "cells recurrent; readout dense",
    "gru": "cells recurrent; readout dense",
    "autoencoder": ("0 convolution; 2 convolution; 4 transposed convolution; 6 transposed convolution"),
    "mixer": (
        "patches convolution; norm1 norm; tokens.0 dense; tokens.2 dense; norm2 norm; channels.0 dense; "
        "channels.2 dense"
    ),
    "unet": (
        "down.0 convolution; down.2 convolution; middle.0 convolution; middle.2 convolution; "
        "grow transposed convolution; up.0 convolution; up.2 convolution; last convolution"
    ),
    "tied language model": (
        f"tokens embedding; places embedding; block.{_BLOCK.replace('; ', '; block.')}; norm norm; head dense"
    ),
}
# Layers whose energy is not sampled, by model; all others are. The first is exact, the others have closed forms.
NOT_SAMPLED = {
    "mlp": {"0", "2", "4"},
    "lenet": {"0"},  # the others follow on an activation that is not piecewise linear
    "vgg": {"0"},  # the others follow on a max-pool
    "vgg with norms": {"0", "1"},
    "resnet18": {"conv1"},  # four channels do not tell the spread of v; a padded convolution after a norm is not closed
    "encoder block": {"self_attn", "norm1", "linear1", "linear2", "norm2"},
    "gpt block": {"norm1", "attention", "norm2", "hidden"},
    "lstm": set(),
    "gru": set(),
    "autoencoder": {"0", "2", "4", "6"},
    "mixer": {"patches", "norm1", "tokens.0"},  # six units: v of the second norm may be near epsilon
    "unet": {"down.0", "down.2"},
    "tied language model": {
        *("tokens", "places", "block.norm1", "block.attention", "block.norm2", "block.hidden", "norm"),
    },
}


def measured(model, inputs, **options):
    return pm.models.measure(model, inputs, **options)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize("name", zoo.ZOO)
def test_the_zoo(name):
    build, inputs = zoo.ZOO[name]
    layers = measured(lambda: build(), inputs, draws=4)
    lines = "; ".join(f"{path} {kind}" for path, kind in zip(layers.name, layers.kind, strict=True))
    assert lines == LAYERS[name]
    exact = {path for path, method in zip(layers.name, layers.method, strict=True) if method != "monte-carlo"}
    assert exact == NOT_SAMPLED[name]
    table = pm.models.laws(lambda: build())
    assert layers.total_parameters == table.metadata["parameters"]
    assert layers.total_entropy == pytest.approx(table.metadata["entropy"], rel=1e-12)
    assert layers.unused == ()
    # The first layer with weights has no error, whatever the inputs are.
    first = [kind != "norm" for kind in layers.kind].index(True)
    assert layers.kind[first] == "recurrent" or layers.standard_error[first] <= 1e-6 * layers.energy[first]


@pytest.mark.parametrize("name", ["vgg with norms", "encoder block", "autoencoder", "tied language model"])
def test_energies_are_those_of_a_loop_over_builds(name):
    """Outputs of modules, summed by hooks; in the standard errors of both."""
    build, inputs = zoo.ZOO[name]
    sums: dict[str, list[float]] = {}

    def kept(path, rows):
        def hook(module, given, out):
            del module, given
            sums.setdefault(path, []).append(float(out.double().square().sum()) / rows)

        return hook

    for draw in range(50):
        torch.manual_seed(draw)
        model = build()
        for path, module in model.named_modules():
            if isinstance(module, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d, nn.Embedding, nn.LayerNorm)):
                module.register_forward_hook(kept(path, 1 if path == "places" else len(inputs)))
        with torch.no_grad():
            model(inputs)
    layers = measured(lambda: build(), inputs, draws=30, seed=3)
    assert {"closed form", "monte-carlo"} >= set(layers.method)
    compared = 0
    for path, energy, error in zip(layers.name, layers.energy, layers.standard_error, strict=True):
        if len(sums.get(path, ())) == 50:
            spread = np.std(sums[path], ddof=1) / math.sqrt(50.0)
            assert abs(np.mean(sums[path]) - energy) < 4.0 * math.hypot(spread, error, 1e-6 * energy), path
            compared += 1
    assert compared >= 4


def test_lstm_gates():
    x = normal(5, 1, 8)
    layers = measured(lambda: nn.LSTM(8, 16, batch_first=True), x, draws=4, method="monte-carlo")
    expected = 64.0 / 48.0 * ((x**2).sum(axis=(1, 2)).mean() + 2.0)
    assert layers.energy.tolist() == [pytest.approx(expected, rel=1e-6)]
    assert (layers.standard_error[0], layers.calls[0], layers.units[0]) == (0.0, 1, 64.0)


def test_recurrent_gates_are_sums_over_steps():
    """Against the recurrence written out."""
    x, sums = torch.from_numpy(normal(3, 4, 2)).float(), []
    for draw in range(100):
        torch.manual_seed(draw)
        cell, total = nn.LSTM(2, 3, batch_first=True), 0.0
        h = c = torch.zeros(3, 3)
        with torch.no_grad():
            for step in range(4):
                z = x[:, step] @ cell.weight_ih_l0.T + cell.bias_ih_l0 + h @ cell.weight_hh_l0.T + cell.bias_hh_l0
                total += float(z.square().sum()) / 3.0
                i, f, g, o = z.chunk(4, dim=1)
                c = f.sigmoid() * c + i.sigmoid() * g.tanh()
                h = o.sigmoid() * c.tanh()
        sums.append(total)
    layers = measured(lambda: nn.LSTM(2, 3, batch_first=True), x, draws=100, seed=9)
    assert (layers.calls[0], layers.units[0]) == (4, 48.0)
    spread = math.hypot(layers.standard_error[0], np.std(sums) / 10.0)
    assert abs(layers.energy[0] - np.mean(sums)) < 4.0 * spread


def test_encoder_in_eval_mode():
    layers = measured(
        lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2),
        normal(4, 3, 8),
        mode="eval",
        draws=4,
    )
    assert len(layers) == 12
    assert (layers.mode, layers.total_parameters) == ("eval", 536)
    # The second layer's weights are copies of the first's: its input depends on them.
    assert layers.standard_error[6] > 0.0


def test_last_convolution_of_a_unet():
    build, inputs = zoo.ZOO["unet"]
    layers = measured(lambda: build(), inputs, draws=32)
    assert layers.standard_error[-1] < 0.005 * layers.energy[-1]


def test_duplicated_rows_change_nothing():
    for name in ("mlp", "tied language model", "lstm", "vgg with norms"):
        build, inputs = zoo.ZOO[name]
        one = measured(lambda build=build: build(), inputs, draws=3)
        two = measured(lambda build=build: build(), torch.cat([inputs, inputs]), draws=3)
        np.testing.assert_allclose(two.energy, one.energy, rtol=2e-5)
        np.testing.assert_array_equal(two.units, one.units)
        assert two.rows == 2 * one.rows


def test_vmap_changes_nothing():
    """The bias that torch.vmap adds after it has reshaped the product in place was a layer of its own."""

    class Mapped(torch.nn.Module):
        def __init__(self, *, mapped):
            super().__init__()
            self.first, self.second, self.mapped = torch.nn.Linear(5, 6), torch.nn.Linear(6, 2), mapped

        def forward(self, x):
            if self.mapped:
                return torch.vmap(self.second)(torch.relu(torch.vmap(self.first)(x)))
            return self.second(torch.relu(self.first(x)))

    x = torch.randn(7, 5, generator=torch.Generator().manual_seed(0))
    found, expected = (
        pm.models.measure(lambda mapped=mapped: Mapped(mapped=mapped), x, draws=400) for mapped in (True, False)
    )
    assert found.name.tolist() == expected.name.tolist() == ["first", "second"]
    assert found.parameters.tolist() == expected.parameters.tolist()
    error = 5.0 * np.hypot(found.standard_error, expected.standard_error) + 1e-9 * expected.energy
    np.testing.assert_array_less(np.abs(found.energy - expected.energy), error)


def test_relu_in_place_changes_nothing():
    def model(inplace):
        return lambda: nn.Sequential(nn.Linear(6, 5), nn.ReLU(inplace), nn.Linear(5, 5), nn.ReLU(inplace))

    one, two = (measured(model(inplace), normal(7, 6), draws=3) for inplace in (False, True))
    np.testing.assert_array_equal(one.energy, two.energy)


@pytest.mark.parametrize(
    ("activation", "module"), [("relu", nn.ReLU), ("tanh", nn.Tanh), ("gelu", nn.GELU), ("leaky_relu", nn.LeakyReLU)]
)
def test_mlps_agree_with_heat_engine(activation, module):
    X = normal(6, 5)
    network = pm.Network(X, hidden=(24, 16), outputs=4, activation=activation, bias=True)
    exact = pm.heat_engine(network, pm.Layers(pm.Normal(0.4), biases=pm.Normal(0.2))).layers

    def model():
        made = nn.Sequential(nn.Linear(5, 24), module(), nn.Linear(24, 16), module(), nn.Linear(16, 4))
        for name, parameter in made.named_parameters():
            nn.init.normal_(parameter, std=0.4 if name.endswith("weight") else 0.2)
        return made

    layers = measured(model, X, draws=400 if activation == "relu" else 100, method="monte-carlo")
    assert (np.abs(layers.energy - exact.energy) < 4.0 * layers.standard_error + 1e-6 * exact.energy).all()
    np.testing.assert_allclose(layers.entropy, exact.entropy, rtol=1e-12)
    np.testing.assert_allclose(layers.temperature, layers.energy / layers.entropy)
    assert layers.verdict.tolist() == exact.verdict.tolist()


@pytest.mark.parametrize(
    ("activation", "module"),
    [
        *(("relu", nn.ReLU(inplace=True)), ("tanh", nn.Tanh()), ("gelu", nn.GELU()), ("selu", nn.SELU())),
        *(("silu", nn.SiLU()), ("identity", nn.Identity()), ("hardtanh", nn.Hardtanh()), ("elu", nn.ELU())),
    ],
)
def test_chains_are_exact(activation, module):
    X = normal(6, 5).astype(np.float32).astype(float)
    network = pm.Network(X, hidden=(24, 16), outputs=4, activation=activation, bias=True)
    law = pm.Layers(pm.Normal(0.4), biases=pm.Constant(0.0))

    def model():
        made = nn.Sequential(nn.Linear(5, 24), module, nn.Linear(24, 16), module, nn.Linear(16, 4), nn.Softmax(1))
        for name, parameter in made.named_parameters():
            nn.init.normal_(parameter, std=0.4) if name.endswith("weight") else nn.init.zeros_(parameter)
        return made

    layers = measured(model, X)
    assert set(layers.method) == {"exact"}
    exact = pm.heat_engine(network, law)
    np.testing.assert_allclose(layers.energy, exact.layers.energy, rtol=1e-12)
    np.testing.assert_allclose(layers.work_efficiency, exact.work_efficiency, rtol=1e-12)
    assert (layers.engine, layers.regime, layers.total_entropy) == (exact.engine, exact.regime, exact.entropy)
    # Places beside rows are summed; anything between the layers, or a transposed batch, is no chain.
    places = measured(model, np.stack([X, X, X], axis=1))
    np.testing.assert_allclose(places.energy, 3.0 * exact.layers.energy, rtol=1e-12)


def test_what_is_no_chain():
    def with_dropout():
        return nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4, 4))

    class Transposed(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x):
            return self.b(self.a(x).T)

    class Tied(Transposed):
        def forward(self, x):
            return self.a(torch.relu(self.a(x)))

    class Skipping(Transposed):
        def forward(self, x):
            return self.b(self.a(x) + x)

    class Sliced(Transposed):
        def forward(self, x):
            return self.b(self.a(x)[:2])

    cases = [(with_dropout, 5), *((kind, 4) for kind in (Transposed, Tied, Skipping, Sliced))]
    for kind, width in cases:
        layers = measured(lambda kind=kind: kind(), normal(4, width), draws=2)
        assert "exact" not in layers.method.tolist(), kind
    assert "exact" in measured(with_dropout, normal(4, 5), mode="eval").method.tolist()


def test_deep_narrow_networks_are_exact():
    x = torch.from_numpy(normal(4, 8)).float()

    def model():
        made = nn.Sequential(*(part for _ in range(30) for part in (nn.Linear(8, 8, bias=False), nn.ReLU())))
        for module in made[::2]:
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        return made

    layers = measured(model, x)
    square = float(x.double().square().sum()) / 4.0
    assert layers.energy.tolist() == [pytest.approx(2.0 * square, rel=1e-12)] * 30


def test_standard_errors_are_calibrated():
    X = normal(4, 3)
    network = pm.Network(X, hidden=(16,), outputs=8, activation="relu", bias=True)
    exact = pm.heat_engine(network, pm.TorchLinear()).layers.energy[-1]
    z = []
    for seed in range(100):
        layers = measured(
            lambda: nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 8)),
            X,
            draws=8,
            seed=seed,
            method="monte-carlo",
        )
        z.append((layers.energy[-1] - exact) / layers.standard_error[-1])
    assert abs(np.mean(z)) < 0.4
    assert 0.8 < np.std(z) < 1.5  # of Student's distribution with 7 degrees of freedom 1.18


@pytest.mark.parametrize("norm", [lambda: nn.LayerNorm(24), lambda: nn.GroupNorm(2, 24), lambda: nn.BatchNorm1d(24)])
def test_what_closed_forms_neglect_behind_norms(norm):
    def model():
        made = nn.Sequential(nn.Linear(6, 24, bias=False), nn.ReLU(), nn.Linear(24, 24, bias=False), norm())
        nn.init.normal_(made[0].weight, std=1.0)
        nn.init.normal_(made[2].weight, std=0.5)
        return made

    x = normal(20, 6)
    closed, sampled = measured(model, x), measured(model, x, draws=100, method="monte-carlo")
    assert closed.method.tolist() == ["closed form"] * 3
    assert closed.neglected[:2].tolist() == [0.0, 0.0]
    assert 0.0 < closed.neglected[2] < 1e-3
    deviation = abs(closed.energy[2] - sampled.energy[2])
    assert deviation < closed.neglected[2] * closed.energy[2] + 4.0 * sampled.standard_error[2]
    assert "size of the relative error of closed forms behind norms" in repr(closed)
    # A few inputs, so that v may be near epsilon in some channels: sampled.
    assert measured(lambda: nn.Sequential(nn.Linear(1, 4), nn.BatchNorm1d(4)), normal(6, 1)).method[1] == "monte-carlo"


def test_convolutions_of_every_kind():
    cases = [
        (nn.Conv1d(4, 6, 3, stride=2, padding=1, dilation=2, groups=2), (2, 4, 11)),
        (nn.Conv2d(4, 6, (3, 2), stride=(1, 2), padding=(2, 0), bias=False), (2, 4, 5, 6)),
        (nn.Conv3d(2, 4, 2, padding=1), (2, 2, 3, 4, 3)),
        (nn.Conv2d(2, 4, 3, padding="same", padding_mode="circular"), (2, 2, 5, 5)),
        (nn.ConvTranspose1d(4, 6, 4, stride=2, padding=1, output_padding=1, groups=2), (2, 4, 5)),
        (nn.ConvTranspose2d(2, 3, 3, stride=2, dilation=2, padding=1), (2, 2, 4, 5)),
    ]
    for number, (layer, shape) in enumerate(cases):
        x = torch.from_numpy(normal(*shape, seed=number)).float()
        closed, layers = (measured(layer, x, draws=2, method=method) for method in ("auto", "monte-carlo"))
        variance = 1.0 / layer.weight[0].numel() / 3.0
        # Replace every square by its expectation, in a convolution of x^2 with ones.
        counted = type(layer)(layer.in_channels, layer.out_channels, layer.kernel_size, **_options(layer)).double()
        with torch.no_grad():
            counted.weight.fill_(variance)
            if layer.bias is not None:
                counted.bias.fill_(variance)
            expected = float(counted(x.double().square()).sum()) / len(x)
        assert [*closed.energy, *layers.energy] == [pytest.approx(expected, rel=1e-6)] * 2
        assert layers.standard_error.tolist() == [0.0]


def _options(layer):
    names = ("stride", "padding", "dilation", "groups", "padding_mode")
    options = {name: getattr(layer, name) for name in names} | {"bias": layer.bias is not None}
    return options | ({"output_padding": layer.output_padding} if layer.transposed else {})


def test_instances_lazy_modules_and_named_laws():
    x = normal(5, 6)
    instance = nn.Sequential(nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 2))
    before = [parameter.clone() for parameter in instance.parameters()]
    layers = measured(instance, x, draws=3)
    assert all(map(torch.equal, before, instance.parameters()))
    lazy = measured(lambda: nn.Sequential(nn.LazyLinear(4), nn.Tanh(), nn.LazyLinear(2)), x, draws=3)
    assert layers.energy[0] == pytest.approx(lazy.energy[0], rel=1e-6)
    laws = {"*weight": pm.TruncatedNormal(0.5), "*bias": pm.Constant(2.0)}
    named = measured(nn.Linear(6, 4), x, draws=400, laws=laws)
    variance = 0.25 * 0.7737413035
    assert named.energy[0] == pytest.approx(4.0 * (variance * (x**2).sum() / 5.0 + 4.0), rel=1e-6)


class Growing(nn.Module):
    """A model whose forward pass makes a layer."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(6, 4), None

    def forward(self, x):
        if self.second is None:
            self.second = nn.Linear(4, 2)
        return self.second(torch.relu(self.first(x)))


@pytest.mark.parametrize("function", [pm.models.measure, pm.models.balance])
def test_layers_that_a_forward_pass_makes_are_not_left_out(function):
    x = torch.from_numpy(normal(5, 6)).float()
    with pytest.raises(ValueError, match=r"makes \['second.weight', 'second.bias'\]; call the model once in"):
        function(Growing, x, draws=2)

    def called():
        model = Growing()
        model(x)
        return model

    assert function(called, x, draws=2).name.tolist() == ["first", "second"]


def test_trained():
    """Against the mean of |z - z*|^2 over builds."""
    x = torch.from_numpy(normal(9, 5)).float()

    def build():
        return nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.LayerNorm(8), nn.Linear(8, 3))

    def outputs(model):
        z = model[0](x)
        normed = model[2](torch.relu(z))
        return z, normed, model[3](normed)

    trained, sums = build(), []
    with torch.no_grad():
        for parameter in trained.parameters():
            parameter.add_(0.3)
        ideal = outputs(trained)
        for draw in range(100):
            torch.manual_seed(draw)
            pairs = zip(outputs(build()), ideal, strict=True)
            sums.append([float((z - other).square().sum()) / 9.0 for z, other in pairs])
    layers = measured(build, x, draws=100, trained=trained, mode="eval", seed=4)
    spread = np.hypot(np.std(sums, axis=0) / 10.0, layers.standard_error)
    assert (np.abs(layers.energy - np.mean(sums, axis=0)) < 4.0 * spread).all()
    assert layers.standard_error[0] == 0.0
    assert trained.training


def test_heavy_tails_are_reported():
    def model():
        parts = [part for _ in range(30) for part in (nn.Linear(8, 8, bias=False), nn.ReLU())]
        made = nn.Sequential(*parts[:-1])
        for module in made[::2]:
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        return made

    with pytest.warns(pm.SimulationWarning, match="heavy tails"):
        measured(model, normal(4, 8), draws=16, method="monte-carlo")


def test_relative_errors():
    def model():
        return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 2))

    layers = measured(model, normal(4, 4), draws=4, rtol=0.05, method="monte-carlo")
    assert layers.draws > 4
    assert (layers.standard_error <= 0.05 * layers.energy).all()
    with pytest.warns(pm.SimulationWarning, match=r"rtol=1e-09 is not met"):
        assert measured(model, normal(4, 4), draws=2, rtol=1e-9, method="monte-carlo").draws == 128


def test_seeds_and_generators():
    def model():
        made = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 2))
        made.extra = nn.Parameter(torch.from_numpy(np.random.normal(size=3)).float())  # noqa: NPY002
        made.other = nn.Parameter(torch.tensor([random.random() for _ in range(3)]))
        return made

    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    random.seed(1)
    states = torch.random.get_rng_state(), np.random.get_state()[1], random.getstate()  # noqa: NPY002
    one, two, other = (
        measured(model, normal(4, 4), draws=3, seed=seed, method="monte-carlo") for seed in (7, 7, 7 + 2**32)
    )
    assert torch.equal(states[0], torch.random.get_rng_state())
    np.testing.assert_array_equal(states[1], np.random.get_state()[1])  # noqa: NPY002
    assert states[2] == random.getstate()
    assert one == two
    assert (one.energy[1:] != other.energy[1:]).all()
    assert set(one.unused) == set(one.entropy_unknown) == {"extra", "other"}


def test_the_result():
    def model():
        return nn.Sequential(nn.Linear(6, 4), nn.Linear(4, 2))

    layers = measured(model, normal(5, 6), draws=3, resolution=0.01, method="monte-carlo")
    text = repr(layers)
    assert text.splitlines()[0] == "Sequential: 2 layers, 5 rows, mode 'train', 3 draws, seed 0"
    assert text.splitlines()[1].split()[:6] == ["layer", "E/unit", "gain", "T", "verdict", "N"]
    assert "signals keep their size: energy per unit of layers with weights from " in " ".join(text.split())
    assert pickle.loads(pickle.dumps(layers)) == layers
    assert layers.gain.tolist() == (layers.energy_per_unit / layers.energy_per_unit[0]).tolist()
    frame = layers.to_frame()
    assert frame["energy"].tolist() == layers.energy.tolist()
    assert frame.attrs["metadata"]["regime"] == layers.regime
    fine = measured(model, normal(5, 6))
    assert (fine.method.tolist(), fine.draws) == (["exact", "exact"], 0)
    np.testing.assert_allclose(layers.entropy, fine.entropy - fine.parameters * math.log(0.01))
    assert layers.verdict.tolist() == ["ok", "ok"]


def test_overflow_beside_exact_energies_is_reported():
    with pytest.warns(pm.PrecisionWarning, match=r"outputs overflow in layers \['outer'\]"):
        layers = measured(lambda: Overflow(), normal(3, 4))
    assert set(layers.method) == {"closed form"}
    assert np.isfinite(layers.energy).all()


def linear():
    return nn.Linear(4, 2)


def seeding():
    torch.manual_seed(0)
    return nn.Linear(4, 2)


class Overflow(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner, self.outer = nn.Linear(4, 2), nn.Linear(2, 2)

    def forward(self, x):
        return self.outer(self.inner(x) * 1e30 * 1e30)


@pytest.mark.parametrize(
    ("model", "options", "error", "message"),
    [
        (linear, {"mode": "test"}, ValueError, "mode must be"),
        (linear, {"method": "exact"}, ValueError, "method must be"),
        (linear, {"draws": 1}, ValueError, "draws must be"),
        (linear, {"rtol": 0.0}, ValueError, "rtol must be"),
        (linear, {"resolution": 0.0}, ValueError, "resolution must be"),
        (linear, {"rows": 0}, ValueError, "rows must be"),
        (linear, {"seed": -1}, ValueError, "seed must be"),
        (linear, {"init": 3}, TypeError, "init must be a function"),
        (linear, {"inputs": "data.csv"}, TypeError, "inputs must be"),
        (linear, {"inputs": [[1.0, np.nan, 0.0, 0.0]]}, ValueError, "inputs must be finite"),
        (linear, {"inputs": ([[1.0] * 4], [1.0, 2.0])}, ValueError, "one number of rows"),
        (linear, {"inputs": [torch.zeros(4)]}, TypeError, "not be a list of tensors"),
        (linear, {"inputs": np.ones((3, 5))}, ValueError, r"must run on the inputs, \(3, 5\) torch.float32, but"),
        (linear, {"inputs": np.ones((3, 4), int)}, ValueError, r"must run on the inputs, \(3, 4\) torch.int64, but"),
        (linear, {"inputs": np.ones((0, 4))}, ValueError, "one number of rows, at least 1"),
        (linear, {"inputs": None}, TypeError, "inputs must be an array"),
        (linear, {"y": [1.0, 2.0, 3.0]}, ValueError, "y must be None"),
        (linear, {"device": 3.5}, TypeError, "device must be a name"),
        (linear, {"device": "abacus"}, ValueError, "device must be one that PyTorch has"),
        (linear, {"device": "meta"}, ValueError, "device must have memory"),
        (lambda: 3, {}, TypeError, "model must return a torch.nn.Module"),
        (linear, {"laws": {"q*": pm.Normal(1.0)}}, ValueError, "matches no parameter"),
        (linear, {"trained": 3}, TypeError, "trained must be a torch.nn.Module"),
        (linear, {"trained": nn.Linear(4, 3)}, ValueError, r"trained must have the parameters of the model"),
        (linear, {"progress": 2}, TypeError, "progress must be"),
        (seeding, {"method": "monte-carlo"}, ValueError, r"draw its parameters anew.*weight.*sets a seed"),
        (lambda: nn.Linear(4, 2, device="meta"), {}, ValueError, "meta device"),
        (nn.ReLU, {}, ValueError, "ReLU uses none"),
        (lambda: nn.ReLU(), {}, ValueError, "ReLU uses none"),
        (lambda: Overflow(), {"method": "monte-carlo"}, ValueError, r"overflow or nan in layers \['outer'\]"),
    ],
)
def test_bad_input(model, options, error, message):
    with pytest.raises(error, match=message):
        measured(model, **({"inputs": normal(3, 4), "draws": 2} | options))


@pytest.mark.parametrize("law", [pm.Normal(1e200), pm.Uniform(1e200), pm.TruncatedNormal(1e160), pm.Constant(1e200)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.filterwarnings("ignore::pyrometer.PrecisionWarning")
def test_energies_beyond_the_doubles_are_refused(law, dtype):
    def model():
        return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)).to(dtype)

    with pytest.raises(ValueError, match=r"got an overflow.* in layers \['0', '2'\]"):
        pm.models.measure(model, torch.ones(5, 3, dtype=dtype), laws={"*": law}, draws=4)
