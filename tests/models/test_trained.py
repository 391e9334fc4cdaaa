"""Energies against trained models, which remain as they are."""

import numpy as np
import pytest

import pyrometer as pm

torch = pytest.importorskip("torch")
nn = torch.nn

pytestmark = pytest.mark.filterwarnings("ignore:After .* draws energies have heavy tails:pyrometer.SimulationWarning")


class Strided(nn.Module):
    """Biases that are added to products of another shape: inputs of dense layers are not contiguous."""

    def __init__(self):
        super().__init__()
        self.patches, self.dense = nn.Conv1d(2, 6, 2, stride=2), nn.Linear(6, 4)
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, x):
        x = torch.tanh(self.dense(self.patches(x).flatten(2).transpose(1, 2)))
        return self.attention(x, x, x, need_weights=False)[0]


def test_trained_where_biases_are_added_in_another_shape():
    """Layers of mean zero: the energy grows by |z*|^2."""
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(3, 2, 8))).float()
    trained = Strided()
    layers = pm.models.measure(Strided, x, draws=2, trained=trained, mode="eval")
    plain = pm.models.measure(Strided, x, draws=2, mode="eval", method="monte-carlo")
    with torch.no_grad():
        z = trained.patches(x)
        dense = trained.dense(z.flatten(2).transpose(1, 2))
        a = trained.attention
        inner = torch.nn.functional.linear(torch.tanh(dense), a.in_proj_weight, a.in_proj_bias)
    squares = [float(part.square().sum()) / 3.0 for part in (z, dense, inner)]
    assert layers.name.tolist() == ["patches", "dense", "attention", "attention.out_proj"]
    np.testing.assert_allclose(layers.energy[:3] - plain.energy[:3], squares, rtol=1e-5)


@pytest.mark.parametrize("fails", [False, True])
def test_the_trained_model_is_left_as_it_was(fails):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.words, self.norm = nn.Embedding(9, 4, max_norm=0.5), nn.BatchNorm1d(4)
            self.noise, self.dense = nn.Dropout(0.5), nn.Linear(4, 2)

        def forward(self, x):
            x = self.norm(self.words(x).mean(dim=1) + 0.1 * torch.rand(4))
            if fails and not self.training:
                raise ZeroDivisionError
            return self.dense(self.noise(x))

    trained, x = Net(), torch.arange(9).reshape(3, 3)
    trained.norm.eval()  # statistics of a norm that is not trained
    before = {name: value.clone() for name, value in trained.state_dict().items()}
    modes, state = [part.training for part in trained.modules()], torch.get_rng_state()
    if fails:
        with pytest.raises(ZeroDivisionError):
            pm.models.measure(Net, x, draws=2, trained=trained)
    else:
        pm.models.measure(Net, x, draws=2, trained=trained)
    assert [part.training for part in trained.modules()] == modes
    assert torch.equal(torch.get_rng_state(), state)
    for name, value in trained.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_inputs_that_a_forward_pass_changes():
    class Doubling(nn.Module):
        def __init__(self):
            super().__init__()
            self.dense = nn.Linear(5, 2)

        def forward(self, x):
            return self.dense(torch.relu(x.mul_(2.0)))

    x = torch.from_numpy(np.random.default_rng(0).normal(size=(4, 5)))
    before, ideal = x.clone(), Doubling().double()
    exact = 2.0 / 15.0 * (1.0 + float(torch.relu(2.0 * x).square().sum()) / 4.0)
    added = float(ideal(x.clone()).detach().square().sum()) / 4.0
    for options, energy in ({}, exact), ({"method": "monte-carlo"}, exact), ({"trained": ideal}, exact + added):
        found = pm.models.measure(lambda: Doubling().double(), x, draws=3, **options)
        assert found.energy[0] == pytest.approx(energy, rel=1e-12)
        assert torch.equal(x, before)
