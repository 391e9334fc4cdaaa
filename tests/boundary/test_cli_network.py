"""`pyrometer network` as a stranger meets it."""

import csv
import io
import json

import numpy as np
import pytest

import pyrometer as pm

from .answers import one_line


def tables(result):
    assert result.exit_code == 0, result.stderr
    made = json.loads(result.stdout)
    return [table["rows"] for table in made["tables"]], made["provenance"]


@pytest.mark.parametrize(
    ("options", "law"),
    [
        ([], pm.LecunNormal()),
        (["--init", "glorot-normal", "--gain", 2], pm.GlorotNormal(2.0)),  # the former name of --factor
        (["--init", "he-normal", "--factor", 2], pm.HeNormal(2.0)),
        (["--init", "normal", "--scale", 3], pm.Normal(3.0)),
        (["--init", "uniform", "--length", 3, "--activation", "relu"], pm.Uniform(3.0)),
        (["--init", "uniform", "--length", 99, "--activation", "relu"], pm.Uniform(99.0)),
        (["--init", "torch", "--activation", "relu", "--bias"], pm.TorchLinear()),
        (["--init", "truncated-normal", "--scale", 2, "--activation", "relu"], pm.TruncatedNormal(2.0)),
        (["--init", "he-normal", "--truncated", "--activation", "relu"], pm.HeNormal(truncated=True)),
        (["--bias", "--bias-init", "zeros"], pm.Layers(pm.LecunNormal())),
        (["--bias", "--bias-init", "normal", "--bias-scale", 0.1], pm.Layers(pm.LecunNormal(), pm.Normal(0.1))),
        (["--bias", "--bias-init", "constant", "--bias-scale", -0.5], pm.Layers(pm.LecunNormal(), pm.Constant(-0.5))),
        (
            ["--bias", "--bias-init", "torch", "--init", "glorot-uniform", "--activation", "relu"],
            pm.Layers(pm.GlorotUniform(), pm.TorchLinear()),
        ),
    ],
)
def test_numbers(run, file, rows, options, law):
    (layers, (engine,)), provenance = tables(
        run("network", file, "--target", "price", "--hidden", "16,8", *options, "--format", "json")
    )
    X, y = rows
    activation = "relu" if "relu" in options else "tanh"
    network = pm.Network(
        (X - X.mean(axis=0)) / X.std(axis=0), y, hidden=(16, 8), activation=activation, bias="--bias" in options
    )
    expected = pm.heat_engine(network, law)
    np.testing.assert_allclose([row["energy"] for row in layers], expected.layers.energy, rtol=1e-9)
    np.testing.assert_allclose([row["temperature"] for row in layers], expected.layers.temperature, rtol=1e-9)
    assert [row["widths"] for row in layers] == ["3-16", "16-8", "8-1"]
    assert engine["work_efficiency"] == pytest.approx(expected.work_efficiency, rel=1e-9)
    assert engine["total.energy"] == pytest.approx(expected.total.energy, rel=1e-9)
    assert engine["engine"] == expected.engine
    assert (engine["method"], provenance["widths"]) == ("exact", "3-16-8-1")


def test_the_bars_are_shares(run, file):
    result = run(
        "network", file, "--target", "price", "--hidden", "32,32", "--init", "he-normal", "--activation", "relu"
    )
    assert result.exit_code == 0, result.stderr
    bars = [line.count("█") for line in result.stdout.splitlines() if "█" in line]
    assert bars[:2] == [9, 9]
    assert "first type" in result.stdout


@pytest.mark.parametrize("scale", [1e-200, 1e150])
def test_the_bars_are_shares_of_energies_beyond_the_doubles(run, file, scale):
    options = ["--hidden", "8,8", "--activation", "relu", "--init", "normal", "--scale", scale]
    result = run("network", file, "--target", "price", *options)
    assert result.exit_code == 0, result.stderr
    bars = [line.count("█") for line in result.stdout.splitlines() if line.lstrip()[:2] in ("1 ", "2 ", "3 ")]
    assert bars == ([20, 0, 0] if scale < 1.0 else [0, 0, 20])


@pytest.mark.parametrize("width", [60, 80, 120])
def test_it_fits_the_width(run, file, width):
    result = run("network", file, "--target", "price", "--hidden", "256,256", env={"COLUMNS": str(width)})
    assert max(map(len, result.stdout.splitlines())) <= width


@pytest.mark.parametrize("width", [60, 80, 120, 300])
def test_rows_are_never_broken(run, file, width):
    ask = ["network", file, "--target", "price", "--hidden", "256,256"]
    lines = run(*ask, env={"COLUMNS": str(width)}).stdout.splitlines()
    table = lines[: lines.index("Heat engine")]
    assert sum(line.split()[:2] == ["2", "256-256"] or line.split()[:1] == ["2"] for line in table) == 1
    assert any("temperature" in line for line in table[:4])
    left_out = " ".join(table).partition("not shown: ")[2].partition(" (--wide")[0]
    names = set(filter(None, left_out.split(", ")))
    assert bool(names) == (width < 300)
    whole = run(*ask, "--wide", env={"COLUMNS": str(width)}).stdout
    assert "not shown" not in whole
    assert all(name in whole for name in names)


def test_fields_choose_columns(run, file):
    ask = ["network", file, "--target", "price", "--hidden", "4", "--fields"]
    lines = run(*ask, "gain,layer").stdout.splitlines()
    assert " ".join(lines[1:3]).split() == ["gain", "1", "layer"]
    assert [line.split()[1] for line in lines[4:6]] == ["1", "2"]
    rows = list(csv.DictReader(io.StringIO(run(*ask, "energy, layer", "--format", "csv").stdout)))
    assert [list(row) for row in rows] == [["energy", "layer"]] * 2
    answer = json.loads(run(*ask, "layer,regime", "--format", "json").stdout)
    assert [table["columns"] for table in answer["tables"]] == [["layer"], ["regime"]]
    for fields in ("nothing", "", "layer,,gain", "\x1b[31m"):
        line = run(*ask, fields)
        assert line.exit_code == 2
        assert "--fields must name columns of the result" in line.stderr
        assert "\x1b" not in line.stderr


def test_csv_holds_the_layers(run, file):
    result = run("network", file, "--target", "price", "--hidden", "4", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["layer"] for row in rows] == ["1", "2"]
    assert "bar" not in rows[0]


def test_sampling_says_its_seed(run, file):
    arguments = ["network", file, "--target", "price", "--hidden", "4", "--init", "he-uniform", "--samples", 100]
    (layers, _), provenance = tables(run(*arguments, "--format", "json"))
    assert (provenance["method"], provenance["samples"], provenance["seed"]) == ("monte-carlo", 100, 0)
    assert layers[1]["standard_error"] > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--hidden", "4,x"], "must be widths with commas"),
        (["--hidden", "4,0"], "widths of at least 1"),
        ([], "Missing option '--hidden'"),
        (["--hidden", "4", "--scale", "2"], "--scale is for --init normal and uniform, got --init lecun-normal"),
        (["--hidden", "4", "--init", "torch", "--factor", "2"], "--factor is for"),
        (["--hidden", "4", "--init", "uniform", "--length", "2", "--scale", "2"], "exclude each other"),
        (["--hidden", "4", "--init", "uniform", "--method", "exact"], "no formula for a uniform law"),
        (["--hidden", "4", "--activation", "swish"], "swish"),
        (["--hidden", "4", "--init", "torch", "--truncated"], "--truncated is for --init lecun-normal, glorot-normal"),
        (["--hidden", "4", "--bias-init", "zeros"], "--bias-init is for layers with biases; add --bias"),
        (["--hidden", "4", "--bias", "--bias-scale", "2"], "--bias-scale is for --bias-init, got none"),
        (["--hidden", "4", "--bias", "--bias-init", "torch", "--bias-scale", "2"], "torch, which has no scale"),
        (["--hidden", "4", "--bias", "--bias-init", "uniform", "--bias-scale", "0"], "--bias-scale must be > 0"),
        (["--hidden", "4", "--bias", "--init", "orthogonal"], "add --bias-init, such as --bias-init zeros"),
        (["--hidden", "4", "--init", "truncated-normal", "--length", "2"], "--length is for --init"),
    ],
)
def test_mistakes(run, file, options, message):
    result = run("network", file, "--target", "price", *options)
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert message in result.stderr


def test_conditions(run, file):
    arguments = ["network", file, "--target", "price", "--hidden", "64", "--init", "he-normal"]
    assert run(*arguments).exit_code == 0
    assert run(*arguments, "--fail-on", "negative-entropy", "--fail-on", "near-pole").exit_code in (0, 1)
    result = run("network", file, "--target", "price", "--hidden", "", "--init", "uniform")
    assert (result.exit_code, "ok" in result.stdout) == (0, True)
    result = run("network", file, "--target", "price", "--hidden", "", "--init", "uniform", "--length", 1)
    assert (result.exit_code, "undefined" in result.stdout) == (3, True)
    narrow = run(*arguments[:-2], "--init", "normal", "--scale", "0.01", "--fail-on", "negative-entropy")
    assert narrow.exit_code == 1


def test_orthogonal_layers_have_no_temperature(run, file):
    arguments = ["network", file, "--target", "price", "--hidden", "4", "--init", "orthogonal", "--activation", "relu"]
    result = run(*arguments, "--format", "json")
    assert (result.exit_code, "orthogonal weights have no entropy" in result.stderr) == (3, True)
    layers, _ = (table["rows"] for table in json.loads(result.stdout)["tables"])
    assert [(row["temperature"], row["verdict"]) for row in layers] == [(None, "undefined")] * 2
    assert all(row["energy"] > 0 for row in layers)


@pytest.fixture
def wines(tmp_path):
    data = pm.datasets.wine(standardize=False)
    path = tmp_path / "wines.csv"
    names = [f"x{k}" for k in range(13)]
    rows = [[*map(repr, x.tolist()), f"cultivar {y:.0f}"] for x, y in zip(data.X, data.y, strict=True)]
    path.write_text("\n".join(",".join(row) for row in [[*names, "kind"], *rows]) + "\n")
    return path


def test_labels_and_activations_of_layers(run, wines):
    ask = ("network", wines, "--target", "kind", "--hidden", "8,4", "--activation", "relu,tanh", "--energy", "ce")
    (layers, (engine,)), provenance = tables(run(*ask, "--init", "he-normal", "--format", "json"))
    data = pm.datasets.wine(standardize=True)
    network = pm.Network(data.X, data.y, hidden=(8, 4), activation=["relu", "tanh"], energy="ce")
    expected = pm.heat_engine(network, pm.HeNormal())
    np.testing.assert_allclose([row["energy"] for row in layers], expected.layers.energy, rtol=1e-9)
    assert engine["total.energy"] == pytest.approx(expected.total.energy, rel=1e-9)
    assert provenance["activation"] == "relu,tanh"
    assert (provenance["energy"], provenance["classes"]) == ("ce", "cultivar 1 cultivar 2 cultivar 3")
    assert "total.energy" in run(*ask).stdout
    assert "nat" in run(*ask).stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--energy", "ce", "--activation", "relu,tan"], "'tan' is not one of 'tanh'"),
        (["--energy", "ce", "--activation", "relu,tanh,relu"], "one for each of the 2 hidden layers, got 3"),
        (["--energy", "mae"], "'mae' is not one of 'mse', 'ce'"),
        ([], "column 'kind' must be numeric, got string"),
    ],
)
def test_mistakes_of_labels_and_activations(run, wines, options, message):
    result = run("network", wines, "--target", "kind", "--hidden", "8,4", *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


def test_a_minimum_above_the_energy(run, file):
    line = one_line(run("network", file, "--target", "price", "--hidden", 4, "--minimum", 1e9))
    assert "minimum must be at most the mean energy, " in line
