"""Bad and odd input to softmax regression: the right answer or a clear error, and nothing in between."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import pyrometer as pm

from .answers import only

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 3)).round(3)
Y = np.arange(20) % 3
SYSTEM = pm.SoftmaxRegression(X, Y)


def replaced(y, row, value):
    changed = np.array(y, dtype=object)
    changed[row] = value
    return changed


BAD_LABELS = {
    "nan": (np.where(np.arange(20) == 4, np.nan, Y), ValueError, "y must have no missing labels, got one at row 4"),
    "inf": (np.where(np.arange(20) == 4, np.inf, Y), ValueError, "y must be labels, got inf at row 4"),
    "none": (replaced(Y, 5, None), ValueError, "y must have no missing labels, got one at row 5; drop those rows"),
    "real": (Y + 0.5, ValueError, "y must be labels, got 0.5 at row 0; real numbers are targets of energy='mse'"),
    "one class": (np.zeros(20), ValueError, "y must have at least two classes, got 0.0 only"),
    "mixed": ([1, "a"] * 10, TypeError, "y must have labels that can be sorted, got int and str"),
    "dates": (np.array(["2020-01-01"] * 20, dtype="datetime64[D]"), TypeError, "y must be labels"),
    "complex": (Y + 1j, TypeError, "y must be"),
    "short": (Y[:-1], ValueError, r"y must have one value for each row.*\(20,\).*\(19,\)"),
    "a column": (Y[:, None], ValueError, r"ravel"),
    "a number": (3, ValueError, "y must have"),
    "nothing": (None, TypeError, "y"),
    "a word": ("label", (TypeError, ValueError), "y"),
    "masked": (np.ma.masked_equal(Y, 1), ValueError, "masked"),
}


@pytest.mark.parametrize("case", BAD_LABELS)
def test_bad_targets(case):
    y, error, message = BAD_LABELS[case]
    with pytest.raises(error, match=message):
        pm.SoftmaxRegression(X, y)


BAD_NAMES = {
    "a word": ("abc", TypeError, "labels must be a sequence of labels, in the order of the classes, got 'abc'"),
    "a set": ({0, 1, 2}, TypeError, "labels must be a sequence"),
    "a number": (3, TypeError, "labels must be a sequence"),
    "one": ([0], ValueError, r"labels must name at least two classes, got \(0,\)"),
    "repeated": ([0, 1, 2, 1], ValueError, "labels must be different, got 1 more than once"),
    "one and true": ([0, 1, True], ValueError, "labels must be different"),
    "missing": ([0, 1, None], ValueError, "labels must have no missing values"),
    "too few": ([0, 1], ValueError, "y must be one of the labels 0, 1, got 2 at row 2"),
    "others": (list("abc"), ValueError, "y must be one of the labels 'a', 'b', 'c', got 0 at row 0"),
    "arrays": ([np.arange(2), np.arange(2)], TypeError, "labels must be numbers or strings"),
}


@pytest.mark.parametrize("case", BAD_NAMES)
def test_bad_names_of_classes(case):
    labels, error, message = BAD_NAMES[case]
    with pytest.raises(error, match=message):
        pm.SoftmaxRegression(X, Y, labels=labels)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"intercept": 1}, TypeError, "intercept must be True or False"),
        ({"weights": -np.ones(20)}, ValueError, "weights must be finite and >= 0"),
        ({"weights": np.zeros(20)}, ValueError, "weights"),
        ({"weights": np.ones(3)}, ValueError, "weights must have one value for each row"),
    ],
)
def test_bad_options(options, error, message):
    with pytest.raises(error, match=message):
        pm.SoftmaxRegression(X, Y, **options)
    with pytest.raises(ValueError, match="X must be finite, got nan at row 3, column 1"):
        pm.SoftmaxRegression(np.where(np.arange(60).reshape(20, 3) == 10, np.nan, X), Y)
    with pytest.raises(ValueError, match="at least one parameter"):
        pm.SoftmaxRegression(X[:, :0], Y, intercept=False)


@pytest.mark.parametrize(
    ("law", "message"),
    [
        (pm.Normal(np.ones(7)), r"1 or 12 scales.*got shape \(7,\).* 4 scales are the same for each of the 3 classes"),
        (pm.Normal(np.ones(3)), "4 scales are the same for each of the 3 classes"),
        (pm.Mixed([1.0], [2.0]), "12 parameters.*got 1 normal . 1 uniform.* 4 scales are the same for each"),
    ],
)
def test_laws_that_do_not_fit(law, message):
    with pytest.raises(ValueError, match=message):
        pm.mean_energy(SYSTEM, law)


@pytest.mark.parametrize("method", ["exact", "refined", "asymptotic"])
def test_methods_without_a_formula_name_the_one_to_use(method):
    with pytest.raises(
        ValueError, match="3 classes has a formula, and a limit, for normal laws only, got uniform; use"
    ):
        pm.temperature(SYSTEM, pm.Uniform(2.0), method=method)
    assert pm.mean_energy(SYSTEM, pm.Uniform(2.0), samples=10, rng=0).method == "monte-carlo"
    with pytest.raises(ValueError, match="mean-field"):
        pm.mean_energy(SYSTEM, pm.Normal(1.0), method="mean-field")
    with pytest.raises(ValueError, match="energy_variance has a formula for squared error only, got energy='softmax'"):
        pm.energy_variance(SYSTEM, pm.Normal(1.0))


@pytest.mark.parametrize("scale", [1e-300, 1e-150, 1e150, 1e300])
def test_extreme_scales(scale):
    for law in (pm.Normal(scale), pm.Normal(scale * np.linspace(0.5, 1.0, 12)), pm.Uniform(scale)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pm.SimulationWarning)
            got = pm.mean_energy(SYSTEM, law, samples=5, rng=0)
        assert np.isfinite(got.value)
        assert got.value >= np.log(3.0) * (1.0 - 1e-15)


@pytest.mark.parametrize("law", [pm.Normal(1e300), pm.Normal(1e300 * np.linspace(0.5, 1.0, 12)), pm.Uniform(1e300)])
def test_overflow_is_reported(law):
    with pytest.raises(ValueError, match="must be below 1.8e308, got an overflow"):
        pm.mean_energy(pm.SoftmaxRegression(1e100 * X, Y), law, samples=5, rng=0)


def test_messages_of_others_name_softmax_regression():
    with pytest.raises(ValueError, match=r"more than two classes \(0, 1, 2\).*SoftmaxRegression\(X, y\) is for all"):
        pm.LogisticRegression(X, Y)
    with pytest.raises(TypeError, match=r"pm.SoftmaxRegression\(X, y\)"):
        pm.temperature(type("MNLogit", (), {})(), pm.Normal(1.0))
    assert pm.DataState(X, Y, model=SYSTEM).loss == "softmax"


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "rows.csv"
    rows = ["a,b,c,kind", *(",".join(map(str, x)) + "," + "uvw"[y] for x, y in zip(X, Y, strict=True))]
    path.write_text("\n".join(rows) + "\n")
    return path


def test_command_line(path, run):
    options = ["--target", "kind", "--energy", "softmax", "--scale", "2", "--format", "json"]
    row = only(run("temperature", path, *options))
    expected = pm.temperature(pm.SoftmaxRegression(X, np.array(list("uvw"))[Y]), pm.Normal(2.0))
    assert row["value"] == pytest.approx(expected.value, rel=1e-12)
    assert row["parameters"] == 12


def test_two_files_have_the_classes_of_both(path, tmp_path, run):
    other = tmp_path / "other.csv"
    other.write_text("a,b,c,kind\n" + "".join(f"{i % 5},{i % 7},{i % 3},{'uv'[i % 2]}\n" for i in range(40)))
    options = ["--target", "kind", "--energy", "softmax", "--scale", "2", "--format", "json"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answer = run("mix", path, other, *options)
    assert answer.exit_code == 0, answer.output
    assert '"parameters": 12' in answer.output


def test_a_sweep(path, tmp_path, run):
    config = tmp_path / "sweep.toml"
    lines = [
        'output = "out.csv"',
        "[systems.a]",
        f'data = "{path.name}"',
        'target = "kind"',
        'energy = "softmax"',
        "[laws.n]",
        'kind = "Normal"',
        "scale = 2.0",
    ]
    config.write_text("\n".join(lines) + "\n")
    answer = run("sweep", config)
    assert answer.exit_code == 0, answer.output
    assert '"softmax"' in (tmp_path / "out.csv").read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--labels", "u", "v"], "--labels are for --energy ce"),
        (["--chunk-rows", "5"], "needs the rows of"),
        (["--l2", "1"], "--l1 and --l2 are for --energy mse"),
    ],
)
def test_bad_command_lines(path, run, options, message):
    answer = run("temperature", path, "--target", "kind", "--energy", "softmax", "--scale", "2", *options)
    assert answer.exit_code == 2
    assert message in answer.output


def test_a_shift_of_classes(path, run):
    answer = run("shift", path, path, "--target", "kind", "--energy", "softmax", "--resamples", "99")
    assert answer.exit_code == 0, answer.output
    assert answer.output.startswith("Not shifted")
