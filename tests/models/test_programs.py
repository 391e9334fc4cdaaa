"""Programs of models: weights that are derived or shared, routes, places, and what is refused by name."""

import numpy as np
import pytest

import pyrometer as pm

torch = pytest.importorskip("torch")
nn = torch.nn
from . import zoo  # noqa: E402 (needs PyTorch)
from .test_measure import measured, normal  # noqa: E402 (needs PyTorch)

pytestmark = pytest.mark.filterwarnings("ignore:After .* draws energies have heavy tails:pyrometer.SimulationWarning")


def test_weights_that_are_derived():
    """Scaled, cast, sliced and stacked weights keep their laws: no error in a first layer."""

    class Derived(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Parameter(torch.randn(3, 6, 4))

        def forward(self, x):
            y = x @ (0.5 * self.table[0]) + torch.einsum("bi,io->bo", x, self.table[1].clone())
            return y, nn.functional.linear(x.double(), self.table[2].T.double())

    X = normal(5, 6)
    layers = measured(lambda: Derived(), X, draws=3, method="monte-carlo")
    square = (X**2).sum() / 5.0
    np.testing.assert_allclose(layers.energy, [square, 4.0 * square, 4.0 * square], rtol=1e-6)
    assert layers.standard_error.tolist() == [0.0, 0.0, 0.0]
    assert layers.parameters.tolist() == [72, 72, 72]


def test_shared_weights_have_a_line_for_each_call():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(4, 4, bias=False)

        def forward(self, x):
            return self.inner(torch.relu(self.inner(x)))

    layers = measured(lambda: Twice(), normal(5, 4), draws=4, method="monte-carlo")
    assert layers.standard_error[0] == 0.0
    assert layers.name.tolist() == ["inner", "inner (2)"]
    assert (layers.parameters.tolist(), layers.total_parameters) == ([16, 16], 16)
    assert layers.standard_error[1] > 0.0  # its input depends on its weights


class Positions(nn.Module):
    """Places that do not depend on the inputs, written in many ways."""

    def __init__(self, places):
        super().__init__()
        self.places, self.words, self.table = places, nn.Embedding(20, 4), nn.Embedding(8, 4)
        self.register_buffer("kept", torch.arange(8).unsqueeze(0))

    def forward(self, words):
        return self.words(words) + self.table(self.places(self, words))


@pytest.mark.parametrize(
    "places",
    [
        lambda model, words: torch.arange(words.shape[1]),
        lambda model, words: torch.arange(words.shape[1]).expand_as(words),
        lambda model, words: torch.arange(words.shape[1]).repeat(len(words), 1),
        lambda model, words: torch.ones_like(words).cumsum(1) - 1,
        lambda model, words: model.kept[:, : words.shape[1]],
    ],
)
def test_outputs_that_do_not_depend_on_the_inputs(places):
    for rows, length in ((3, 3), (6, 3), (3, 2)):
        layers = measured(lambda: Positions(places), zoo.words(rows, length, 20), draws=2, method="monte-carlo")
        assert layers.units.tolist() == layers.energy.tolist() == [4.0 * length] * 2


def test_experts():
    """Rows that are routed by the model: as many outputs for both experts together as rows."""

    class Experts(nn.Module):
        def __init__(self):
            super().__init__()
            self.router, self.experts = nn.Linear(4, 2), nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])

        def forward(self, x):
            first, y = self.router(x).argmax(dim=1) == 0, torch.zeros_like(x)
            y[first], y[~first] = self.experts[0](x[first]), self.experts[1](x[~first])
            return y

    x = torch.from_numpy(normal(40, 4)).float()
    layers = measured(lambda: Experts(), x, draws=6, method="monte-carlo")
    assert layers.units[1] + layers.units[2] == pytest.approx(4.0)
    expected = (float(x.double().square().sum()) / 40.0 + 1.0) / 3.0
    assert layers.energy[1] + layers.energy[2] == pytest.approx(expected, rel=1e-6)


def test_a_class_builds_its_models():
    class Own(nn.Module):
        def __init__(self, width=4):
            super().__init__()
            self.inner = nn.Linear(width, width)

        def forward(self, x):
            return self.inner(torch.tanh(self.inner(x)))

    x = normal(5, 4)
    assert measured(Own, x, draws=3) == measured(lambda: Own(), x, draws=3)
    assert pm.models.balance(Own, x).skipped["inner"] == "inner.weight is used by 2 operations"


def test_programs_that_depend_on_their_numbers_are_not_exact():
    class Depends(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(6, 6), nn.Linear(6, 6)

        def forward(self, x):
            y = self.first(x)
            return self.second(y) if float(y.sum()) > 0.0 else y

    with pytest.raises(ValueError, match="same operations in every draw"):
        measured(Depends, normal(5, 6))


def test_buffers_that_are_drawn_are_sampled():
    class Buffered(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(6, 6), nn.Linear(6, 6)
            self.register_buffer("scales", torch.randn(6))

        def forward(self, x):
            return self.second(torch.relu(self.first(x) * self.scales))

    assert measured(Buffered, normal(5, 6), draws=4).method.tolist() == ["monte-carlo"] * 2


def test_instances_of_few_values_are_distinguished_by_their_size():
    def init(module):
        for layer in module[::2]:
            nn.init.normal_(layer.weight, std=0.02)
            nn.init.zeros_(layer.bias)

    instance, x = nn.Sequential(nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 2)), normal(5, 6)
    measured(instance, x, draws=2)
    init(instance)
    with pytest.raises(ValueError, match=r"\['0.weight', '0.bias', '2.weight'\] do not have values of their layer's"):
        measured(instance, x)
    laws = {"*.weight": pm.Normal(0.02), "*.bias": pm.Constant(0.0)}
    one, other = measured(instance, x, init=init, draws=200), measured(instance, x, laws=laws, draws=200, seed=1)
    np.testing.assert_allclose(one.energy_per_unit, other.energy_per_unit, rtol=0.5)


def test_sparse_tensors_are_refused():
    class Sparse(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(6, 6)

        def forward(self, x):
            return torch.sparse.mm(x.to_sparse(), self.inner.weight)

    x = torch.from_numpy(normal(5, 6)).float()
    with pytest.raises(ValueError, match="dense tensors, got a sparse one from the operation _to_sparse"):
        measured(Sparse, x)
    with pytest.raises(TypeError, match="inputs must be a dense tensor"):
        measured(lambda: nn.Linear(6, 6), x.to_sparse())


def test_compiled_models():
    """Operations of the measurement itself are not compiled."""

    def plain():
        return nn.Sequential(nn.Linear(6, 12), nn.GELU(), nn.Linear(12, 5))

    def compiled():
        model = plain()
        model.compile(backend="eager")
        return model

    x = normal(4, 6)
    expected, found = (measured(model, x, draws=16, method="monte-carlo") for model in (plain, compiled))
    assert torch._dynamo.utils.counters["frames"].get("total", 0) <= 1
    error = np.hypot(expected.standard_error, found.standard_error) + 1e-6 * expected.energy
    assert (np.abs(found.energy - expected.energy) < 4.0 * error).all()


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors:UserWarning")
@pytest.mark.parametrize("instance", [False, True])
def test_layers_without_parameters(instance):
    """A layer of no units, as AdaptiveLogSoftmaxWithLoss makes for its rarest words, has no energy."""

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.none, self.after, self.beside = nn.Linear(6, 0), nn.Linear(0, 3, bias=False), nn.Linear(6, 3)

        def forward(self, x):
            return self.after(self.none(x)) + self.beside(x)

    x = normal(5, 6)
    alone, found = measured(lambda: nn.Linear(6, 3), x), measured(Model() if instance else Model, x)
    assert found.energy.tolist() == [0.0, 0.0, pytest.approx(alone.energy[0], rel=1e-12)]
    assert (found.total_parameters, found.total_entropy) == (21, pytest.approx(alone.total_entropy, rel=1e-12))
    sampled = measured(Model, x, method="monte-carlo", draws=4)
    assert sampled.energy[:2].tolist() == [0.0, 0.0]
    assert pm.models.laws(Model)["parameters"].tolist() == [0, 0, 0, 18, 3]
    assert pm.models.balance(Model, x).achieved[-1] == pytest.approx(1.0)


def test_exported_modules_are_refused_by_name():
    class Exported(nn.Linear):  # as a module of torch.export, whose import takes seconds
        def train(self, mode=True):
            raise NotImplementedError("Calling train() is not supported yet.")

    with pytest.raises(ValueError, match="model must have the modes .*pass the module that was exported"):
        pm.models.measure(lambda: Exported(6, 3), normal(5, 6), laws={"*": pm.Normal(0.5)})


@pytest.mark.parametrize(("equation", "places"), [("ni,oij,nj->no", (0, 2, 1)), ("ni,nj,oij->no", (0, 1, 2))])
def test_an_einsum_of_three_operands_is_computed_in_pairs(equation, places):
    """The output of the layer is that of the pair with the weight: of all operands where the weight is last."""

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.randn(3, 5, 5))

        def forward(self, x):
            operands = (x, x, self.weight)
            return torch.einsum(equation, *(operands[place] for place in places))

    x = normal(6, 5)
    square = float((x**2).sum(axis=1).mean()), float(((x**2).sum(axis=1) ** 2).mean())
    found = measured(Model, x)
    assert found.energy[0] == pytest.approx(3.0 * (square[1] if places[-1] == 2 else 5.0 * square[0]), rel=1e-6)
