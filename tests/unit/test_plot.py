"""What pictures show: data, labels, limits and styles, not pixels."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest

import pyrometer as pm

mpl.use("agg")
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(80, 3)), RNG.normal(size=80) + 1.0
LINE = pm.LinearRegression(X, Y)


def lines(ax):
    return {line.get_label(): line for line in ax.get_lines()}


def lightness(color):
    red, green, blue = to_rgb(color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def engine(widths=(256, 256), law=None, activation="relu"):
    return pm.heat_engine(pm.Network(X, Y, hidden=widths, activation=activation), law or pm.HeNormal())


def test_temperature_against_scale():
    ax = pm.plot.temperature(LINE, pm.Normal(2.0), factors=np.logspace(-2, 3, 101))
    scales = 2.0 * np.logspace(-2, 3, 101)
    drawn = lines(ax)
    hot = pm.temperature(LINE, pm.Normal(scales[:, None]))
    for name, sign in (("T, exact", 1.0), ("-T, T < 0", -1.0)):
        x, y = drawn[name].get_data()
        np.testing.assert_allclose(x, scales)
        np.testing.assert_allclose(y, np.where(sign * hot.value > 0, sign * hot.value, np.nan))
    np.testing.assert_allclose(drawn["marginal, dE/dS"].get_ydata(), hot.marginal)
    # A normal parameter has no entropy at the deviation 1 / sqrt(2 pi e).
    assert drawn["pole: S = 0"].get_xdata()[0] == pytest.approx(1.0 / math.sqrt(2.0 * math.pi * math.e))
    for method in ("refined", "asymptotic"):
        limit = pm.temperature(LINE, pm.Normal(scales[-1]), method=method).value
        assert drawn[f"limit, {method}"].get_ydata()[-1] == pytest.approx(limit)
    assert (ax.get_xscale(), ax.get_yscale(), ax.get_xlim()) == ("log", "log", (scales[0], scales[-1]))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("standard deviation σ", "temperature (loss/nat)")
    assert "LinearRegression" in ax.get_title()
    shaded = {patch.get_label(): patch.get_extents() for patch in ax.patches}
    assert set(shaded) == {"near-pole", "negative-entropy"}


@pytest.mark.parametrize(
    ("law", "label"),
    [
        (pm.Uniform(1.0), "length L"),
        (pm.TruncatedNormal(1.0, bound=1.5), "standard deviation σ"),
        (pm.Mixed([1.0, 1.0], [2.0, 3.0]), "first standard deviation σ"),
        (pm.Normal([1.0, 2.0, 3.0, 4.0]), "first standard deviation σ"),
    ],
)
def test_laws_whose_scales_are_multiplied(law, label):
    ax = pm.plot.temperature(LINE, law, factors=[10.0, 20.0])
    assert ax.get_xlabel() == label
    assert lines(ax)["T, exact"].get_ydata()[0] == pytest.approx(
        pm.temperature(LINE, type(law)(**{k: v if k == "bound" else 10.0 * v for k, v in vars(law).items()})).value
    )


def test_temperature_of_a_network():
    ax = pm.plot.temperature(pm.Network(X, Y, hidden=(8,), activation="relu"), pm.HeNormal(), factors=[1.0, 2.0, 4.0])
    assert ax.get_xlabel() == "gain"
    assert ax.get_title() == "Network 3-8-1 relu, 80 rows"


@pytest.mark.parametrize(
    ("law", "options", "error", "message"),
    [
        (pm.Normal([[1.0], [2.0]]), {}, ValueError, "law must be a single one"),
        (pm.Constant(1.0), {}, TypeError, "law must have a scale"),
        (pm.Layers(pm.HeNormal()), {}, TypeError, "law must have a scale"),
        ("normal", {}, TypeError, "law must have a scale"),
        (pm.Normal, {}, TypeError, "law must have a scale"),
        (pm.Normal(1.0), {"factors": [1.0]}, ValueError, "factors must be"),
        (pm.Normal(1.0), {"factors": [2.0, 1.0]}, ValueError, "factors must be"),
        (pm.Normal(1.0), {"factors": [0.0, 1.0]}, ValueError, "factors must be"),
        (pm.Normal(1.0), {"factors": [1.0, math.nan]}, ValueError, "factors must be"),
        (pm.Normal(1.0), {"factors": "wide"}, TypeError, "factors must be numeric"),
        (pm.Normal(1.0), {"ax": 3}, TypeError, "ax must be matplotlib Axes"),
        (pm.Normal(1.0), {"method": "best"}, ValueError, "method must be"),
    ],
)
def test_bad_arguments_of_temperature(law, options, error, message):
    with pytest.raises(error, match=message):
        pm.plot.temperature(LINE, law, **options)


def test_spectrum():
    ax = pm.plot.spectrum(LINE, pm.Normal(1.0), samples=500, rng=1)
    energies = pm.sample_energies(LINE, pm.Normal(1.0), samples=500, rng=1)
    mean, least = (line.get_xdata()[0] for line in ax.get_lines())
    assert mean == pm.mean_energy(LINE, pm.Normal(1.0)).value
    assert least == pm.minimum_energy(LINE).value
    left, right = ax.patches[0].get_x(), ax.patches[-1].get_x() + ax.patches[-1].get_width()
    assert (left, right) == (pytest.approx(energies.min()), pytest.approx(energies.max()))
    assert sum(patch.get_height() * patch.get_width() for patch in ax.patches) == pytest.approx(1.0)
    network = pm.plot.spectrum(pm.Network(X, Y, hidden=(3, 3), activation="relu"), pm.Normal(10.0), samples=200)
    assert network.get_xlabel() == "common logarithm of the energy (loss)"
    assert len(network.get_lines()) == 1
    with pytest.raises(ValueError, match="single ones"):
        pm.plot.spectrum(LINE, pm.Normal([[1.0], [2.0]]))


def test_layers_show_the_last_of_a_wide_network_and_the_fiftieth_of_a_deep_one():
    for widths, gain_of in (((256, 256), 1.0), ((64,) * 49, 1.2), ((64,) * 49, 0.5)):
        made, layers = engine(widths, pm.HeNormal(gain=gain_of)), len(widths) + 1
        energy, temperature, gain = pm.plot.layers(made)
        per_unit = made.layers.energy / made.layers.units
        np.testing.assert_allclose(energy.get_lines()[0].get_ydata(), per_unit)
        low, high = energy.get_ylim()
        assert (per_unit > low * 1.5).all()
        assert (per_unit < high / 1.5).all()
        assert {ax.get_yscale() for ax in (energy, temperature, gain)} == {"log"}
        assert energy.get_xlim() == (0.5, layers + 0.5)
        shown = np.concatenate([line.get_ydata() for line in temperature.get_lines()])
        np.testing.assert_allclose(np.sort(shown), np.sort(np.abs(made.layers.temperature)))
        negative = lines(temperature)["negative: size"].get_ydata()
        np.testing.assert_allclose(negative, -made.layers.temperature[made.layers.temperature < 0])
        np.testing.assert_allclose(gain.get_lines()[1].get_ydata(), per_unit[1:] / per_unit[:-1])
        assert "relu, HeNormal" in energy.get_title()
        assert [ax.get_ylabel() for ax in (energy, temperature, gain)] == [
            *("energy per unit (loss)", "temperature (loss/nat)", "gain per unit"),
        ]


def test_layers_without_a_number():
    network = pm.Network(X, Y, hidden=(4, 4), bias=True)
    law = pm.Layers([pm.HeNormal(), pm.HeNormal(), pm.Constant(0.0)])
    _, temperature, _ = pm.plot.layers(pm.heat_engine(network, law))
    assert [text.get_text() for text in temperature.texts][-1] == "undefined"
    with np.errstate(all="ignore"):
        still = pm.heat_engine(network, pm.Layers([pm.Constant(0.0)] * 3))
    for ax in pm.plot.layers(still)[:2]:
        assert "no finite value but 0" in [text.get_text() for text in ax.texts]


def test_axes_that_are_given():
    made = engine()
    figure = Figure()
    ax = figure.subplots()
    assert pm.plot.layers(made, ax=ax) == (ax,)
    assert made.plot(ax=ax) == (ax,)
    three = figure.subplots(3, 1)
    assert pm.plot.layers(made, ax=three) == tuple(three)
    assert plt.get_fignums() == []
    assert len(made.plot()) == 3
    assert len(plt.get_fignums()) == 1
    for bad, error in ((three[:2], ValueError), (3, (TypeError, ValueError)), ("ax", (TypeError, ValueError))):
        with pytest.raises(error, match="ax must be"):
            pm.plot.layers(made, ax=bad)
    with pytest.raises(TypeError, match="engine must be"):
        pm.plot.layers(LINE)
    with pytest.raises(ValueError, match=r"a batch of shape \(2,\)"):
        pm.plot.layers(engine(law=pm.HeNormal(gain=[1.0, 2.0])))


def test_compare():
    engines = {"He": engine(), "$deep$": engine((32,) * 20), "one": engine(())}
    ax = pm.plot.compare(engines)
    for (name, made), line in zip(engines.items(), ax.get_lines(), strict=True):
        assert line.get_label() == name.replace("$", r"\$")
        np.testing.assert_allclose(line.get_ydata(), made.layers.energy / made.layers.units)
    styles = {(line.get_linestyle(), line.get_marker()) for line in ax.get_lines()}
    assert len(styles) == 3
    for bad, error in (({}, ValueError), ([engine()], TypeError), ({"a": LINE}, TypeError)):
        with pytest.raises(error, match="engines"):
            pm.plot.compare(bad)


def test_many_engines_are_told_apart():
    ax = pm.plot.compare({f"engine {k}": engine((8 + k,)) for k in range(30)})
    assert len({(line.get_color(), line.get_marker()) for line in ax.get_lines()}) == 30
    ax.figure.canvas.draw()
    box, page = ax.get_legend().get_window_extent(), ax.figure.bbox
    assert page.y0 <= box.y0 <= box.y1 <= page.y1
    assert page.x0 <= box.x0 <= box.x1 <= page.x1


def test_a_law_of_other_parameters_is_refused_with_its_own_shape():
    with pytest.raises(ValueError, match=r"got shape \(50,\)"):
        pm.plot.temperature(LINE, pm.Normal(np.ones(50)))


def test_colours_differ_in_grey():
    from pyrometer.plot._axes import STYLES

    grey = [lightness(style.color) for style in STYLES[:4]]
    assert len({style.marker for style in STYLES}) == len({str(style.linestyle) for style in STYLES}) == len(STYLES)
    assert max(grey) - min(grey) > 0.2


def batch(noise):
    x = RNG.normal(size=(300, 2))
    return x, x[:, 0] + noise * RNG.normal(size=300)


def test_shift_and_residuals():
    found = pm.shift(batch(1.0), batch(2.0), model=lambda X: X[:, 0], energy="mse", rng=0)
    ax = pm.plot.shift(found)
    assert ax.get_title() == f"shifted: p = {found.p_value:.3g} at the level 0.05"
    if getattr(found, "columns", None) is None:
        widths = [patch.get_width() for patch in ax.patches]
        assert widths[0] == pytest.approx(found.energy_change / found.energy_change_error)
        assert widths[2] == pytest.approx(found.divergence / found.divergence_error)
    else:
        assert sorted(patch.get_width() for patch in ax.patches) == pytest.approx(sorted(found.columns["divergence"]))
    values = {"before $a$": RNG.normal(size=100), "after": RNG.normal(size=50)}
    ax = pm.plot.residuals(values, target="price")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [r"before \$a\$", "after"]
    assert ax.get_xlabel() == "price minus its prediction"
    for bad, error in (({}, ValueError), ({"a": []}, ValueError), ({"a": [math.nan]}, ValueError), ([1.0], TypeError)):
        with pytest.raises(error, match="residuals"):
            pm.plot.residuals(bad)
    with pytest.raises(TypeError, match="result must be a Shift"):
        pm.plot.shift(LINE)


def test_monitor():
    watched = pm.RefreshMonitor(batch(1.0), lambda X: X[:, 0], energy="mse", law=pm.Normal(10.0), history=3, rng=0)
    with pytest.raises(ValueError, match="at least one reading"):
        pm.plot.monitor(watched)
    for noise in (1.0, 1.0, 1.0, 3.0):
        watched.update(*batch(noise))
    drawn = pm.plot.monitor(watched)
    for ax, name in zip(drawn, ("energy", "entropy", "temperature"), strict=False):
        x, y = ax.get_lines()[0].get_data()
        assert x.tolist() == [2, 3, 4]
        assert y.tolist() == [getattr(reading, name) for reading in watched.readings]
    assert drawn[0].get_lines()[1].get_ydata()[0] == watched.reference.energy
    assert any(line.get_ydata()[0] == watched.level for line in drawn[3].get_lines())
    alarms = [number for number, reading in zip((2, 3, 4), watched.readings, strict=True) if reading.alarm]
    assert alarms == [4]
    for ax in drawn:
        assert [line.get_xdata()[0] for line in ax.get_lines() if len(set(line.get_xdata())) == 1][-1] == 4
    assert [text.get_text() for text in drawn[0].get_legend().get_texts()] == ["reference"]
    assert drawn[3].get_xlabel() == "batch (vertical lines: alarms; shaded: where the change began)"
    assert len(pm.plot.monitor(watched, ax=plt.subplots()[1])) == 1
    with pytest.raises(TypeError, match="monitor must be"):
        pm.plot.monitor(3)


def test_mixture():
    systems = pm.LinearRegression(X[:40], Y[:40]), pm.LinearRegression(X[40:], 3.0 * Y[40:])
    mixture = pm.mix(*systems, pm.Normal(10.0))
    ax = pm.plot.mixture(mixture, names=("old", "new"))
    exact, limit = ax.get_lines()
    assert exact.get_ydata().tolist() == [mixture.a.value, mixture.mixed.value, mixture.b.value]
    assert limit.get_ydata().tolist() == [mixture.limit_a, mixture.limit_mixed, mixture.limit_b]
    assert f"p = {mixture.p_value:.3g}" in ax.get_title()
    with pytest.raises(ValueError, match="of one law"):
        pm.plot.mixture(pm.mix(*systems, pm.Normal([[1.0], [2.0]])))
    for names in ("ab", ("a",), ()):
        with pytest.raises((TypeError, ValueError), match="names must be"):
            pm.plot.mixture(mixture, names=names)
    with pytest.raises(TypeError, match="mixture must be"):
        pm.plot.mixture(LINE)


def test_path():
    path = pm.training_path(LINE, pm.Normal([[1.0], [5.0]]), np.linspace(0.0, 1.0, 20))
    energy, temperature = pm.plot.path(path)
    assert len(energy.get_lines()) == 2
    np.testing.assert_allclose(energy.get_lines()[1].get_ydata(), path.energy[1] - path.minimum_energy)
    np.testing.assert_allclose(temperature.get_lines()[0].get_ydata(), path.temperature[0])
    steps = pm.training_path(LINE, pm.Normal(1.0), [0, 1, 2], learning_rate=0.01)
    assert pm.plot.path(steps)[1].get_xlabel() == "steps"
    with pytest.raises(TypeError, match="path must be"):
        pm.plot.path(LINE)


def test_path_of_one_time_has_points():
    single = pm.plot.path(pm.training_path(LINE, pm.Normal(1.0), [0.0]))
    assert all(ax.get_lines()[0].get_marker() == "o" for ax in single)


@pytest.mark.parametrize(
    ("temperatures", "scale", "name"),
    [
        ([1e9, 1.0, 1e-9], "log", "T = dE/dS (loss/nat)"),
        ([-1e9, -1.0, -1e-9], "log", "-T = -dE/dS (loss/nat)"),
        ([-1e9, 1.0, 1e9], "symlog", "T = dE/dS (loss/nat)"),
        ([-2.0, 1.0, np.nan], "linear", "T = dE/dS (loss/nat)"),
        ([np.nan] * 3, "linear", "T = dE/dS (loss/nat)"),
    ],
)
def test_temperatures_of_a_path_of_any_sign(temperatures, scale, name):
    path = pm.training_path(LINE, pm.Normal(1.0), [0.0, 1.0, 2.0])
    ax = pm.plot.path(replace(path, temperature=np.array(temperatures)))[1]
    ax.figure.canvas.draw()
    assert (ax.get_yscale(), ax.get_ylabel()) == (scale, name)
    np.testing.assert_array_equal(
        ax.get_lines()[0].get_ydata(), np.array(temperatures) * (-1.0) ** name.startswith("-")
    )


@pytest.mark.parametrize(
    ("times", "scale"),
    [
        ([0.0, *np.geomspace(1e-6, 1e4, 30)], "log"),
        (np.geomspace(1.0, 1e3, 10), "log"),
        (np.linspace(0.0, 1e5, 30), "linear"),
        (np.geomspace(1.0, 100.0, 10), "linear"),
        ([0.0, 1e9], "linear"),
        ([0.0, 1e-250, 1.0, 1e10, 1e279], "linear"),
    ],
)
def test_times_of_a_path_over_decades_have_a_logarithmic_axis(times, scale):
    for ax in pm.plot.path(pm.training_path(LINE, pm.Normal(1.0), times)):
        assert ax.get_xscale() == scale
        ax.figure.canvas.draw()
    if scale == "log":
        steps = np.unique(np.geomspace(1, 1e6, 40).astype(int))
        energy, temperature = pm.plot.path(pm.training_path(LINE, pm.Normal(1.0), [0, *steps], learning_rate=0.01))
        assert energy.get_xscale() == temperature.get_xscale() == "log"
        energy.figure.canvas.draw()


def test_sweep():
    systems = {"line": LINE, "$m$": pm.LinearRegression(X, Y, energy="mae")}
    table = pm.sweep(systems, {"n": pm.Normal([[0.1], [1.0], [9.0]])})
    ax = pm.plot.sweep(table)
    T = np.array([row["temperature"] for row in table]).reshape(2, 3)
    np.testing.assert_allclose(ax.get_images()[0].get_array(), np.log10(np.abs(T)))
    assert [text.get_text() for text in ax.get_yticklabels()] == ["line", r"\$m\$"]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["n[0]", "n[1]", "n[2]"]
    assert len(ax.texts) == (T < 0).sum() == 2
    assert ax.get_title() == "\N{MINUS SIGN} negative"
    assert ax.figure.axes[1].get_ylabel() == "common logarithm of |temperature| (loss/nat)"
    for bad, error in ((3, TypeError), (pm.Table("t", {"x": [1.0]}), ValueError)):
        with pytest.raises(error, match="table must"):
            pm.plot.sweep(bad)
    for value in ("verdict", "nothing"):
        with pytest.raises(ValueError, match="table must have"):
            pm.plot.sweep(table, value)


def test_figures_can_be_drawn(tmp_path):
    for number, ax in enumerate((pm.plot.layers(engine())[0], pm.plot.temperature(LINE, pm.Normal(1.0)))):
        ax.figure.savefig(tmp_path / f"{number}.png", dpi=30)


def test_drift():
    rng, time, states = np.random.default_rng(0), np.arange(8.0), []
    for t in time:
        x = rng.normal(size=(300, 1))
        y = x[:, 0] + (1.0 + 0.3 * max(t - 3.0, 0.0)) * rng.normal(size=300)
        states.append(pm.DataState(x, y, model=lambda X: X[:, 0], energy="mse"))
    found = pm.drift(time, states, bandwidth=1.5, rng=0)
    assert set(found.verdict.tolist()) == {"ok", "undefined"}
    drawn = pm.plot.drift(found)
    for ax, name in zip(drawn, ("energy", "entropy"), strict=False):
        x, y = ax.get_lines()[0].get_data()
        assert x.tolist() == time.tolist()
        assert y.tolist() == getattr(found, name).tolist()
    line, band = lines(drawn[2])["T"], drawn[2].collections[0].get_paths()[0].vertices
    np.testing.assert_array_equal(line.get_ydata(), found.temperature)
    bottom, top = drawn[2].get_ylim()
    assert (
        bottom
        <= found.temperature[found.verdict == "ok"].min()
        <= found.temperature[found.verdict == "ok"].max()
        <= top
    )
    ends = np.array([found.temperature_low, found.temperature_high])
    bounded = np.flatnonzero((found.verdict == "ok") & np.isfinite(ends).all(axis=0))
    assert len(bounded)
    assert np.isfinite(band).all()  # without end elsewhere
    for place in bounded:
        for end in ends[:, place]:
            assert np.isclose(band, [time[place], np.clip(end, bottom, top)]).all(axis=1).any()
    for ax in drawn:
        assert len(ax.patches) == int((found.verdict != "ok").sum())
    assert drawn[2].get_xlabel() == "time"
    assert len(pm.plot.drift(found, ax=plt.subplots()[1])) == 1
    for bad in (3, None, states, found.temperature):
        with pytest.raises(TypeError, match="result must be a Drift"):
            pm.plot.drift(bad)
    with pytest.raises(TypeError, match="ax must be"):
        pm.plot.drift(found, ax=3)


def test_energies_that_differ_by_rounding_are_drawn():
    X = np.random.default_rng(0).normal(size=(30, 2))
    for scale in (1e-14, 1e-15, 1e-17):
        ax = pm.plot.spectrum(pm.LinearRegression(X, X[:, 0]), pm.Normal(scale), samples=100)
        low, high = ax.get_xlim()
        assert low < np.mean(X[:, 0] ** 2) < high


def test_columns_of_data_frames():
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    before = pandas.DataFrame({"a": rng.normal(size=60), "b": rng.choice(["x", "y"], 60)})
    after = before.assign(a=before["a"] + 2.0)
    table = pm.shift(before, after, model=None, rng=0).columns
    frames, mappings = (
        [[np.asarray(patch.get_xy()).tolist() for patch in ax.patches] for ax in axes]
        for axes in (
            pm.plot.columns(table, {"before": before, "after": after}),
            pm.plot.columns(table, {"before": before.to_dict("list"), "after": after.to_dict("list")}),
        )
    )
    assert frames == mappings
    assert len(frames) == 2


@pytest.mark.parametrize(
    "values", [(0.0, 5e-324), (1e-310, -3e-310), (1.0, 1.0 + 2.3e-16), (1e17, 1e17), (-1.7e308, 1.7e308), (0.0, 1e300)]
)
@pytest.mark.filterwarnings("error")
def test_columns_of_any_range(values):
    rng = np.random.default_rng(0)
    samples = {name: {"a": rng.choice(values, 60), "b": rng.normal(size=60)} for name in ("before", "after")}
    tables = [np.column_stack(list(sample.values())) for sample in samples.values()]
    table = pm.shift(*tables, model=None, rng=0).columns
    drawn = {"column 0": "a", "column 1": "b"}
    figure = pm.plot.columns(table, {s: {n: samples[s][c] for n, c in drawn.items()} for s in samples})[0].figure
    figure.canvas.draw()
    plt.close(figure)


def test_columns_whose_values_weigh_nothing():
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    before, after = (pandas.DataFrame({"a": rng.normal(size=60), "b": rng.normal(size=60)}) for _ in range(2))
    after.loc[::2, "b"] = np.nan
    table = pm.shift(before, after, model=None, rng=0).columns
    weights = {"after": np.isnan(after["b"]).astype(float)}
    axes = pm.plot.columns(table, {"before": before, "after": after}, weights=weights)
    assert {ax.get_title().split(":")[0]: len(ax.patches) for ax in axes} == {"a": 2, "b": 0}


@pytest.mark.parametrize("count", [1, 2, 3, 5, 9])
def test_ticks_of_counts_are_whole_numbers(count):
    watched = pm.RefreshMonitor(batch(1.0), lambda X: X[:, 0], energy="mse", rng=0)
    for _ in range(count):
        watched.update(*batch(1.0))
    system = pm.LinearRegression([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0])
    path = pm.training_path(system, pm.Normal(1.0), np.arange(count + 1.0), learning_rate=0.01)
    for drawn in (pm.plot.monitor(watched), pm.plot.path(path)):
        ticks = drawn[-1].get_xticks()
        assert np.array_equal(ticks, np.round(ticks))
        assert len(ticks)


def test_narrow_logarithmic_axes_have_more_than_one_label():
    net = pm.Network(np.eye(4), np.ones(4), hidden=(8, 6))
    for scale in (0.3, 1.7):
        drawn = pm.plot.layers(pm.heat_engine(net, pm.Normal(scale)))
        drawn[0].figure.canvas.draw()
        low, high = drawn[0].get_ylim()
        labels = [
            text.get_text()
            for minor in (False, True)
            for text, place in zip(drawn[0].get_yticklabels(minor=minor), drawn[0].get_yticks(minor=minor), strict=True)
            if low <= place <= high and text.get_text()
        ]
        assert len(labels) > 1
        assert all(float(text) > 0.0 for text in labels)  # all in one notation


@pytest.mark.parametrize("size", [(6.0, 4.0), (6.0, 2.0), (3.0, 2.0)])
@pytest.mark.parametrize(("least", "most"), [(-3, 3), (-130, 130), (0, 139), (-139, 0)])
def test_axes_over_hundreds_of_decades_are_drawn_without_warnings(size, least, most):
    figure, ax = plt.subplots(figsize=size, layout="constrained")
    pm.plot.temperature(LINE, pm.Normal(1.0), factors=np.logspace(least, most, 30), ax=ax)
    figure.canvas.draw()
    pickle.loads(pickle.dumps(figure)).canvas.draw()
    for axis, (low, high) in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, ax.get_ylim())):
        ticks = axis.get_majorticklocs()
        assert np.isfinite(ticks).all()
        assert (ticks > 0.0).all()
        assert ((low <= ticks) & (ticks <= high)).sum() >= 2
        np.testing.assert_allclose(np.log10(ticks), np.round(np.log10(ticks)), atol=1e-9)
    plt.close(figure)
