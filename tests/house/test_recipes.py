"""The recipes of CONTRIBUTING.md, "To add": a toy of each kind works, and what a recipe lists is complete."""

from __future__ import annotations

import importlib
import inspect
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import click
import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from fuzz.cases import ACTIVATIONS as FUZZED

import pyrometer as pm
from pyrometer.cli import _program, _sweep_config
from pyrometer.cli import network as network_command
from pyrometer.data.readers._formats import FORMATS, Format
from pyrometer.laws import FAMILIES, NORMAL, Law
from pyrometer.laws._families import Family
from pyrometer.linear._records import LINEAR
from pyrometer.losses import LOSSES, loss_named
from pyrometer.networks import ACTIVATIONS, LayerLaw
from pyrometer.results._formats import TABLE_FORMATS, TableFormat
from pyrometer.states._conditionals import CONDITIONALS

ROOT = Path(__file__).parents[2]


# ---- a law


@dataclass(frozen=True, eq=False)
class Halved:
    """A normal law of half the scale."""

    scale: Any

    def __init__(self, scale: Any) -> None:
        object.__setattr__(self, "scale", np.asarray(scale, dtype=float))

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return self.scale.shape[:-1]

    @property
    def segments(self) -> Any:
        return ((NORMAL, 0.5 * self.scale),)


def systems() -> dict[str, Any]:
    X, y = np.random.default_rng(0).normal(size=(20, 3)), np.arange(20.0)
    return {
        "mse": pm.LinearRegression(X, y),
        "mae": pm.LinearRegression(X, y, energy="mae"),
        "ce": pm.LogisticRegression(X, y > 9),
        "network": pm.Network(X, y, hidden=(4,)),
    }


@pytest.mark.parametrize("method", ["exact", "monte-carlo"])
@pytest.mark.parametrize("name", systems())
def test_a_law_of_a_known_family_is_a_class(name: str, method: str) -> None:
    system, options = systems()[name], {"method": method, "samples": 2000, "rng": 1}
    toy, same = pm.temperature(system, Halved([[2.0], [4.0]]), **options), pm.Normal([[1.0], [2.0]])
    assert np.array_equal(toy.value, pm.temperature(system, same, **options).value)


def test_a_sweep_takes_it() -> None:
    table = pm.sweep(systems(), {"toy": Halved([[2.0], [4.0]]), "normal": pm.Normal([[1.0], [2.0]])})
    toy = table["law"] == "toy"
    assert np.array_equal(table["temperature"][toy], table["temperature"][~toy])
    assert set(table["kind"][toy]) == {"Halved"}


def test_the_command_line_has_every_law() -> None:
    names = {law.__name__ for law in (*get_args(Law), *get_args(LayerLaw))}
    assert {*_sweep_config._WIDTHS, "TorchLinear", "Mixed"} == names
    assert set(network_command._SCALED.values()) == {law.__name__ for law in get_args(LayerLaw)} - {
        *("Normal", "Uniform", "TorchLinear")
    }


def test_a_family_that_the_core_lacks_is_refused_where_the_core_would_take_it_for_another() -> None:
    """Closed forms have it from its record."""
    family = Family("triangular", 6.0, 1.0 / 3.0, lambda s: s**3 / 10.0, -0.6, 0.5)

    class Triangular:
        batch_shape = ()
        segments = ((family, np.array([2.0])),)

    system = pm.LinearRegression([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0])
    assert pm.mean_energy(system, Triangular()).value == pm.mean_energy(system, pm.Normal(2.0 / np.sqrt(6.0))).value
    assert set(FAMILIES) == {"normal", "uniform"}
    absolute = pm.LinearRegression([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0], energy="mae")
    for refused in (
        lambda: pm.mean_energy(absolute, Triangular()),
        lambda: pm.mean_energy(system, Triangular(), method="monte-carlo", rng=0),
        lambda: pm.sample_energies(system, Triangular(), samples=3, rng=0),
        lambda: pm.sample_parameters(system, Triangular(), samples=3, rng=0),
    ):
        with pytest.raises(ValueError, match="got triangular"):
            refused()


# ---- activations and losses


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_is_named_everywhere(name: str) -> None:
    assert name in FUZZED
    assert f'"{name}"' in (inspect.getdoc(pm.Network) or "")
    for path in ("python/pyrometer/_core.pyi", "tests/statistical/test_network.py"):
        assert f'"{name}"' in (ROOT / path).read_text("utf-8")


def test_every_loss_is_in_every_table() -> None:
    assert set(LINEAR) == set(CONDITIONALS) == set(LOSSES)


def test_an_unknown_loss_is_refused_with_the_list() -> None:
    with pytest.raises(ValueError, match="'mse', 'mae', 'ce', got 'hinge'"):
        loss_named("hinge")


# ---- a file format


class Toy(SimpleNamespace):
    """A file of three rows."""

    once = False

    def schema(self) -> pa.Schema:
        return pa.schema([("a", pa.float64()), ("y", pa.float64())])

    def rows(self) -> int:
        return 3

    def batches(self, columns: list[str], *, threads: bool) -> Any:
        yield pa.record_batch({"a": [1.0, 2.0, 3.0], "y": [2.0, 5.0, 2.0]}).select(columns)


def test_a_format_of_input_is_a_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toy = Format("toy", (".toy",), lambda first: first.startswith(b"TOY"), lambda path, _: Toy(label=path))
    monkeypatch.setitem(FORMATS, "toy", toy)
    (tmp_path / "rows.toy").touch()
    (tmp_path / "other").write_bytes(b"TOY\0")
    for path in (tmp_path / "rows.toy", tmp_path / "other"):
        assert pm.interop.read_data(path, target="y").y.tolist() == [2.0, 5.0, 2.0]
        assert pm.Moments.scan(path, target="y").mean.tolist() == [2.0, 3.0]
        system = pm.LinearRegression.scan(path, target="y", energy="mae")
        assert pm.minimum_energy(system).value == pytest.approx(1.0)
    monkeypatch.delitem(FORMATS, "toy")
    with pytest.raises(
        ValueError, match=r"other must be a file of Parquet .*\.pq.*\.feather.*CSV .*\.tsv.*none of them"
    ):
        pm.Moments.scan(tmp_path / "other", target="y")


def test_a_format_of_output_is_a_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is written by `Table.save` and by every command, and sweeps take it."""
    toy = TableFormat("toy", ".toy", lambda table, file: file.write(",".join(table.names).encode()))
    monkeypatch.setitem(TABLE_FORMATS, "toy", toy)
    pm.Table("t", {"a": [1], "b": [2]}).save(tmp_path / "t.toy")
    assert (tmp_path / "t.toy").read_text() == "a,b"
    ran = CliRunner().invoke(_program.main, ["verify", "--output", str(tmp_path / "v.toy")])
    assert (ran.exit_code, ran.output) == (0, "")
    assert (tmp_path / "v.toy").read_text().startswith("check,")
    data = 'systems.s = {data = "rows.csv", target = "y"}\nlaws.l = {kind = "Normal", scale = 1.0}\n'
    (tmp_path / "s.toml").write_text('output = "s.toy"\n' + data)
    (tmp_path / "rows.csv").write_text("a,y\n1,2\n2,5\n3,3\n")
    assert CliRunner().invoke(_program.main, ["sweep", str(tmp_path / "s.toml")]).exit_code == 0
    assert (tmp_path / "s.toy").read_text().startswith("system,")
    monkeypatch.delitem(TABLE_FORMATS, "toy")
    with pytest.raises(ValueError, match=r"must end in \.csv, \.json, \.parquet, got .*t\.toy"):
        pm.Table("t", {"a": [1]}).save(tmp_path / "t.toy")


# ---- a command


def test_a_command_is_a_module(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command("hello")
    def command() -> None:
        click.echo("hello")

    load = importlib.import_module
    modules = {"pyrometer.cli.hello": SimpleNamespace(command=command)}
    monkeypatch.setattr(_program, "_COMMANDS", (*_program._COMMANDS, "hello"))
    monkeypatch.setattr(_program.importlib, "import_module", lambda name: modules.get(name) or load(name))
    ran = CliRunner().invoke(_program.main, ["hello"])
    assert (ran.exit_code, ran.stdout) == (0, "hello\n")


def test_every_command_is_listed() -> None:
    files = {path.stem for path in (ROOT / "python/pyrometer/cli").glob("[!_]*.py")}
    assert files == set(_program._COMMANDS)
    readme = (ROOT / "README.md").read_text("utf-8")
    assert [name for name in files if f"pyrometer {name}" not in readme] == []
