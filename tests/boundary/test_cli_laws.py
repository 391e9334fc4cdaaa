"""Laws on the command line and in configurations of sweeps: truncated normal parameters, and constant ones."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import pyrometer as pm
from pyrometer.cli import _program

DATA = "a,b,y\n1,2,2\n2,5,5\n3,3,1\n4,1,0\n"
SYSTEM = pm.LinearRegression([[1.0, 2.0], [2.0, 5.0], [3.0, 3.0], [4.0, 1.0]], [2.0, 5.0, 1.0, 0.0])


def run(folder, *arguments):
    (folder / "d.csv").write_text(DATA)
    return CliRunner().invoke(_program.main, [arguments[0], str(folder / "d.csv"), "--target", "y", *arguments[1:]])


@pytest.mark.parametrize("bound", [None, 1.0])
def test_a_truncated_normal_law(tmp_path, bound):
    given = [] if bound is None else ["--bound", str(bound)]
    ran = run(tmp_path, "temperature", "--init", "truncated-normal", "--scale", "2", *given, "--format", "json")
    assert ran.exit_code == 0, ran.output
    row = json.loads(ran.stdout)
    hot = pm.temperature(SYSTEM, pm.TruncatedNormal(2.0, bound=bound or 2.0))
    assert repr(float(hot.value))[:12] in json.dumps(row)
    assert "truncated-normal" in json.dumps(row)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--bound", "1"], "--bound is for --init truncated-normal, got --init normal."),
        (["--init", "uniform", "--bound", "1"], "--bound is for --init truncated-normal, got --init uniform."),
        (["--init", "truncated-normal", "--length", "1"], "a truncated normal law has --scale."),
        (["--init", "truncated-normal", "--bound", "0"], "--bound"),
    ],
)
def test_options_of_other_laws_are_refused(tmp_path, arguments, message):
    ran = run(tmp_path, "temperature", *arguments)
    assert ran.exit_code == 2
    assert message in ran.stderr


def test_a_sweep_has_them(tmp_path):
    (tmp_path / "d.csv").write_text(DATA)
    laws = 'laws.t = {kind = "TruncatedNormal", scale = [1.0, 2.0], bound = 1.5}\n'
    laws += 'laws.c = {kind = "Constant", value = 0.5}\n'
    (tmp_path / "s.toml").write_text('output = "s.json"\nsystems.s = {data = "d.csv", target = "y"}\n' + laws)
    ran = CliRunner().invoke(_program.main, ["sweep", str(tmp_path / "s.toml")])
    assert ran.exit_code == 0, ran.output
    text = (tmp_path / "s.json").read_text()
    expected = [*np.ravel(pm.mean_energy(SYSTEM, pm.TruncatedNormal([[1.0], [2.0]], bound=1.5)).value)]
    expected.append(pm.mean_energy(SYSTEM, pm.Constant(0.5)).value)
    for value in expected:
        assert repr(float(value))[:10] in text
    unknown = 'laws.t = {kind = "Normal", scale = 1, bound = 2}\n'
    (tmp_path / "s.toml").write_text('output = "s.json"\nsystems.s = {data = "d.csv", target = "y"}\n' + unknown)
    ran = CliRunner().invoke(_program.main, ["sweep", str(tmp_path / "s.toml")])
    assert ran.exit_code == 2
    assert "unknown key" in ran.stderr
