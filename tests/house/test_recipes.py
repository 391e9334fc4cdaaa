"""The recipes of CONTRIBUTING.md, "To add": a toy of each kind works, and what a recipe lists is complete."""

from __future__ import annotations

import inspect
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, get_args

import click
import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from fuzz.cases import ACTIVATIONS as FUZZED

import pyrometer as pm
from pyrometer.cli import _program, _sweep_config
from pyrometer.cli._commands import COMMANDS, CommandRecord
from pyrometer.cli._layers import SCALED
from pyrometer.cli._options import fail_option
from pyrometer.data.readers._formats import FORMATS, Format
from pyrometer.laws import FAMILIES, LAYER_CALLS, LINEAR_CALLS, NORMAL, Law
from pyrometer.laws._families import Family
from pyrometer.linear._records import LINEAR
from pyrometer.linear._systems import SYSTEMS, system_of
from pyrometer.losses import LOSSES, Loss, loss_named
from pyrometer.networks import ACTIVATIONS, NETWORK_LOSSES, LayerLaw
from pyrometer.networks._activations import ActivationRecord
from pyrometer.results._answers import _Answer
from pyrometer.results._formats import TABLE_FORMATS, TableFormat
from pyrometer.states._conditionals import CONDITIONALS
from pyrometer.states._mixture import POOLING_TESTS

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
    assert {*_sweep_config._WIDTHS, "TorchLinear", "Layers", "Mixed", "Independent"} == names
    assert set(SCALED.values()) == {law.__name__ for law in get_args(LayerLaw)} - {
        *("Normal", "Uniform", "TruncatedNormal", "TorchLinear", "Constant", "Layers")
    }


def test_messages_name_every_law() -> None:
    assert set(LINEAR_CALLS) == {law.__name__ for law in get_args(Law)}
    assert set(LAYER_CALLS) == {law.__name__ for law in get_args(LayerLaw)}
    for name, call in (LINEAR_CALLS | LAYER_CALLS).items():
        assert type(eval(call, {"pm": pm})).__name__ == name


def test_a_family_that_the_core_lacks_is_refused_where_the_core_would_take_it_for_another() -> None:
    """Closed forms have it from its record."""
    family = Family("triangular", 6.0, 1.0 / 3.0, lambda s: s**3 / 10.0, -0.6, 0.5)

    class Triangular:
        batch_shape = ()
        segments = ((family, np.array([2.0])),)

    system = pm.LinearRegression([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0])
    assert pm.mean_energy(system, Triangular()).value == pm.mean_energy(system, pm.Normal(2.0 / np.sqrt(6.0))).value
    assert set(FAMILIES) == {"normal", "uniform", "truncated normal", "constant"}
    absolute = pm.LinearRegression([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0], energy="mae")
    for refused in (
        lambda: pm.mean_energy(absolute, Triangular()),
        lambda: pm.mean_energy(system, Triangular(), method="monte-carlo", rng=0),
        lambda: pm.sample_energies(system, Triangular(), samples=3, rng=0),
        lambda: pm.sample_parameters(system, Triangular(), samples=3, rng=0),
        lambda: pm.mean_energy(pm.Network([[1.0]], hidden=(2,), outputs=1), Triangular()),
        lambda: pm.sample_energies(pm.Network([[1.0]], hidden=(2,), outputs=1), Triangular(), samples=3),
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


def test_an_activation_that_the_core_lacks_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits have it from its record."""
    monkeypatch.setitem(ACTIVATIONS, "toy", ActivationRecord(0.0, (0.0, 1.0), slope_at_zero=0.5))
    toy, relu = (pm.Network([[1.0, 2.0]], hidden=(3,), outputs=1, activation=name) for name in ("toy", "relu"))
    limits = [pm.mean_energy(network, pm.Normal(2.0), method="asymptotic").value for network in (toy, relu)]
    assert limits[0] == limits[1]
    for refused in (
        lambda: pm.mean_energy(toy, pm.Normal(2.0)),
        lambda: pm.mean_energy(toy, pm.Normal(2.0), method="monte-carlo", rng=0),
        lambda: pm.mean_energy(toy, pm.Normal(2.0), method="mean-field"),
        lambda: pm.sample_energies(toy, pm.Normal(2.0), samples=3, rng=0),
        lambda: pm.heat_engine(toy, pm.Normal(2.0)),
    ):
        with pytest.raises(ValueError, match="one of tanh, sigmoid, relu.*, got 'toy'"):
            refused()


def test_every_loss_is_in_every_table() -> None:
    for table in (LINEAR, SYSTEMS, POOLING_TESTS):
        assert set(table) == set(LOSSES)
    assert set(CONDITIONALS) == {*LOSSES, "none"}  # rows without a target have no loss


def test_every_loss_has_its_systems() -> None:
    X, y = [[1.0], [2.0], [4.0]], [0, 1, 0]
    for name, made in SYSTEMS.items():
        system = system_of(name, X, y)
        assert (type(system), system.energy) == (made, name)
    networks = {energy: pm.Network(X, y, hidden=(2,), energy=energy) for energy in NETWORK_LOSSES}
    assert len({network.loss for network in networks.values()}) == len(networks)
    with pytest.raises(ValueError, match="'mse', 'ce', got 'mae'"):
        pm.Network(X, y, hidden=(2,), energy="mae")


def test_a_loss_that_a_table_lacks_fails_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is taken for no other."""
    monkeypatch.setitem(LOSSES, "hinge", Loss("hinge", "hinge loss", "1", labels=True))
    with pytest.raises(KeyError, match="hinge"):
        system_of("hinge", [[1.0], [2.0]], [0, 1])
    with pytest.raises(ValueError, match="got 'hinge'"):
        pm.LinearRegression([[1.0], [2.0]], [0, 1], energy="hinge")
    with pytest.raises(ValueError, match="got 'hinge'"):
        pm.Network([[1.0], [2.0]], [0, 1], hidden=(2,), energy="hinge")


def test_an_unknown_loss_is_refused_with_the_list() -> None:
    with pytest.raises(ValueError, match="'mse', 'mae', 'ce', 'softmax', got 'hinge'"):
        loss_named("hinge")


# ---- a field of a result


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Warmer(pm.Estimate, _Answer):
    """An energy with a field that pickles of earlier versions lack."""

    _DEFAULTS: ClassVar[dict[str, tuple[str, float]]] = {"heat": ("value", np.nan)}

    heat: float


@pytest.mark.parametrize("value", [2.0, np.array([2.0, 3.0])])
def test_a_field_of_a_result_is_a_field(value: Any) -> None:
    zero = 0.0 * value
    made = Warmer(value=value, standard_error=zero, error_bound=zero, method="exact", samples=0, heat=value)
    assert "heat" in repr(made)
    assert "loss" in repr(made).split("heat")[1]
    assert made.to_dict()["heat"] == made.to_dict()["value"]
    table = made.to_table()
    assert table["heat"].tolist() == table["value"].tolist()
    assert table.units["heat"] == "loss"
    old = Warmer.__new__(Warmer)
    old.__setstate__({name: held for name, held in vars(made).items() if name != "heat"})
    assert np.shape(old.heat) == np.shape(value)
    assert np.isnan(old.heat).all()


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


def test_a_command_is_a_module_and_a_record(monkeypatch: pytest.MonkeyPatch) -> None:
    record = CommandRecord("toy_of_a_command", "Say hello.", {"cold": "it is cold here", "late": "it is late"})
    monkeypatch.setitem(COMMANDS, "hello", record)

    @click.command("hello")
    @fail_option("hello")
    def command(fail_on: tuple[str, ...]) -> None:
        click.echo("hello")
        _program.conclude({"cold": True, "late": None}, fail_on)

    monkeypatch.setitem(sys.modules, "toy_of_a_command", SimpleNamespace(command=command))
    run = CliRunner().invoke
    assert "  hello        Say hello.\n" in run(_program.main, ["--help"]).stdout
    for arguments, code, note in (
        ([], 0, ""),
        (["--fail-on", "cold"], 1, "note: --fail-on cold: it is cold here\n"),
        (["--fail-on", "late"], 3, "note: --fail-on late: it cannot be decided whether it is late\n"),
        (["--fail-on", "late", "--fail-on", "cold"], 1, "note: --fail-on cold: it is cold here\n"),
    ):
        ran = run(_program.main, ["hello", *arguments])
        assert (ran.exit_code, ran.stdout, ran.stderr) == (code, "hello\n", note)
    misspelt = run(_program.main, ["helo"])
    assert (misspelt.exit_code, misspelt.stdout) == (2, "")
    assert misspelt.stderr == "main: error: there is no command 'helo'; did you mean 'hello'?\n"


def test_every_command_has_a_record() -> None:
    files = {path.stem for path in (ROOT / "python/pyrometer/cli").glob("[!_]*.py")}
    assert files == set(COMMANDS)
    readme = (ROOT / "README.md").read_text("utf-8")
    assert [name for name in files if f"pyrometer {name}" not in readme] == []
    for name, record in COMMANDS.items():
        command = record.load()
        assert command.name == name
        (conditions,) = [p.type.choices for p in command.params if p.name == "fail_on"] or [()]  # type: ignore[attr-defined]
        assert list(conditions) == list(record.conditions)


@pytest.mark.parametrize("name", COMMANDS)
def test_an_unknown_command_has_a_suggestion(name: str) -> None:
    for misspelt in (name[:-1] + "q", name.upper(), name[:1] + name[2:]):
        ran = CliRunner().invoke(_program.main, [misspelt])
        assert (ran.exit_code, ran.stdout) == (2, "")
        assert ran.stderr.endswith(f"there is no command {misspelt!r}; did you mean {name!r}?\n")
    strange = CliRunner().invoke(_program.main, ["zzz"])
    assert all(repr(known) in strange.stderr for known in COMMANDS)
