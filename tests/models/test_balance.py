"""Balanced models: closed forms to the last digits, and fresh draws by brute force."""

import math

import numpy as np
import pytest

import pyrometer as pm

torch = pytest.importorskip("torch")

from . import zoo  # noqa: E402 (needs PyTorch)

nn = torch.nn


def vectors(rows, columns):
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(4))


def mean_squares(factory, found, x, draws, mode="train"):
    """Mean square of the outputs of each layer of rescaled models, with standard errors, by hooks."""
    torch.manual_seed(5)
    squares = []
    for _ in range(draws):
        model, each = found.apply(factory()).train(mode == "train"), {}
        for name in found.name.tolist():
            model.get_submodule(name).register_forward_hook(
                lambda _, __, out, name=name, each=each: each.update({name: float(out.double().square().mean())})
            )
        with torch.no_grad():
            model(x)
        squares.append([each[name] for name in found.name.tolist()])
    return np.mean(squares, axis=0), np.std(squares, axis=0, ddof=1) / math.sqrt(draws)


def perceptron():
    return nn.Sequential(
        *(nn.Linear(6, 12), nn.ReLU(), nn.Dropout(0.2), nn.Linear(12, 12), nn.LeakyReLU(0.1), nn.Linear(12, 3))
    )


@pytest.mark.parametrize("target", [1.0, 0.04, 9.0])
def test_closed_forms_reach_the_target(target):
    x = vectors(7, 6)
    found = pm.models.balance(perceptron, x, target=target)
    assert found.method.tolist() == ["closed form"] * 3
    assert found.achieved == pytest.approx([target] * 3, rel=1e-12)
    assert not found.errors.any()
    assert not found.achieved_errors.any()
    # The laws it names, measured on a model that has them.
    scales = dict(zip(found.laws["name"].tolist(), found.laws["scale"].tolist(), strict=True))
    laws = {name: pm.Uniform(scale) for name, scale in scales.items()}
    layers = pm.models.measure(perceptron, x, laws=laws)
    assert layers.energy_per_unit == pytest.approx([target] * 3, rel=1e-9)
    mean, error = mean_squares(perceptron, found, x, 100)
    assert (np.abs(mean - target) < 4.5 * error).all()


def test_draws_in_lockstep():
    x = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(6))
    found = pm.models.balance(lambda: zoo.ResNet18(4), x, draws=12, rtol=None)
    assert len(found) == 21
    assert found.method[0] == "closed form"
    assert (found.errors[found.method == "monte-carlo"] > 0.0).all()
    assert abs(found.achieved.mean() - 1.0) < 0.04
    assert (np.abs(found.achieved - 1.0) < 0.03 + 4.5 * found.achieved_errors).all()
    mean, error = mean_squares(lambda: zoo.ResNet18(4), found, x, 6)
    assert (np.abs(mean - 1.0) < 0.03 + 4.5 * np.hypot(error, 2.0 * found.errors / found.factors)).all()


def test_same_seed_same_bits_and_generators_are_restored():
    def model():
        return nn.Sequential(
            nn.Linear(6, 12), nn.Tanh(), nn.Dropout(0.3), nn.Linear(12, 12), nn.GELU(), nn.Linear(12, 2)
        )

    x, state = vectors(7, 6), torch.get_rng_state()
    one, other = (pm.models.balance(model, x, seed=3, rtol=None) for _ in range(2))
    assert one == other
    assert torch.equal(torch.get_rng_state(), state)
    assert not np.array_equal(one.factors, pm.models.balance(model, x, seed=4, rtol=None).factors)
    assert one.draws == 16
    instance = pm.models.balance(model(), x, seed=3, rtol=None)
    assert instance.factors == pytest.approx(one.factors, rel=0.2)
    assert (np.abs(instance.achieved - 1.0) < 5.0 * instance.achieved_errors + 0.1).all()


def test_draws_do_not_influence_one_another():
    """Draws that advance together have the mean square of draws that run alone."""
    x = vectors(7, 6)

    def model():
        return nn.Sequential(nn.Linear(6, 12), nn.Tanh(), nn.Dropout(0.5), nn.Linear(12, 4))

    first = pm.models.balance(model, x, skip="0", draws=8, rtol=None, seed=1)
    layers = pm.models.measure(model, x, draws=60, seed=1)
    energy = (1.0 / first.factors[0]) ** 2
    assert energy == pytest.approx(layers.energy_per_unit[1], rel=0.3)
    assert first.skipped == {"0": "asked for by skip"}


def test_draws_until_errors_are_small():
    def model():
        return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 8), nn.GELU(), nn.Linear(8, 3))

    x = vectors(7, 6)
    found = pm.models.balance(model, x, rtol=0.05, draws=4)
    assert found.draws in range(8, 4 * 64 + 1, 4)
    sampled = found.method == "monte-carlo"
    assert (2.0 * found.errors / found.factors)[sampled].max() <= 0.05
    assert (found.achieved_errors / found.achieved)[sampled].max() <= 0.05
    # Groups of draws have the factors of draws that advance together.
    together = pm.models.balance(model, x, rtol=None, draws=16, seed=1)
    assert together.draws == 16
    assert (np.abs(found.factors - together.factors) < 5.0 * np.hypot(found.errors, together.errors) + 1e-12).all()
    assert pm.models.balance(model, x, rtol=1e-9, draws=2).draws == 128
    assert "use about draws=" in repr(pm.models.balance(model, x, rtol=None, draws=2))


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.hidden = nn.Embedding(20, 8), nn.Linear(8, 8)
        self.scaled, self.still = nn.Linear(8, 8), nn.Linear(8, 8)
        nn.init.zeros_(self.still.weight)
        nn.init.zeros_(self.still.bias)
        self.twice = nn.Linear(8, 8)

    def forward(self, tokens):
        x = torch.relu(self.hidden(self.table(tokens)))
        x = self.twice(torch.relu(self.twice(x)))
        x = nn.functional.linear(x, self.scaled.weight * 2.0)
        return (x + self.still(x)) @ self.table.weight.t()


def test_what_is_skipped_and_why():
    found = pm.models.balance(lambda: Tied(), torch.arange(12).reshape(3, 4))
    assert found.name.tolist() == ["hidden"]
    assert found.skipped["table"] == "table.weight is used by 2 operations"
    assert found.skipped["twice"] == found.skipped["twice (2)"] == "twice.weight is used by 2 operations"
    assert found.skipped["still"] == "its parameters are constant"
    assert "scaled.weight" not in {name for names in found.parameters for name in names}
    recurrent = pm.models.balance(lambda: nn.LSTM(4, 5, batch_first=True), torch.randn(3, 6, 4))
    assert "used at each of 6 steps" in next(iter(recurrent.skipped.values()))
    assert len(recurrent) == 0


def test_models_end_where_their_program_fails():
    class Failing(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(6, 6), nn.Linear(6, 6)
            self.calls = [0]

        def forward(self, x):
            x = torch.tanh(self.first(x))
            if float(x.sum()) > 0.0:
                x = torch.tanh(self.first(x))
            return self.second(x)

    with pytest.raises(ValueError, match="same operations in every draw"):
        pm.models.balance(lambda: Failing(), vectors(7, 6))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"target": 0.0}, ValueError, "target"),
        ({"target": -1.0}, ValueError, "target"),
        ({"target": math.inf}, ValueError, "target"),
        ({"target": "one"}, TypeError, "target"),
        ({"draws": 1}, ValueError, "draws"),
        ({"draws": 2.5}, TypeError, "draws"),
        ({"rtol": 0.0}, ValueError, "rtol"),
        ({"rtol": math.nan}, ValueError, "rtol"),
        ({"rtol": "small"}, TypeError, "rtol"),
        ({"seed": -1}, ValueError, "seed"),
        ({"mode": "test"}, ValueError, "mode"),
        ({"skip": "head*"}, ValueError, r"skip='head\*' matches no layer"),
        ({"skip": 3}, TypeError, "skip must be a pattern"),
        ({"skip": [3]}, TypeError, "skip must be a pattern"),
        ({"init": 3}, TypeError, "init"),
        ({"laws": {"none": pm.Normal(1.0)}}, ValueError, "matches no parameter"),
    ],
)
def test_bad_arguments(options, error, message):
    with pytest.raises(error, match=message):
        pm.models.balance(perceptron, vectors(7, 6), **options)


def test_bad_models():
    with pytest.raises(TypeError, match="model must be"):
        pm.models.balance(3, vectors(7, 6))
    with pytest.raises(ValueError, match="finite"):
        pm.models.balance(perceptron, vectors(7, 6) * math.nan)
    found = pm.models.balance(perceptron, vectors(7, 6))
    with pytest.raises(TypeError, match=r"model must be a torch\.nn\.Module"):
        found.apply(perceptron)
    with pytest.raises(ValueError, match="parameters that were balanced"):
        found.apply(nn.Linear(6, 12))
    assert "not rescaled" not in repr(found)
    assert found.to_frame().shape == (3, 7)


def test_errors_of_draws_that_are_added_one_at_a_time():
    """They decide when there are enough; against all draws at once."""
    from pyrometer.models._pytorch._balance import _per_unit, _Spread

    rng = np.random.default_rng(0)
    for scale in (1.0, 1e-3, 1e-6):
        spread, units = _Spread(), rng.integers(1, 9, (40, 3)).astype(float)
        energies = units * (3.0 + scale * rng.normal(size=(40, 3)))
        assert spread.relative().tolist() == [0.0]
        for draw in zip(energies, units, strict=True):
            spread.add(np.array(draw))
        mean, error = np.transpose([_per_unit(*each) for each in zip(energies.T, units.T, strict=True)])
        np.testing.assert_allclose(spread.relative(), error / mean, rtol=1e-7)
