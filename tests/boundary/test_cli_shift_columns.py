"""``pyrometer shift`` of files with categories and missing values, of predictions, and of columns alone."""

import json

import numpy as np
import pandas as pd
import pytest

import pyrometer as pm


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Two files whose cities differ."""
    folder, made = tmp_path_factory.mktemp("columns"), []
    for name, m, seed in (("before", 200, 0), ("after", 150, 1)):
        rng = np.random.default_rng(seed)
        frame = pd.DataFrame({"city": rng.choice(["Oslo", "Moss"], m), "x": rng.normal(size=m)})
        frame["gaps"] = np.where(rng.random(m) < 0.2, np.nan, rng.normal(size=m))
        frame["y"] = frame["x"] + rng.normal(size=m)
        frame["guess"] = frame["x"]
        frame.loc[rng.random(m) < 0.1, "city"] = None
        if seed:
            frame.loc[:50, "city"] = "Bodo"
        frame = frame.sample(frac=1.0, random_state=seed, ignore_index=True)  # sorted rows are dependent
        frame.to_csv(folder / f"{name}.csv", index=False)
        frame.to_parquet(folder / f"{name}.parquet")
        made.append(frame)
    return folder, *made


def tables(result):
    assert result.exit_code == 0, result.stderr
    made = json.loads(result.stdout, parse_constant=pytest.fail)
    return made["tables"][0]["rows"][0], made["tables"][1]["rows"], made["provenance"]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_categories_and_missing_values(run, files, suffix):
    folder, before, after = files
    ask = ("shift", folder / f"before.{suffix}", folder / f"after.{suffix}", "--target", "y")
    row, columns, about = tables(run(*ask, "--drop", "guess", "--format", "json"))
    trained = pm.LinearRegression(before[["x"]], before["y"])
    model = [
        part["y"] * 0.0 + pm.minimum_energy(trained).parameters @ [part["x"], 1.0 + 0.0 * part["x"]]
        for part in (before, after)
    ]
    X = [part[["city", "x", "gaps"]] for part in (before, after)]
    found = pm.shift((X[0], before["y"]), (X[1], after["y"]), prediction=model, energy="mse", rng=0)
    assert (row["p_value"], row["verdict"]) == (found.p_value, "shifted")
    assert row["divergence"] == pytest.approx(found.divergence, rel=1e-9)
    assert [each["column"] for each in columns] == list(found.columns["column"])
    assert (columns[0]["column"], columns[0]["category"]) == ("city", "Bodo")
    assert about["model"] == "of the complete columns of numbers, x"


def test_predictions_and_columns_alone(run, files, tmp_path):
    folder, before, after = files
    ask = ("shift", folder / "before.csv", folder / "after.csv", "--format", "json")
    row, _, about = tables(run(*ask, "--target", "y", "--prediction", "guess"))
    expected = [np.mean((part["y"] - part["guess"]) ** 2) for part in (before, after)]
    assert row["energy_change"] == pytest.approx(expected[1] - expected[0], rel=1e-9)
    assert about["prediction"] == "guess"
    row, columns, _ = tables(run(*ask, "--energy", "none", "--drop", "y,guess"))
    found = pm.shift(before[["city", "x", "gaps"]], after[["city", "x", "gaps"]], rng=0)
    assert (row["p_value"], row["energy_change"]) == (found.p_value, None)
    assert [each["column"] for each in columns] == list(found.columns["column"])
    picture = tmp_path / "moved.svg"
    shown = run(*ask[:3], "--energy", "none", "--drop", "y,guess", "--plot", picture)
    assert "Columns, 4 of 4, the clearest change first" in shown.stdout
    assert "city: divergence" in picture.read_text() or picture.stat().st_size > 1000


def test_whether_to_retrain(run, tmp_path):
    for name, seed, slope, mean in (("before", 0, 1.0, 0.0), ("moved", 1, 1.0, 1.0), ("other", 2, 2.0, 0.0)):
        rng = np.random.default_rng(seed)
        x = rng.normal(mean, 1.0, size=200)
        pd.DataFrame({"x": x, "y": slope * x + rng.normal(size=200)}).to_csv(tmp_path / f"{name}.csv", index=False)
    for name, said in (
        ("moved", "No need: the data have moved, and one model"),
        ("other", "Yes: one model does not hold"),
    ):
        result = run(
            "shift", tmp_path / "before.csv", tmp_path / f"{name}.csv", "--target", "y", env={"COLUMNS": "300"}
        )
        assert f"Retrain? {said}" in " ".join(result.stdout.split())


def test_what_is_refused(run, files):
    folder, *_ = files
    ask = ("shift", folder / "before.csv", folder / "after.csv")
    for options, said in (
        (("--target", "y", "--prediction", "nope"), "has no column 'nope'; it has"),
        (("--target", "nope"), "has no column 'nope'"),
        ((), "Missing option '--target'"),
        (("--target", "y", "--energy", "none", "--labels", "0", "1"), "--labels are for --energy ce"),
    ):
        result = run(*ask, *options)
        assert result.exit_code == 2
        assert said in result.stderr


def test_why_there_is_no_temperature_and_that_single_columns_moved(run, tmp_path):
    """Without a model the entropy may change, and is not the reason; a column is named where the joint test accepts."""
    rng = np.random.default_rng(0)
    found = pm.shift(rng.normal(size=(300, 1)), 3.0 * rng.normal(size=(300, 1)), model=None, rng=0)
    assert abs(found.entropy_change) > 10.0 * found.entropy_change_error
    assert "T is undefined: there is no energy without a model." in " ".join(repr(found).split())
    rng = np.random.default_rng(2)
    samples = [rng.normal(size=(60, 20)) for _ in range(2)]
    samples[1][:, 3] += 0.9
    for name, x in zip(("old", "new"), samples, strict=True):
        pd.DataFrame(x, columns=[f"c{k}" for k in range(20)]).to_csv(tmp_path / f"{name}.csv", index=False)
    result = run("shift", tmp_path / "old.csv", tmp_path / "new.csv", "--energy", "none")
    assert "Not shifted" in result.stdout
    assert "that of single columns does: c3 moved" in " ".join(result.stdout.split())


@pytest.mark.parametrize("energy", ["none", "mse", "numbers"])
def test_weights_are_a_column_that_is_no_feature(run, files, tmp_path, energy):
    _, before, after = files
    weights = [np.arange(len(frame)) % 3 + 0.5 for frame in (before, after)]
    for name, frame, heavy in zip(("before", "after"), (before, after), weights, strict=True):
        frame.assign(heavy=heavy).to_csv(tmp_path / f"{name}.csv", index=False)
    if energy == "numbers":
        options = ["--target", "y", "--columns", "x", "--plot", tmp_path / "plot.png"]
        model = pm.LinearRegression(before[["x"]], before["y"], weights=weights[0])
        pair = [(frame[["x"]], frame["y"]) for frame in (before, after)]
        found = pm.shift(*pair, model=model, weights=weights, rng=0)
    elif energy == "mse":
        options = ["--target", "y", "--prediction", "guess"]
        pair = [(frame.drop(columns="y"), frame["y"]) for frame in (before, after)]
        found = pm.shift(*pair, prediction="guess", energy="mse", weights=weights, rng=0)
    else:
        options = ["--energy", "none", "--drop", "guess", "--plot", tmp_path / "plot.png"]
        found = pm.shift(before.drop(columns="guess"), after.drop(columns="guess"), weights=weights, rng=0)
    ask = ("shift", tmp_path / "before.csv", tmp_path / "after.csv", "--weights", "heavy", "--format", "json")
    row, columns, about = tables(run(*ask, *options))
    assert row["p_value"] == found.p_value
    assert row["divergence"] == pytest.approx(found.divergence, rel=1e-9)
    assert [each["column"] for each in columns] == list(found.columns["column"])
    assert about["weights"] == "heavy"


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("energy", ["mse", "mae", "ce", "softmax"])
def test_booleans_and_columns_of_text_have_one_meaning_in_every_route(run, tmp_path, energy, intercept):
    """The files have an outlier of probability 0 in doubles, and columns of numbers, booleans and perhaps text.

    Without an intercept, a column of the same number is one.
    """
    rng, parts = np.random.default_rng(7), []
    for _ in range(2):
        x, flag = rng.normal(size=80), rng.random(80) < 0.4
        score = 2.0 * x + flag
        noise = rng.logistic(size=80)
        y = (score + noise > 0).astype(int) if energy in ("ce", "softmax") else score + noise
        parts.append(pd.DataFrame({"x": x, "flag": flag, "same": 2.0, "y": y}))
    parts[1].loc[0, "x"], parts[1].loc[0, "y"] = 900.0, 0
    kind = {"ce": pm.LogisticRegression, "softmax": pm.SoftmaxRegression}.get(energy, pm.LinearRegression)
    frames = [part[["x", "flag", "same"]] for part in parts]
    options = {"intercept": intercept} | ({"energy": energy} if kind is pm.LinearRegression else {})
    model = kind(frames[0], parts[0]["y"], **options)
    rows = [(frame, part["y"]) for frame, part in zip(frames, parts, strict=True)]
    expected = pm.shift(*rows, model=model, rng=0, resamples=99)
    law = pm.Normal(10.0)
    monitor = pm.RefreshMonitor(rows[0], model, law=law, rng=0)
    reading = monitor.update(*rows[1]).reading
    system = pm.temperature(kind(frames[1], parts[1]["y"], **options), law).value
    assert reading.temperature == pytest.approx(system, rel=1e-9)
    for text in (False, True):
        files = []
        for name, part in zip(("old", "new"), parts, strict=True):
            files.append(tmp_path / f"{name}.csv")
            (part.assign(text="same") if text else part).to_csv(files[-1], index=False)
        chosen = ("--target", "y", "--energy", energy, "--format", "json", *["--no-intercept"][intercept:])
        found = json.loads(run("shift", *files, *chosen, "--resamples", "99").stdout)["tables"][0]["rows"][0]
        for name in ("energy_change", "entropy_change", "divergence", "energy_change_error"):
            assert found[name] == pytest.approx(getattr(expected, name), rel=1e-9, abs=1e-12), name
        found = json.loads(run("monitor", *files, *chosen).stdout)["tables"][0]["rows"][0]
        assert found["energy"] == pytest.approx(expected.after.energy, rel=1e-9)
        if energy != "softmax":
            assert found["temperature"] == pytest.approx(system, rel=1e-9)
