"""Laws and energies of Keras models, against its own draws and against the same models of PyTorch."""

import importlib
import math
import os
import random
from importlib.util import find_spec

os.environ.setdefault("KERAS_BACKEND", "torch")

import numpy as np
import pytest
from scipy import stats

import pyrometer as pm

torch = pytest.importorskip("torch")
if find_spec("keras") is None:
    pytest.skip("Keras is not installed", allow_module_level=True)


class Lazy:
    """A module that is imported when it is used: Keras takes seconds, and every worker reads this file."""

    def __init__(self, name):
        self.module = name

    def __getattr__(self, name):
        if name.startswith("_"):  # pytest looks for its marks
            raise AttributeError(name)
        return getattr(importlib.import_module(self.module), name)


keras, layers, initializers = Lazy("keras"), Lazy("keras.layers"), Lazy("keras.initializers")
# Keras converts tensors to arrays by an interface that NumPy wants to be another one.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:keras")


@pytest.fixture(autouse=True)
def backend():
    if keras.backend.backend() != "torch":
        pytest.skip("the backend of Keras is another one")


def numbers(tensor):
    return getattr(tensor, "value", tensor).detach().numpy()


SCALED = ["GlorotUniform", "GlorotNormal", "HeUniform", "HeNormal", "LecunUniform", "LecunNormal"]
INITIALIZERS = {
    **{name: lambda name=name, **k: getattr(initializers, name)(**k) for name in SCALED},
    "RandomNormal": lambda **k: initializers.RandomNormal(0.3, 0.7, **k),
    "RandomUniform": lambda **k: initializers.RandomUniform(-0.2, 0.6, **k),
    "TruncatedNormal": lambda **k: initializers.TruncatedNormal(0.0, 0.4, **k),
    "VarianceScaling": lambda **k: initializers.VarianceScaling(3.0, "fan_out", "untruncated_normal", **k),
}


def distribution(label):
    """Return the distribution of SciPy that a row of the table describes."""
    name, _, rest = label.partition("(")
    numbers, _, centre = rest.partition(")")
    scale, _, bound = numbers.partition(", bound=")
    centre = float(centre.removeprefix(" + ") or 0.0)
    if name == "Uniform":
        return stats.uniform(centre - 0.5 * float(scale), float(scale))
    if name == "TruncatedNormal":
        return stats.truncnorm(-float(bound), float(bound), centre, float(scale))
    return stats.norm(centre, float(scale))


@pytest.mark.parametrize("shape", [(30, 20), (3, 3, 5, 8)])
@pytest.mark.parametrize("name", INITIALIZERS)
def test_initializers_draw_from_the_law_that_is_read(name, shape):
    make = INITIALIZERS[name]
    if len(shape) == 2:
        model = keras.Sequential([keras.Input(shape[:1]), layers.Dense(shape[1], kernel_initializer=make())])
    else:
        model = keras.Sequential([keras.Input((9, 9, shape[2])), layers.Conv2D(8, 3, kernel_initializer=make())])
    table = pm.models.laws(model)
    law = distribution(str(table["law"][0]))
    values = np.concatenate([np.ravel(numbers(make(seed=seed)(shape))) for seed in range(40)]).astype(float)
    low, high = law.support()
    assert low - 1e-6 <= values.min()
    assert values.max() <= high + 1e-6
    assert stats.kstest(values, law.cdf).pvalue > 1e-4
    assert table["parameters"][0] == math.prod(shape)
    assert table["entropy"][0] == pytest.approx(math.prod(shape) * law.entropy(), abs=1e-5 * math.prod(shape))


@pytest.mark.parametrize("name", ["zeros", "ones", "identity", "constant", "orthogonal"])
def test_what_has_no_density(name):
    made = initializers.Constant(0.3) if name == "constant" else initializers.get(name)
    table = pm.models.laws(keras.Sequential([keras.Input((6,)), layers.Dense(6, kernel_initializer=made)]))
    known = {"zeros": "Constant(0)", "ones": "Constant(1)", "constant": "Constant(0.3)"}
    assert table["law"][0] == known.get(name, "Orthogonal(1)" if name == "orthogonal" else "Constant(computed)")
    assert (table["parameters"][0], bool(np.isnan(table["entropy"][0]))) == (
        (36, True) if name == "orthogonal" else (0, False)
    )


def test_an_initializer_that_is_called_twice_draws_once():
    made = initializers.HeNormal()
    model = keras.Sequential(
        [
            keras.Input((8,)),
            layers.Dense(8, kernel_initializer=made),
            layers.Dense(8, kernel_initializer=made),
            layers.Dense(9, kernel_initializer=made),
        ]
    )
    first, second = (numbers(layer.kernel) for layer in model.layers[:2])
    assert np.array_equal(first, second)
    table = pm.models.laws(model)
    assert table["parameters"][::2].tolist() == [64, 0, 8]
    assert table["shared_with"][::2].tolist() == ["", *[table["name"][0]] * 2]
    seeded = [layers.Dense(8, kernel_initializer=initializers.GlorotUniform(seed=3)) for _ in range(2)]
    assert pm.models.laws(keras.Sequential([keras.Input((8,)), *seeded])).metadata["parameters"] == 64
    own = [layers.Dense(8, kernel_initializer="he_normal") for _ in range(2)]
    assert pm.models.laws(keras.Sequential([keras.Input((8,)), *own])).metadata["parameters"] == 128


def everything():
    given = keras.Input((6,), dtype="int32")
    x = layers.Embedding(11, 8)(given)
    x = layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 4)(x, x))
    x = layers.LSTM(5)(x)
    x = layers.BatchNormalization()(layers.Reshape((1, 1, 5))(x))
    x = layers.DepthwiseConv2D(1, depthwise_initializer="he_normal")(layers.Conv2D(4, 1)(x))
    return keras.Model(given, layers.Dense(3)(layers.Flatten()(x)))


def test_every_parameter_of_every_layer_has_a_law():
    keras.utils.set_random_seed(0)
    model = everything()
    assert pm.models.laws(everything).metadata["entropy_unknown"][1:] == []  # whose values are compared with their laws
    table = pm.models.laws(model)
    laws = dict(zip(table["name"].tolist(), table["law"].tolist(), strict=True))
    assert len(laws) == len(model.trainable_weights)
    assert not any("unknown" in law for law in laws.values())
    of = lambda *words: [law for name, law in laws.items() if all(word in name for word in words)]  # noqa: E731
    assert of("embeddings") == ["Uniform(0.1)"]
    assert of("recurrent_kernel") == ["Orthogonal(1)"]
    assert of("lstm_cell.bias") == ["Constant(0) (15); Constant(1) (5)"]
    assert of("norm", "gamma") == ["Constant(1)"] * 2
    assert of("attention", "kernel") == ["Uniform(1.22474)"] * 4
    for variable in model.trainable_weights:
        law = laws[variable.path.replace("/", ".")]
        if law.startswith("Uniform"):
            largest = 2.0 * np.abs(numbers(variable)).max() / float(law[8:-1])
            assert 0.7 < largest <= 1.0 + 1e-6
    assert of("depthwise", "kernel") == [f"TruncatedNormal({math.sqrt(2 / 4) / 0.8796256610342398:.6g}, bound=2)"]


@pytest.mark.filterwarnings("ignore::pyrometer.SimulationWarning")
def test_energies_of_layers_are_those_of_the_same_model_in_pytorch():
    X = np.random.default_rng(0).normal(size=(16, 3, 9, 9)).astype(np.float32)

    def theirs():
        return keras.Sequential(
            [
                keras.Input((9, 9, 3)),
                layers.Conv2D(6, 3, strides=2, kernel_initializer=initializers.RandomNormal(0.0, 0.3)),
                layers.ReLU(),
                layers.Flatten(),
                layers.Dense(4, kernel_initializer="he_uniform"),
            ]
        )

    def ours():
        model = torch.nn.Sequential(
            torch.nn.Conv2d(3, 6, 3, stride=2), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(96, 4)
        )
        torch.nn.init.normal_(model[0].weight, 0.0, 0.3)
        torch.nn.init.uniform_(model[3].weight, -0.25, 0.25)
        for layer in (model[0], model[3]):
            torch.nn.init.zeros_(layer.bias)
        return model

    for options in ({}, {"method": "monte-carlo", "draws": 60}):
        found = pm.models.measure(theirs, X.transpose(0, 2, 3, 1), **options)
        expected = pm.models.measure(ours, X, **options)
        error = np.hypot(found.standard_error, expected.standard_error) + 1e-5 * expected.energy
        assert (np.abs(found.energy - expected.energy) <= 4.0 * error).all()
        assert found.parameters.tolist() == expected.parameters.tolist()
        np.testing.assert_allclose(found.entropy, expected.entropy, rtol=1e-6)


@pytest.mark.parametrize(("width", "stride", "gap"), [(3, 1, 1), (3, 2, 1), (2, 1, 1), (2, 3, 1), (3, 1, 2)])
@pytest.mark.parametrize("biased", [True, False])
def test_transposed_convolutions_are_one_layer_of_the_places_that_they_keep(width, stride, gap, biased):
    X, scale = np.random.default_rng(2).standard_normal((3, 5, 4, 2)).astype(np.float32), 0.3
    options = {"padding": "same", "dilation_rate": gap, "use_bias": biased}
    law = initializers.RandomNormal(0.0, scale)
    layer = layers.Conv2DTranspose(3, width, stride, kernel_initializer=law, **options)
    model = keras.Sequential([keras.Input(X.shape[1:]), layer])
    # squares of inputs through a kernel of variances
    squares = layers.Conv2DTranspose(3, width, stride, kernel_initializer=initializers.Constant(scale**2), **options)
    expected = numbers(squares(X**2)).sum() / len(X)
    for method in ("auto", "monte-carlo"):
        found = pm.models.measure(model, X, method=method, draws=200)
        assert found.units.tolist() == [np.prod(model.output_shape[1:])]
        assert abs(found.energy[0] - expected) <= 5.0 * found.standard_error[0] + 1e-5 * expected


@pytest.mark.filterwarnings("ignore::pyrometer.SimulationWarning")
def test_the_model_is_as_before_and_draws_repeat():
    model, ids = everything(), np.random.default_rng(1).integers(0, 11, (8, 6))
    before = [numbers(variable).copy() for variable in model.variables]
    first = pm.models.measure(model, ids, draws=4, seed=3)
    again = pm.models.measure(model, ids, draws=4, seed=3)
    other = pm.models.measure(model, ids, draws=4, seed=4)
    assert all(
        np.array_equal(values, numbers(variable)) for values, variable in zip(before, model.variables, strict=True)
    )
    assert np.array_equal(first.energy, again.energy)
    assert not np.array_equal(first.energy, other.energy)
    assert first.unused == ()
    assert [name.rpartition(".")[2] for name in first.entropy_unknown] == ["recurrent_kernel"]


def test_laws_by_name_and_what_cannot_be_read():
    def own(shape, dtype=None):
        return keras.ops.reshape(keras.ops.arange(12, dtype="float32"), shape)

    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, kernel_initializer=own)])
    assert "unknown: the initializer own" in pm.models.laws(model)["law"][0]
    table = pm.models.laws(model, laws={"*kernel": pm.Normal(0.5)})
    assert (table["law"][0], table.metadata["entropy_unknown"]) == ("Normal(0.5)", [])
    found = pm.models.measure(model, np.ones((2, 4)), laws={"*kernel": pm.Normal(0.5)})
    assert found.energy[0] == pytest.approx(3.0, rel=0.5 if found.standard_error[0] else 1e-6)
    with pytest.raises(ValueError, match="lacks parameters before all of its layers are built; call model"):
        pm.models.laws(keras.Sequential([layers.Dense(3)]))
    with pytest.raises(ValueError, match="init is for models of PyTorch"):
        pm.models.laws(model, init=lambda each: each)


class Scaled(keras.Model):
    """A model with a weight of its own, whose layers are built by its first call, and one that it does not call."""

    def __init__(self, inner=None):
        super().__init__()
        self.inner = layers.Dense(3) if inner is None else inner
        self.after, self.other = layers.ReLU(), layers.Dense(2)
        self.scale = self.add_weight(shape=(3,), initializer="ones", name="scale")

    def call(self, x):
        return self.after(self.inner(x) * self.scale)


@pytest.mark.filterwarnings("ignore:.build... was called on layer:UserWarning")
@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("built", [False, True])
def test_layers_that_the_first_call_builds_are_not_left_out(nested, built):
    def make(*, call):
        model, x = Scaled(Scaled() if nested else None), np.ones((2, 4))
        if built:
            model.build((None, 4))
        if call:
            model(x)
        return model

    with pytest.raises(ValueError, match=r"Scaled lacks parameters .* call model\(inputs\) once first"):
        pm.models.measure(lambda: make(call=False), np.ones((2, 4)), draws=2)
    found = pm.models.measure(lambda: make(call=True), np.ones((2, 4)), draws=2)
    assert found.total_parameters == 12  # the kernel; biases and scales are constants


def dense():
    return keras.Sequential([keras.Input((4,)), layers.Dense(3)])


def test_energies_against_a_trained_model():
    X, trained = np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32), dense()
    trained.layers[0].set_weights([np.ones((4, 3)), np.ones(3)])
    model = dense()
    added = pm.models.measure(model, X, trained=trained).energy[0] - pm.models.measure(model, X).energy[0]
    assert added == pytest.approx(np.mean(np.sum((X @ np.ones((4, 3)) + 1.0) ** 2, axis=1)), rel=1e-5)


def test_modes_of_batch_normalisation():
    X = 3.0 * np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)
    model = keras.Sequential([keras.Input((4,)), layers.BatchNormalization(), layers.Dense(3)])
    # Keras adds what is left of the mean last.
    energies = {mode: pm.models.measure(model, X, mode=mode).energy_per_unit[-2] for mode in ("train", "eval")}
    assert energies["train"] == pytest.approx(1.0, rel=1e-2)
    assert energies["eval"] == pytest.approx(np.mean(X**2), rel=1e-2)


@pytest.mark.filterwarnings("ignore::pyrometer.SimulationWarning")
@pytest.mark.parametrize(
    "initializer",
    [
        lambda: keras.initializers.Constant(random.gauss(0.0, 0.3)),
        lambda: keras.initializers.RandomNormal(stddev=random.random()),
    ],
)
def test_scales_that_a_function_draws_are_unknown(initializer):
    def model():
        last = layers.Dense(3, kernel_initializer=initializer())
        return keras.Sequential([keras.Input((4,)), layers.Dense(20, activation="relu"), last])

    assert pm.models.laws(model)["law"].tolist()[2] == "unknown: numbers from outside of Keras"
    random.seed(3)
    X = np.ones((2, 4), dtype=np.float32)
    energies = np.array([np.sum(keras.ops.convert_to_numpy(model()(X))[0] ** 2) for _ in range(200)])
    measured = pm.models.measure(model, X, draws=100)
    assert measured.method[-1] == "monte-carlo"
    assert abs(measured.energy[-1] - energies.mean()) < 4.5 * energies.std() * (1.0 / 200 + 1.0 / 100) ** 0.5


def test_errors_of_keras_are_not_rewritten():
    with pytest.raises(
        ValueError,
        match=r"^model must run on the inputs, .*: Input 0 .*expected axis -1 of input shape to have value 4",
    ):
        pm.models.measure(dense(), np.ones((2, 3)))
    assert keras.config.is_traceback_filtering_enabled()


@pytest.mark.filterwarnings("ignore::pyrometer.SimulationWarning")
def test_variables_that_wrappers_and_models_have_themselves():
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = layers.SpectralNormalization(layers.Dense(3, kernel_initializer="he_uniform"))
            self.extra = self.add_weight(shape=(4,), initializer="he_normal", name="extra")

        def call(self, x, training=False):
            return self.inner(x * self.extra, training=training)

    def make():
        model = Own()
        model(np.ones((2, 4)))
        return model

    table = pm.models.laws(make)
    laws = {name.rpartition(".")[2]: law for name, law in zip(table["name"], table["law"], strict=True)}
    assert laws["kernel"].startswith("Uniform(")
    assert laws["extra"] == "unknown: no initializer of 'extra'"
    found = pm.models.measure(make, np.ones((2, 4)), draws=8, method="monte-carlo", laws={"*kernel": pm.Normal(1.0)})
    assert found.entropy_unknown == ("extra",)
    assert found.standard_error[found.name.tolist().index("extra")] > 0.0  # drawn anew by the function


@pytest.mark.filterwarnings("ignore::pyrometer.SimulationWarning")
def test_recurrent_layers_are_one_layer():
    """Steps are summed; against the recurrence written out."""
    x = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)

    def of(layer, draws=40):
        return pm.models.measure(lambda: keras.Sequential([keras.Input((4, 5)), layer()]), x, draws=draws)

    simple = of(lambda: layers.SimpleRNN(7))
    assert (len(simple), simple.calls[0], simple.units[0], simple.parameters[0]) == (1, 4, 28.0, 84)
    rng, sums, limit = np.random.default_rng(1), [], math.sqrt(0.5)
    for _ in range(200):
        kernel, own = rng.uniform(-limit, limit, (5, 7)), np.linalg.qr(rng.normal(size=(7, 7)))[0]
        h, total = np.zeros((3, 7)), 0.0
        for step in range(4):
            z = x[:, step] @ kernel + h @ own
            h, total = np.tanh(z), total + (z**2).sum() / 3.0
        sums.append(total)
    error = math.hypot(simple.standard_error[0], np.std(sums) / math.sqrt(200.0))
    assert abs(simple.energy[0] - np.mean(sums)) < 4.0 * error
    # The bias of a cell enters after both products; cells that are stacked run once for each step.
    cell, whole = of(lambda: layers.RNN(layers.LSTMCell(7))), of(lambda: layers.LSTM(7))
    error = math.hypot(cell.standard_error[0], whole.standard_error[0])
    assert (cell.units[0], cell.parameters[0]) == (whole.units[0], whole.parameters[0]) == (112.0, whole.parameters[0])
    assert abs(cell.energy[0] - whole.energy[0]) < 4.5 * error
    stacked = of(lambda: layers.RNN([layers.SimpleRNNCell(7), layers.GRUCell(6)]), draws=2)
    assert (stacked.units.tolist(), stacked.kind.tolist()) == ([28.0, 72.0], ["recurrent"] * 2)
    assert len(of(lambda: layers.GRU(7, reset_after=False), draws=2)) == 1


@pytest.mark.parametrize("slope", [0.0, 0.25])
@pytest.mark.parametrize("shape", [(7,), (5, 6, 3)])
def test_slopes_are_a_layer_with_the_energy_of_its_output(slope, shape):
    """Slopes of 0, the default of Keras, make it a relu, and the layer has the energy of that."""
    shared = tuple(range(1, len(shape)))
    inputs = np.random.default_rng(0).normal(size=(4, *shape)).astype(np.float32)

    def made(activation):
        first = layers.Dense(8) if len(shape) == 1 else layers.Conv2D(8, 3)
        return keras.Sequential([keras.Input(shape), first, activation, layers.Dense(2)])

    slopes = layers.PReLU(alpha_initializer=initializers.Constant(slope), shared_axes=shared[:-1] or None)
    model = made(slopes)
    found = pm.models.measure(model, inputs)
    assert found.kind.tolist() == [found.kind[0], "scale", "dense"]
    plain = pm.models.measure(made(layers.LeakyReLU(negative_slope=slope)), inputs)
    np.testing.assert_allclose(found.energy[[0, 2]], plain.energy, rtol=1e-5)
    # The input of the layer is symmetric, with half of its energy on each side.
    assert found.energy[1] == pytest.approx(0.5 * (1.0 + slope**2) * found.energy[0], rel=1e-4)
    assert "call" not in vars(slopes)


@pytest.mark.parametrize("mode", ["train", "eval"])
@pytest.mark.parametrize(("scale", "center"), [(True, True), (True, False), (False, True)])
@pytest.mark.parametrize("kind", ["BatchNormalization", "GroupNormalization"])
def test_a_normalisation_is_one_layer_with_the_energy_of_its_output(kind, scale, center, mode):
    """Its output has the mean square gamma^2 + beta^2, or, with the statistics of no batch, gamma^2 x^2 + beta^2."""
    options = {"groups": 4} if kind == "GroupNormalization" else {}
    constants = {"gamma_initializer": initializers.Constant(1.7), "beta_initializer": initializers.Constant(0.6)}
    inputs = np.random.default_rng(0).normal(size=(8, 5, 5, 3)).astype(np.float32)
    norm = getattr(layers, kind)(scale=scale, center=center, epsilon=1e-7, **constants, **options)
    model = keras.Sequential([keras.Input(inputs.shape[1:]), layers.Conv2D(8, 3), norm, layers.ReLU()])
    before = [variable.numpy() for variable in model.variables]
    found = pm.models.measure(model, inputs, mode=mode, draws=8)
    assert found.kind.tolist() == ["convolution", "norm"]
    gamma, beta = 1.7 if scale else 1.0, 0.6 if center else 0.0
    size = found.energy[0] / found.units[0] if (kind, mode) == ("BatchNormalization", "eval") else 1.0
    assert found.energy[1] / found.units[1] == pytest.approx(gamma**2 * size + beta**2, rel=1e-5)
    assert (norm.scale, norm.center, "call" in vars(norm)) == (scale, center, False)
    for variable, values in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), values)
