"""A monitor whose reference grows, serial dependence of its rows, and the beginning of a change."""

import json

import numpy as np
import polars as pl
import pytest

import pyrometer as pm


def line(X):
    return np.asarray(X)[:, 0]


def batch(rng, m=40, noise=1.0, mean=0.0):
    x = rng.normal(size=(m, 2))
    return x, x[:, 0] + mean + noise * rng.normal(size=m)


def autoregression(rng, m, phi):
    noise, y = rng.normal(size=m + 500), np.zeros(m + 500)
    for t in range(1, m + 500):
        y[t] = phi * y[t - 1] + noise[t]
    return y[500:] * np.sqrt(1.0 - phi**2)


def growing(rng, m=40, **options):
    return pm.RefreshMonitor(batch(rng, m), line, energy="mse", rng=0, grow=True, **options)


def test_batches_without_an_alarm_join_the_reference_which_then_detects_what_a_small_one_cannot():
    found = {}
    for grow in (False, True):
        rng = np.random.default_rng(7)
        monitor = pm.RefreshMonitor(batch(rng, 30), line, energy="mse", rng=0, grow=grow)
        for _ in range(32):
            assert not monitor.update(*batch(rng, 30)).alarm
        for _ in range(32):
            monitor.update(*batch(rng, 30, noise=1.5))
        found[grow] = monitor.event
    assert found[False] is None
    assert 33 <= found[True].batch <= 36
    assert abs(found[True].began - 33) <= 1
    assert found[True].earliest <= 33 <= found[True].latest


def test_false_alarms_of_a_growing_reference_are_as_rare_as_stated():
    rates = []
    for seed in range(25):
        rng = np.random.default_rng([seed, 5])
        monitor, alarms = growing(rng, 20, run_length=5, memory=4), 0
        for _ in range(16):
            alarms += monitor.update(*batch(rng, 20)).alarm
            monitor.reset()
        rates.append(alarms / 16)
    error = np.std(rates, ddof=1) / np.sqrt(len(rates))
    assert 0.03 < np.mean(rates) < 0.2 + 3.0 * error


def test_a_p_value_is_that_of_all_rows_before():
    rng = np.random.default_rng(3)
    rows = [batch(rng) for _ in range(4)] + [batch(rng, noise=1.6)]
    monitor = pm.RefreshMonitor(rows[0], line, energy="mse", rng=0, grow=True)
    for each in rows[1:]:
        found = monitor.update(*each)
    before = tuple(map(np.concatenate, zip(*rows[:-1], strict=True)))
    expected = pm.shift(before, rows[-1], model=line, energy="mse", resamples=3999, rng=1)
    assert found.energy_change == pytest.approx(expected.energy_change)
    assert found.entropy_change == pytest.approx(expected.entropy_change)
    assert found.divergence == pytest.approx(expected.divergence)
    assert abs(found.p_value - expected.p_value) < 4.5 * np.sqrt(expected.p_value / 1600) + 0.001


def test_rows_since_a_change_without_a_model():
    """They were lost."""
    rows = np.random.default_rng(0).normal(size=(300, 2))
    monitor = pm.RefreshMonitor(rows, None, rng=0)
    given = [rows + 5.0, rows + 6.0]
    for each in given:
        monitor.update(each)
    monitor.update(pm.DataState(rows + 7.0))
    since = monitor.since_change()
    assert all(x is rows for (x, _), rows in zip(since, given, strict=False))
    assert [y for _, y in since] == [None] * 3
    assert since[2] == (None, None)


def test_alarms_after_the_first_are_one_event_until_reset():
    rng = np.random.default_rng(2)
    monitor = growing(rng, 200)
    for _ in range(6):
        assert monitor.update(*batch(rng)).event is None
    with pytest.raises(ValueError, match="there has been no alarm"):
        monitor.since_change()
    given = [batch(rng, mean=1.5) for _ in range(4)]
    events = [monitor.update(*each, name=f"day {k}").event for k, each in enumerate(given)]
    assert {event.batch for event in events} == {7}
    assert [event.batches for event in events] == [1, 2, 3, 4]
    assert events[-1].rows == 160
    assert monitor.readings[-1].name == "day 3"
    assert monitor.readings[-1].columns[0] == "(residual)"
    since = monitor.since_change()
    assert all(a is b for pair, rows in zip(since, given, strict=True) for a, b in zip(pair, rows, strict=True))
    assert any(line.split()[:4] == ["change", "since", "batch", "7"] for line in repr(monitor).splitlines())
    assert any(line.split()[:2] == ["began", "7"] for line in repr(monitor.event).splitlines())
    fresh = tuple(map(np.concatenate, zip(*since, strict=True)))
    monitor.reset(fresh, model=lambda X: line(X) + 1.5)
    assert monitor.event is None
    assert monitor.reference.energy == pytest.approx(1.0, abs=0.3)
    assert not monitor.update(*batch(rng, mean=1.5)).alarm
    assert any(line.split() == ["change", "none"] for line in repr(monitor).splitlines())


def test_a_reset_without_a_reference_goes_on_with_the_old_one():
    rng = np.random.default_rng(4)
    monitor = growing(rng, 200)
    monitor.update(*batch(rng))
    monitor.update(*batch(rng, noise=4.0))
    assert monitor.event.batch == 2
    monitor.reset()
    assert monitor.event is None
    monitor.update(*batch(rng))
    assert monitor.update(*batch(rng, noise=4.0)).event.batch == 4
    with pytest.raises(ValueError, match="reference must be given with a model"):
        monitor.reset(model=line)
    with pytest.raises(ValueError, match="reference must have at least 8 blocks"):
        monitor.reset(batch(rng, 5))
    assert monitor.event.batch == 4


def mixed(rng, m, share):
    city = np.where(rng.random(m) < share, "b", "a")
    x = np.where(rng.random(m) < 0.1, np.nan, rng.normal(size=m))
    frame = pl.DataFrame({"x": x, "city": city}).with_columns(pl.col("x").fill_nan(None))
    return frame, rng.normal(size=m)


@pytest.mark.parametrize("grow", [False, True])
def test_categories_and_missing_values_saved_and_loaded_at_every_batch(tmp_path, grow):
    def model(X):
        return np.zeros(len(X))

    options = {"energy": "mse", "rng": 3, "grow": grow, "run_length": 20}
    rng = np.random.default_rng(6)
    reference = mixed(rng, 300, 0.3)
    whole, part = (pm.RefreshMonitor(reference, model, **options) for _ in range(2))
    for k in range(9):
        frame, y = mixed(rng, 60, 0.3 if k < 5 else 0.75)
        if k == 2:
            frame = frame.with_columns(city=pl.when(pl.int_range(60) == 7).then(pl.lit("new")).otherwise("city"))
        whole.update(frame, y)
        part.update(frame, y)
        part.save(tmp_path / "state")
        part = pm.RefreshMonitor.load(tmp_path / "state", model)
    assert str(part.readings) == str(whole.readings)
    assert part.event == whole.event
    assert whole.event.batch >= 6
    assert whole.readings[whole.event.batch - 1].columns[0] == "city"


@pytest.mark.parametrize("phi", [0.9, 0.98])
def test_the_correlation_time_is_that_of_the_autoregression(phi):
    times = []
    for seed in range(12):
        rng = np.random.default_rng([seed, 8])
        x, y = autoregression(rng, 3000, phi)[:, None], rng.normal(size=3000)
        state = pm.DataState(x, y, model=line, energy="mse", block="auto")
        times.append(state.correlation_time)
        assert 3.0 * 2.0 * phi / (1.0 - phi**2) < state.block < 12.0 * 2.0 * phi / (1.0 - phi**2)
    assert np.median(times) == pytest.approx((1.0 + phi) / (1.0 - phi), rel=0.2)


def test_independent_rows_have_blocks_of_one():
    blocks = [
        pm.DataState(*batch(np.random.default_rng(k), 400), model=line, energy="mse", block="auto").block
        for k in range(50)
    ]
    assert set(blocks) == {1}


def test_dependence_breaks_the_level_of_single_rows_and_not_of_chosen_blocks():
    single = chosen = 0
    for seed in range(25):
        rng = np.random.default_rng([seed, 9])
        y = autoregression(rng, 3000, 0.9)
        x = rng.normal(size=(3000, 1))
        pair = (x[:2000], y[:2000]), (x[2000:], y[2000:])
        model = {"model": lambda X: np.zeros(len(X)), "energy": "mse", "resamples": 199, "rng": seed}
        with pytest.warns(pm.DependenceWarning, match='the residuals|the losses.*block="auto"'):
            single += pm.shift(*pair, **model).shifted
        chosen += pm.shift(*pair, **model, block="auto").shifted
    assert single > 9
    assert chosen <= 4  # 3 standard errors above 5 %


def test_blocks_go_on_from_batch_to_batch():
    """Batches that are shorter than a block are tested when blocks are complete."""
    rng = np.random.default_rng(10)
    x, y = rng.normal(size=(9000, 1)), autoregression(rng, 9000, 0.95)
    y[6000:] *= 3.0
    monitor = pm.RefreshMonitor(
        (x[:4000], y[:4000]), lambda X: np.zeros(len(X)), energy="mse", block="auto", rng=0, run_length=20
    )
    assert monitor.block > 70
    for k in range(4000, 9000, 70):
        monitor.update(x[k : k + 70], y[k : k + 70])
    assert monitor.event is not None
    assert monitor.event.batch > 28
    assert abs(monitor.event.began - 30) <= 3


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"grow": "yes"}, TypeError, "grow must be"),
        ({"grow": 1}, TypeError, "grow must be"),
        ({"block": "all"}, ValueError, "block must be a number of rows or \"auto\", got 'all'"),
        ({"block": 0}, ValueError, "block must be at least 1"),
        ({"block": 2.5}, TypeError, "block must be"),
    ],
)
def test_bad_options(options, error, message):
    with pytest.raises(error, match=message):
        pm.RefreshMonitor(batch(np.random.default_rng(0)), line, energy="mse", **options)


def test_too_short_a_reference_says_how_many_rows_are_needed():
    rng = np.random.default_rng(11)
    y = autoregression(rng, 1500, 0.98)
    with pytest.raises(ValueError, match=r"serially dependent .* use [0-9]+ rows or more"):
        pm.RefreshMonitor(
            (rng.normal(size=(1500, 1)), y), lambda X: np.zeros(len(X)), energy="mse", block="auto", rng=0
        )


def test_states_are_batches_too():
    rng = np.random.default_rng(12)
    monitor = growing(rng, 200)
    state = pm.DataState(*batch(rng, 60), model=line, energy="mse")
    assert monitor.update(state).reading.rows == 60
    other = pm.DataState(batch(rng, 60)[0][:, :1], np.arange(60.0), model=line, energy="mse")
    with pytest.raises(ValueError, match=r"^batch 2 \(x\): the state must be of loss 'mse', 2 features"):
        monitor.update(other, name="x")
    with pytest.raises(TypeError, match="name must be a string, got 3"):
        monitor.update(state, name=3)


def test_what_is_wrong_with_the_file_of_a_growing_monitor_is_named(tmp_path):
    rng = np.random.default_rng(13)
    monitor = growing(rng, 100, run_length=10)
    for noise in (1.0, 1.0, 1.0, 4.0, 4.0):
        monitor.update(*batch(rng, noise=noise))
    monitor.save(tmp_path / "state")
    with np.load(tmp_path / "state") as archive:
        arrays = dict(archive)
    header = json.loads(str(arrays.pop("header")))

    def load(**changes):
        given = {name: value for name, value in (arrays | changes).items() if name in arrays}
        with open(tmp_path / "other", "wb") as file:
            np.savez(file, header=np.array(json.dumps(header | changes.get("header", {}))), **given)
        return pm.RefreshMonitor.load(tmp_path / "other", line)

    assert load().event == monitor.event
    assert repr(load()) == repr(monitor)
    bad = [
        ({"base": arrays["base"][:1]}, "base must have the 100 rows"),
        ({"totals": arrays["totals"][:-1]}, "totals must have shape"),
        ({"earlier": -arrays["earlier"]}, "earlier must have blocks"),
        ({"header": {"grow": 1}}, "grow must be"),
        ({"header": {"start": 9}}, "start must be at most"),
        ({"header": {"alarm": {"batch": 9, "window": 1, "p_value": 0.1}}}, "alarm.batch must be 1 to 5"),
        ({"header": {"alarm": {"batch": 4, "window": 3, "p_value": 0.1}}}, "alarm must be of a pool"),
        ({"header": {"alarm": {"batch": 4, "window": 1}}}, "alarm.p_value is missing"),
        ({"header": {"dependence": {"time": 0.5, "reach": 1.0, "series": ""}}}, "dependence.time must be"),
        ({"header": {"labels": [[0, 1], [0, 1]]}}, "labels must be different"),
        ({"header": {"labels": [0]}}, "labels must be pairs"),
    ]
    for changes, message in bad:
        with pytest.raises(ValueError, match=message):
            load(**changes)
