"""Laws of models, against closed forms and against the numbers of many builds."""

import copy
import math

import numpy as np
import pytest
from scipy import stats

import pyrometer as pm

torch = pytest.importorskip("torch")
nn = torch.nn


def totals(model, **options):
    table = pm.models.laws(model, **options)
    return table.metadata["parameters"], table.metadata["entropy"]


def uniform(size, length):
    return size, size * math.log(length)


@pytest.mark.parametrize(
    ("model", "parameters", "entropy"),
    [
        (lambda: nn.Linear(64, 256), 16640, -23067.938169),
        (lambda: nn.MultiheadAttention(8, 2), 256, -49.798189),
        (lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2), 536, -193.972802),
        (lambda: nn.Embedding(10, 4, padding_idx=0), 36, 51.081787),
    ],
)
def test_layers_and_copies(model, parameters, entropy):
    assert totals(model) == (parameters, pytest.approx(entropy, abs=1e-6))
    assert totals(model()) == (parameters, pytest.approx(entropy, abs=1e-6))  # an instance, drawn again


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm, self.attention = nn.LayerNorm(width), nn.Linear(width, 3 * width)
        self.projection, self.norm2 = nn.Linear(width, width), nn.LayerNorm(width)
        self.hidden, self.output = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)


class Gpt(nn.Module):
    """The parameters of GPT-2 with a tied head."""

    def __init__(self, vocabulary, context, width, blocks):
        super().__init__()
        self.tokens, self.places = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
        self.blocks, self.norm = nn.ModuleList(Block(width) for _ in range(blocks)), nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary, bias=False)
        self.head.weight = self.tokens.weight
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)
        for name, parameter in self.named_parameters():
            if name.endswith(("projection.weight", "output.weight")):
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * blocks))


def test_gpt_on_the_meta_device():
    def model():
        with torch.device("meta"):
            return Gpt(50_257, 1024, 768, 12)

    table = pm.models.laws(model)
    assert table.metadata["parameters"] == 124_318_464
    assert table.metadata["entropy"] / 124_318_464 == pytest.approx(-2.945429, abs=1e-6)
    row = next(row for row in table if row["name"] == "head.weight")
    assert (row["shared_with"], row["parameters"], row["entropy"]) == ("tokens.weight", 0, 0.0)


def test_a_gpt_that_is_initialised_module_by_module_is_refused_as_an_instance():
    model = Gpt(100, 16, 32, 2)
    with pytest.raises(ValueError, match=r"tokens\.weight.*do not have values of their layer's default law") as error:
        pm.models.laws(model)
    assert "lambda: MyModel()" in str(error.value)
    expected = totals(lambda: Gpt(100, 16, 32, 2))
    patterns = {"*projection.weight": pm.Normal(0.01), "*output.weight": pm.Normal(0.01)}
    patterns |= {"*norm*weight": pm.Constant(1.0), "*.weight": pm.Normal(0.02), "*": pm.Constant()}
    assert totals(model, laws=patterns) == (expected[0], pytest.approx(expected[1], rel=1e-12))


def with_weight(initialise, rows=30, columns=40):
    def model():
        module = nn.Linear(columns, rows, bias=False)
        initialise(module.weight)
        return module

    return model


def test_truncation():
    size, entropy = totals(with_weight(lambda w: nn.init.trunc_normal_(w, std=1.0, a=-2.0, b=2.0)))
    assert entropy / size == pytest.approx(1.25924127, abs=1e-8)
    # Bounds 100 standard deviations away truncate nothing.
    table = pm.models.laws(with_weight(lambda w: nn.init.trunc_normal_(w, std=0.02, a=-2.0, b=2.0)))
    assert table["law"].tolist() == ["Normal(0.02)"]
    # Few elements are rarely drawn again, but their law is truncated all the same.
    for seed in range(5):
        few = pm.models.laws(with_weight(lambda w: nn.init.trunc_normal_(w, std=1.0), 1, 2), seed=seed)
        assert few["law"].tolist() == ["TruncatedNormal(1, bound=2)"]
    # Arithmetic afterwards moves the bounds with the numbers.
    scaled = pm.models.laws(with_weight(lambda w: nn.init.trunc_normal_(w, std=1.0).data.mul_(-0.5).add_(3.0)))
    assert scaled["law"].tolist() == ["TruncatedNormal(0.5, bound=2) + 3"]
    skewed = pm.models.laws(with_weight(lambda w: nn.init.trunc_normal_(w, a=-1.0, b=2.0)))
    assert np.isnan(skewed["entropy"]).all()
    assert skewed.metadata["entropy_unknown"] == ["weight"]


def test_truncation_by_the_inverse_of_the_error_function():
    """As in timm, and in PyTorch before 2.13."""

    def initialise(w, std=0.5, low=-1.0, high=1.0):
        ends = [math.erf(end / std / math.sqrt(2.0)) for end in (low, high)]
        with torch.no_grad():
            w.uniform_(*ends).erfinv_().mul_(std * math.sqrt(2.0)).add_(0.0).clamp_(min=low, max=high)

    table = pm.models.laws(with_weight(initialise))
    assert table["law"].tolist() == ["TruncatedNormal(0.5, bound=2)"]


@pytest.mark.parametrize(
    ("write", "constant"),
    [
        (nn.init.eye_, True),
        (lambda w: torch.add(torch.ones(w.shape), 1.0, out=w), True),
        (lambda w: torch.cumsum(torch.ones(w.shape), 0, out=w), True),
        (lambda w: torch.add(torch.randn(w.shape), 1.0, out=w), False),
        (lambda w: torch.mul(w, 2.0, out=w.normal_()), False),
        (lambda w: torch.normal(torch.zeros(w.shape), 1.0, out=w), False),
    ],
)
def test_what_is_written_by_out_depends_on_the_other_arguments(write, constant):
    with torch.no_grad():
        table = pm.models.laws(with_weight(write))
    assert table["law"][0].startswith("Constant" if constant else "unknown")
    assert (table["parameters"][0] == 0) == constant


def test_orthogonal_matrices_have_no_entropy():
    table = pm.models.laws(with_weight(lambda w: nn.init.orthogonal_(w, gain=1.5)))
    assert table["law"].tolist() == ["Orthogonal(1.5)"]
    assert np.isnan(table["entropy"]).all()
    assert table.metadata["entropy_unknown"] == ["weight"]


def test_slices_and_arithmetic():
    def model():
        module = nn.LSTM(3, 4)
        module.bias_ih_l0.data[4:8].fill_(1.0)
        module.scale = nn.Parameter(0.5 + 0.02 * torch.randn(3, 3))
        return module

    rows = {row["name"]: row for row in pm.models.laws(model)}
    assert rows["bias_ih_l0"]["law"] == "Uniform(1) (12); Constant(1) (4)"
    assert rows["bias_ih_l0"]["parameters"] == 12
    assert rows["scale"]["law"] == "Normal(0.02) + 0.5"
    assert rows["scale"]["scale"] == pytest.approx(0.02)


def test_copies_and_ties_are_counted_once():
    def model():
        first = nn.Linear(5, 5, bias=False)
        second, third = copy.deepcopy(first), nn.Linear(5, 5, bias=False)
        third.weight = first.weight
        fourth = nn.Linear(5, 5, bias=False)
        fourth.weight.data.copy_(2.0 * first.weight.data.T)
        return nn.ModuleList([first, second, third, fourth])

    table = pm.models.laws(model)
    assert table["parameters"].tolist() == [25, 0, 0, 0]
    assert table["shared_with"].tolist() == ["", "0.weight", "0.weight", "0.weight"]


def from_numpy(draw, size=5000):
    def model():
        module = nn.Linear(size, 1, bias=False)
        module.weight.data = torch.from_numpy(draw(size))[None]
        return module

    return model


def test_numbers_from_outside():
    fitted = pm.models.laws(from_numpy(lambda n: np.random.normal(0.0, 0.3, n)))  # noqa: NPY002
    assert fitted["law"][0].startswith("Normal(0.")
    assert fitted["law"][0].endswith("guessed")
    assert fitted["scale"][0] == pytest.approx(0.3, rel=0.05)
    flat = pm.models.laws(from_numpy(lambda n: np.random.uniform(-2.0, 2.0, n)))  # noqa: NPY002
    assert flat["law"][0].startswith("Uniform(")
    assert flat["law"][0].endswith("guessed")
    few = pm.models.laws(from_numpy(lambda n: np.random.normal(0.0, 0.3, n), 500))  # noqa: NPY002
    assert few["law"][0].startswith("unknown")
    assert np.isnan(few["entropy"][0])
    heavy = pm.models.laws(from_numpy(lambda n: np.random.standard_t(3, n)))  # noqa: NPY002
    assert heavy["law"][0].startswith("unknown")
    fixed = pm.models.laws(from_numpy(lambda n: np.random.default_rng(0).normal(size=n)))
    assert "equal in two builds" in fixed["law"][0]
    assert np.isnan(fixed["entropy"][0])
    assert pm.models.laws(from_numpy(lambda n: np.full(n, 0.07)))["law"].tolist() == ["Constant(0.07)"]


def test_truncated_numbers_from_outside_are_not_taken_for_normal_ones():
    draws = lambda n: stats.truncnorm.rvs(-2.0, 2.0, size=n, random_state=np.random.randint(2**31))  # noqa: E731, NPY002
    for size in (4096, 20_000):
        assert pm.models.laws(from_numpy(draws, size))["law"][0].startswith("unknown")


def test_a_test_for_bounds_that_draws_nothing_again_is_no_truncation():
    def initialise(w):
        nn.init.normal_(w)
        assert ((w < -1.0) | (w > 1.0)).any()

    with pytest.raises(ValueError, match="'weight' does not have the values that were drawn for it"):
        pm.models.laws(with_weight(initialise))


def test_torch_normal():
    made = pm.models.laws(with_weight(lambda w: w.data.copy_(torch.normal(0.0, 0.3, (30, 40)))))
    assert made["law"].tolist() == ["Normal(0.3)"]
    several = pm.models.laws(with_weight(lambda w: w.data.copy_(torch.normal(torch.zeros(30, 40), 0.3))))
    assert several["law"][0].startswith("unknown")


def test_unrecognised_operations_are_unknown():
    for change in (
        lambda w: w.data.copy_(torch.div(torch.randn_like(w), 0.5, rounding_mode="floor")),
        lambda w: w.data.copy_(torch.exp(torch.randn_like(w))),
        lambda w: w.data.mul_(torch.rand_like(w)),
        lambda w: w.data.copy_(torch.randn_like(w).abs()),
        lambda w: w.data.bernoulli_(0.5),
        lambda w: w.data.clamp_(-0.01, 0.01),
        lambda w: w.data.copy_(w.data @ torch.randn(40, 40)),
    ):
        table = pm.models.laws(with_weight(change))
        assert table["law"][0].startswith("unknown")
        assert np.isnan(table["entropy"]).all()
    # Sines and cosines of positions are constants.
    table = pm.models.laws(with_weight(lambda w: w.data.copy_(torch.sin(torch.arange(1200.0)).view(30, 40))))
    assert table["law"].tolist() == ["Constant(computed)"]


def test_numbers_that_are_replaced_past_the_trace_are_refused():
    def model():
        module = nn.Linear(100, 100)
        module.weight.detach().numpy()[:] = np.random.default_rng(0).exponential(size=(100, 100))
        return module

    with pytest.raises(ValueError, match="'weight' does not have the values that were drawn for it"):
        pm.models.laws(model)
    assert "weight" in pm.models.laws(model, laws={"weight": pm.Normal(1.0)})["name"]


def test_generators_are_restored_and_the_same_seed_gives_the_same_table():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    first = pm.models.laws(lambda: nn.Linear(3, 4), seed=2**40)
    assert first == pm.models.laws(lambda: nn.Linear(3, 4), seed=2**40)
    assert torch.equal(torch.rand(3), expected)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


INSTANCE = nn.Linear(2, 2)


class Foreign:
    """A module of another framework, which is called with inputs."""

    def __call__(self, inputs):
        return inputs


class ExportedProgram:
    """As that of torch.export, whose import takes seconds."""

    __module__ = "torch.export.exported_program"

    def __call__(self, *inputs):
        raise RuntimeError("Unable to call ExportedProgram directly.")


@pytest.mark.parametrize(
    ("model", "options", "error", "message"),
    [
        (
            nn.Linear,
            {},
            TypeError,
            r"class Linear of PyTorch with \['in_features', 'out_features'\]; .*lambda: Linear\(in_features=...",
        ),
        (lambda width: nn.Linear(width, 2), {}, TypeError, r"without arguments.*lambda: MyModel\(width=...\)"),
        (Foreign(), {}, TypeError, "model must be a torch.nn.Module or .*got a Foreign; pass lambda"),
        (lambda: Foreign(), {}, TypeError, "model must return a torch.nn.Module, got a Foreign"),
        (ExportedProgram(), {}, TypeError, "model must be a torch.nn.Module or .*got PyTorch's ExportedProgram"),
        (int, {}, TypeError, "model must be a torch.nn.Module or a class or function that builds one, .*class int"),
        (3, {}, TypeError, "model must be a torch.nn.Module or a class or function that builds one, .*got 3"),
        (lambda: 3, {}, TypeError, "model must return a torch.nn.Module, got 3"),
        (lambda: nn.LazyLinear(3), {}, ValueError, "'weight' is not initialised before the first call"),
        (lambda: nn.Linear(2, 2), {"laws": pm.Normal(1.0)}, TypeError, "laws must be a mapping of patterns"),
        (lambda: nn.Linear(2, 2), {"laws": {"w": pm.Normal(1.0)}}, ValueError, "matches no parameter"),
        (lambda: nn.Linear(2, 2), {"laws": {"weight": 0.02}}, TypeError, "must be a law of one scale"),
        (lambda: nn.Linear(2, 2), {"laws": {"weight": pm.Normal([1.0, 2.0])}}, TypeError, "must be a law of one scale"),
        (lambda: nn.Linear(2, 2), {"seed": -1}, ValueError, "seed must be"),
        (lambda: nn.Linear(2, 2), {"init": 3}, TypeError, "init must be a function of the model, got 3"),
        (lambda: INSTANCE, {}, ValueError, "must build a new module at each call"),
        (nn.ParameterList([torch.randn(3)]), {}, ValueError, "are not drawn by reset_parameters"),
        (nn.Linear(2, 2, device="meta"), {}, ValueError, "have no values"),
    ],
)
def test_bad_input(model, options, error, message):
    with pytest.raises(error, match=message):
        pm.models.laws(model, **options)
    if isinstance(model, nn.Linear):
        assert pm.models.laws(model, laws={"*": pm.Normal(0.02)}).metadata["parameters"] == 6


def test_parameters_that_do_nothing_on_the_meta_device():
    def model():
        module = nn.Linear(3, 4, device="meta")
        module.weight = nn.Parameter(torch.empty(4, 3, device="meta"))
        nn.init.trunc_normal_(module.weight)
        return module

    with pytest.raises(ValueError, match=r"\['weight'\] are not drawn.*meta device"):
        pm.models.laws(model)
    assert pm.models.laws(model, laws={"weight": pm.TruncatedNormal(0.5)}).metadata["parameters"] == 16


def program(seed):
    """Return a random program of draws, slices, copies and arithmetic on two tensors."""
    steps = np.random.default_rng(seed)
    plan = [(int(steps.integers(9)), int(steps.integers(2)), steps.uniform(-2.0, 2.0, 3)) for _ in range(6)]

    def view(w, number):
        return (w, w[1], w[:, 1], w.T, w[:2, :2], w[::2])[int(abs(number) * 1e6) % 6]

    def model():
        pair = [torch.empty(4, 4).normal_(), torch.empty(4, 4).uniform_(-1.0, 1.0)]
        for step, which, (a, b, c) in plan:
            w, other = pair[which], pair[1 - which]
            if step == 0:
                view(w, a).normal_(b, abs(c))
            elif step == 1:
                view(w, a).uniform_(min(b, c), max(b, c))
            elif step == 2:
                view(w, a).fill_(b)
            elif step == 3:
                view(w, a).mul_(b)
            elif step == 4:
                view(w, a).add_(b)
            elif step == 5:
                view(w, a).copy_(view(other, a))
            elif step == 6:
                pair[which] = torch.cat([w[:2], other[2:] * b])
            elif step == 7:
                pair[which] = (b - w.T).clone() if a > 0 else w.T.contiguous() / (1.5 + c / 4.0)
            else:
                pair[which] = torch.stack([w[0], other[1], w[2], other[3]])
        module = nn.Module()
        module.first, module.second = map(nn.Parameter, pair)
        return module

    return model


@pytest.mark.parametrize("seed", range(12))
def test_random_programs_against_many_runs(seed):
    """Means, deviations and correlations of elements over runs agree with their labels and origins."""
    check_program(seed, 600)


def check_program(seed, runs):
    from pyrometer.models._labels import Kind
    from pyrometer.models._pytorch._build import build

    model = program(seed)
    built = build(model, None, None, 0)
    values = []
    for run in range(runs):
        torch.manual_seed(run)
        module = model()
        values.append(torch.cat([module.first.detach().ravel(), module.second.detach().ravel()]).numpy())
    x = np.array(values, dtype=float)
    labels, origins = (np.concatenate(part) for part in zip(*(r.elements() for r in built.runs.values()), strict=True))
    draws = {}
    for k, (number, origin) in enumerate(zip(labels.tolist(), origins.tolist(), strict=True)):
        label = built.memory.labels[number]
        if label.kind is Kind.CONSTANT:
            if np.isnan(label.centre):
                assert np.ptp(x[:, k]) == 0.0
            else:
                np.testing.assert_allclose(x[:, k], label.centre, rtol=1e-5, atol=1e-6)
            continue
        assert label.kind is Kind.RANDOM, label
        deviation = label.scale / label.family.ratio
        assert abs(x[:, k].mean() - label.centre) < 5.0 * deviation / math.sqrt(runs)
        assert x[:, k].std() == pytest.approx(deviation, rel=6.0 / math.sqrt(runs))
        draws.setdefault((label.draw, origin), []).append(k)
    # Elements of the same draw and origin are affine functions of each other, all others independent.
    first = [ks[0] for ks in draws.values()]
    for ks in draws.values():
        for k in ks[1:]:
            assert abs(np.corrcoef(x[:, ks[0]], x[:, k])[0, 1]) > 0.999
    if len(first) > 1:
        correlation = np.corrcoef(x[:, first].T) - np.eye(len(first))
        assert np.abs(correlation).max() < 6.0 / math.sqrt(runs)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_numbers_that_are_rounded_to_half_precision_fit_their_laws(dtype):
    def model():
        layer = nn.Linear(200, 3)
        nn.init.constant_(layer.bias, 0.1)
        return layer.to(dtype)

    wanted = (600, pytest.approx(600 * math.log(2.0 / math.sqrt(200.0)), rel=1e-6))
    for seed in range(20):
        table = pm.models.laws(model, seed=seed)
        assert (int(table["parameters"].sum()), float(np.nansum(table["entropy"]))) == wanted
    # Rounded to 8 bits, the largest of 600 numbers may be above the bound of their law.
    assert pm.models.laws(nn.Linear(200, 3).to(dtype))["parameters"].sum() == 603
