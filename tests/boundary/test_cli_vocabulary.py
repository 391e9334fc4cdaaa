"""One vocabulary: what commands write for machines has the names and the numbers of the Python results."""

import csv
import io
import json
import math
from operator import attrgetter

import numpy as np
import pytest

import pyrometer as pm

from .answers import one_line

SEEDS = range(3)


@pytest.fixture(scope="module", params=SEEDS)
def case(request, tmp_path_factory):
    """Two files of one model, and the same rows as arrays."""
    rng, folder = np.random.default_rng(request.param), tmp_path_factory.mktemp("case")
    made = []
    for name, noise in (("one", 1.0), ("two", 1.5)):
        X = rng.normal(size=(50, 2))
        y = X @ rng.normal(size=2) + noise * rng.normal(size=50)
        path = folder / f"{name}.csv"
        np.savetxt(path, np.column_stack([X, y]), delimiter=",", header="u,v,y", comments="")
        made.append((path, X, y))
    return made


def temperature(one, two):
    return pm.temperature(pm.LinearRegression(*one), pm.Normal(10.0)), ()


def monte_carlo(one, two):
    return pm.temperature(pm.LinearRegression(*one), pm.Normal(10.0), method="monte-carlo", samples=400, rng=0), ()


def layers(one, two):
    X, y = one
    network = pm.Network((X - X.mean(axis=0)) / X.std(axis=0), y, hidden=(4, 3))
    return [*pm.heat_engine(network, pm.LecunNormal()).layers], ("layer", "widths")


def engine(one, two):
    X, y = one
    return pm.heat_engine(pm.Network((X - X.mean(axis=0)) / X.std(axis=0), y, hidden=(4, 3)), pm.LecunNormal()), ()


def shift(one, two):
    return pm.shift(one, two, model=pm.LinearRegression(*one), resamples=99, rng=0), ()


def parts(one, two):
    found = pm.mix(pm.LinearRegression(*one), pm.LinearRegression(*two), pm.Normal(10.0))
    return [found.a, found.b, found.mixed], ("data", "rows", "limit", "heat")  # rows_a, limit_a, heat_a ...


def pooling(one, two):
    return pm.mix(pm.LinearRegression(*one), pm.LinearRegression(*two), pm.Normal(10.0)), ()


COMMANDS = [
    ("temperature {0} --target y", 0, temperature),
    ("temperature {0} --target y --method monte-carlo --samples 400", 0, monte_carlo),
    ("network {0} --target y --hidden 4,3", 0, layers),
    ("network {0} --target y --hidden 4,3", 1, engine),
    ("shift {0} {1} --target y --resamples 99", 0, shift),
    ("mix {0} {1} --target y", 0, parts),
    ("mix {0} {1} --target y", 1, pooling),
]


@pytest.mark.parametrize(("command", "which", "made_by"), COMMANDS)
def test_every_key_is_a_name_of_the_python_result(run, case, command, which, made_by):
    (first, *one), (second, *two) = case
    ask = command.format(first, second).split()
    table = json.loads(run(*ask, "--format", "json").stdout, parse_constant=pytest.fail)["tables"][which]
    results, extra = made_by(tuple(one), tuple(two))
    results = results if isinstance(results, list) else [results]
    assert len(table["rows"]) == len(results)
    for row, result in zip(table["rows"], results, strict=True):
        assert list(row) == table["columns"]
        for key in (key for key in row if key not in extra):
            value = attrgetter(key)(result)
            if isinstance(value, bool) and isinstance(row[key], str):
                assert row[key] == ("yes" if value else "no")
            elif isinstance(value, float):
                told = math.nan if row[key] is None else row[key]
                assert told == pytest.approx(value, rel=1e-9, abs=1e-9, nan_ok=True), key
            else:
                assert row[key] == (" ".join(value) if isinstance(value, tuple) else value), key
    assert set(table["units"]) <= set(table["columns"])


def test_csv_has_the_keys_of_json(run, case):
    (first, *_), (second, *_) = case
    for command in {command for command, *_ in COMMANDS}:
        ask = command.format(first, second).split()
        rows = list(csv.DictReader(io.StringIO(run(*ask, "--format", "csv").stdout)))
        tables = json.loads(run(*ask, "--format", "json").stdout)["tables"]
        known = {key for table in tables for key in table["columns"]}
        assert set(rows[0]) <= known
        assert set(tables[0]["columns"]) <= set(rows[0])


def test_every_number_of_a_temperature_is_written(run, case):
    """No attribute of the results is lost on the way."""
    (first, *one), (second, *two) = case
    for command, which, made_by in COMMANDS[:5]:
        row = json.loads(run(*command.format(first, second).split(), "--format", "json").stdout)["tables"][which]
        results, _ = made_by(tuple(one), tuple(two))
        result = results[0] if isinstance(results, list) else results
        single = {name for name, value in vars(result).items() if isinstance(value, (bool, int, float, str))}
        single -= {"network", "law"}  # what it is of, which the provenance has
        assert single <= set(row["columns"])


def test_the_gain_of_a_layer_is_that_of_python(run, case):
    ((first, *one), _) = case
    for hidden in ("5", "5,4", "3,4,5"):
        answer = json.loads(run("network", first, "--target", "y", "--hidden", hidden, "--format", "json").stdout)
        rows = answer["tables"][0]["rows"]
        X, y = one
        widths = [int(word) for word in hidden.split(",")]
        network = pm.Network((X - X.mean(axis=0)) / X.std(axis=0), y, hidden=widths)
        made = pm.heat_engine(network, pm.LecunNormal()).layers
        np.testing.assert_allclose([row["gain"] for row in rows[:-1]], made.gain, rtol=1e-9)
        np.testing.assert_allclose(made.gain, made.energy[1:] / made.energy[:-1], rtol=1e-12)
        assert (rows[-1]["gain"], "gain" in answer["provenance"]) == (None, False)
        assert answer["provenance"]["factor"] == 1.0
        for row, layer in zip(rows, made, strict=True):
            assert layer.gain == pytest.approx(np.nan if row["gain"] is None else row["gain"], nan_ok=True)


@pytest.mark.parametrize("hidden", ["", "4", "8,8"])
def test_the_default_of_every_law_has_a_temperature(run, case, hidden):
    """That of uniform layers was a length of 1, whose entropy is 0."""
    ((first, *_), _) = case
    for init in ("normal", "uniform"):
        ask = ("network", first, "--target", "y", "--hidden", hidden, "--init", init, "--activation", "relu")
        result = run(*ask, "--format", "json")
        assert result.exit_code == 0, result.stderr
        answer = json.loads(result.stdout)
        assert answer["tables"][1]["rows"][0]["verdict"] == "ok"
        width = answer["provenance"]["length" if init == "uniform" else "scale"]
        assert width == (6.0 if init == "uniform" else 1.0)
        assert json.loads(run(*ask, "--scale", 2, "--format", "json").stdout)["provenance"] != answer["provenance"]


def test_a_sweep_takes_the_method_that_exists(run, case, tmp_path):
    """By default "auto", as `temperature` does: one sweep may have systems with formulas and others without."""
    ((first, *one), _) = case
    systems = {"line": pm.LinearRegression(*one), "net": pm.Network(*one, hidden=(3,), activation="tanh")}
    table = pm.sweep(systems, pm.Uniform(6.0), samples=400, rng=0)
    assert table["method"].tolist() == ["exact", "monte-carlo"]
    assert table == pm.sweep(systems, pm.Uniform(6.0), method="auto", samples=400, rng=0)
    for method in ("exact", ("exact", "monte-carlo")):
        line = {"line": systems["line"]}
        new = pm.sweep(line, pm.Normal(6.0), method=method, samples=400, rng=0)
        assert new == pm.sweep(line, pm.Normal(6.0), methods=method, samples=400, rng=0)  # the name before
    with pytest.raises(ValueError, match="methods is the former name of method, got both: 'exact' and 'auto'"):
        pm.sweep(systems, pm.Uniform(6.0), method="exact", methods="auto")
    with pytest.raises(ValueError, match="method must be at least one method, got none"):
        pm.sweep(systems, pm.Uniform(6.0), method=())
    system = f'{{data = "{first}", target = "y", hidden = [3]}}'
    for line in ("", 'method = "auto"\n', 'methods = ["auto"]\n'):
        config = f'output = "out.json"\nsamples = 400\n{line}systems.net = {system}\n'
        (tmp_path / "sweep.toml").write_text(config + 'laws.u = {kind = "Uniform", length = 6.0}\n')
        assert run("sweep", tmp_path / "sweep.toml").exit_code == 0
        (row,) = json.loads((tmp_path / "out.json").read_text())["rows"]
        assert (row["method"], row["temperature"]) == ("monte-carlo", pytest.approx(table["temperature"][1], rel=1e-9))
        (tmp_path / "out.json").unlink()
    (tmp_path / "sweep.toml").write_text(f'method = "exact"\n{config}laws.u = {{kind = "Uniform", length = 6.0}}\n')
    assert "methods is the former name of method" in one_line(run("sweep", tmp_path / "sweep.toml"))
