"""The configuration file of a sweep."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from pyrometer.base import ClassCodes, closest, plain, quoted
from pyrometer.cli._data import Selection, read
from pyrometer.cli._output import require_apart
from pyrometer.data.readers import files_of
from pyrometer.losses import Loss, loss_named
from pyrometer.results import table_format

if TYPE_CHECKING:
    from pyrometer.sweeps import Plan

__all__ = ["Config", "load"]

_MOST_BYTES = 1 << 24
_CSV = ("sep", "decimal", "thousands", "encoding", "comment", "skip")
_DATA = ("data", "target", "columns", "drop", "standardize", *_CSV)
_LINEAR = (*_DATA, "weights", "energy", "labels", "intercept", "l1", "l2")
_NETWORK = (*_DATA, "energy", "hidden", "outputs", "activation", "bias")
_TRUNCATED = ("LecunNormal", "HeNormal", "GlorotNormal")
_OF_LAYERS = (*_TRUNCATED, "LecunUniform", "HeUniform", "GlorotUniform", "Orthogonal")
_WIDTHS = {
    "Normal": "scale",
    "Uniform": "length",
    "TruncatedNormal": "scale",
    "Constant": "value",
    **dict.fromkeys(_OF_LAYERS, "gain"),
}
_OTHERS = {"TruncatedNormal": ("bound",), **dict.fromkeys(_TRUNCATED, ("truncated",))}
_RUN = ("method", "methods", "resolution", "samples", "seed")


@dataclass(frozen=True)
class Config:
    """A sweep: its plan, its output, its provenance, and a key that changes with any of these."""

    plan: Plan
    output: str
    about: dict[str, Any]
    key: str


def load(path: str, threads: int | None) -> Config:
    """Read a configuration file and its data."""
    from pyrometer._version import __version__
    from pyrometer.base import validate
    from pyrometer.sweeps import either_name, plan_of

    document = _parse(path)
    _require_keys(path, document, ("output", "systems", "laws", *_RUN))
    folder = os.path.dirname(path)
    output = os.path.join(folder, _string(path, document, "output"))
    try:
        table_format("output", document["output"])
    except ValueError as error:
        raise click.ClickException(f"{path}: {error}") from None
    if os.path.isdir(output):
        raise click.ClickException(f"{path}: output must be a file, got {output}, which is a folder.")
    files: dict[str, str] = {}
    systems, laws = {}, {}
    for name, table in _tables(path, document, "systems"):
        with _at(f"{path}: systems.{plain(name)}"):
            systems[name] = _system(folder, table, files)
    require_apart({f"{path}: output": output}, [os.path.join(folder, name) for name in files])
    for name, table in _tables(path, document, "laws"):
        with _at(f"{path}: laws.{plain(name)}"):
            laws[name] = _law(table)
    with _at(path):
        seed = validate.count("seed", document.get("seed", 0), minimum=0, maximum=2**64 - 1)
        plan = plan_of(
            systems,
            laws,
            either_name(document.get("method", "auto"), document.get("methods")),
            document.get("resolution", 1.0),
            document.get("samples", 10_000),
            seed,
            threads,
        )
    about = {"configuration": json.loads(json.dumps(document, default=str)), "sha256": files}  # dates as text
    text = json.dumps([__version__, about], sort_keys=True)
    return Config(plan, output, about, hashlib.sha256(text.encode()).hexdigest())


@contextlib.contextmanager
def _at(where: str) -> Iterator[None]:
    """Prefix errors with their place in the file."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise click.ClickException(f"{where}: {error}") from error
    except RecursionError as error:
        raise click.ClickException(f"{where}: it is nested too deeply.") from error


def _parse(path: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    with open(path, "rb") as file, _at(f"{path} must be TOML"):
        text = file.read(_MOST_BYTES + 1)
        if len(text) > _MOST_BYTES:  # a device such as /dev/zero has no end
            raise ValueError(f"of at most {_MOST_BYTES} bytes, got more")
        return tomllib.loads(text.decode("utf-8-sig"))  # a byte order mark is common on Windows


def _require_keys(where: str, table: Mapping[str, Any], names: Iterable[str]) -> None:
    for key in table:
        if key not in names:
            near = closest(key, names, cutoff=0.0)
            raise click.ClickException(f"{where}: unknown key {quoted(key)}; did you mean {near!r}?")


def _string(where: str, table: Mapping[str, Any], key: str) -> str:
    value = table.get(key)
    if not isinstance(value, str):
        raise click.ClickException(f"{where}: {key} must be a string, got {value!r:.200}.")
    return value


def _tables(path: str, given: Mapping[str, Any], key: str) -> Iterable[tuple[str, dict[str, Any]]]:
    tables = given.get(key)
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        raise click.ClickException(f"{path}: {key} must be tables [{key}.NAME], got {tables!r:.200}.")
    return tables.items()


def _strings(table: Mapping[str, Any], key: str) -> list[str] | None:
    value = table.get(key)
    if value is not None and not (isinstance(value, list) and all(isinstance(item, str) for item in value)):
        raise TypeError(f"{key} must be a list of names, got {value!r:.200}.")
    return value


def _system(folder: str, table: dict[str, Any], files: dict[str, str]) -> Any:
    from pyrometer.base import validate
    from pyrometer.linear import system_of
    from pyrometer.networks import Network

    network = "hidden" in table
    _require_keys_here(table, _NETWORK if network else _LINEAR)
    for key in ("data", "target"):
        if not isinstance(table.get(key), str):
            raise TypeError(f"{key} must be a string, got {table.get(key)!r:.200}.")
    standardize = validate.flag("standardize", table.get("standardize", False))
    loss = loss_named(table.get("energy", "mse"))
    energy = loss.name
    if not loss.labels and "labels" in table:
        raise ValueError(f"labels are for energy = 'ce', got {energy!r}.")
    path = os.path.join(folder, table["data"])
    csv = {key: table[key] for key in _CSV if key in table}
    selection = Selection(
        table["target"], tuple(_strings(table, "drop") or ()), _strings(table, "columns"), csv, table.get("weights")
    )
    read_again = files_of(path)
    for file in read_again:
        if file == "-" or (os.path.exists(file) and not os.path.isfile(file)):
            raise ValueError(
                f"data must be files, which a sweep that continues reads again, got a pipe, {file}; write its rows to "
                "a file first."
            )
    labels = ClassCodes() if loss.classes or (network and loss.labels) else table.get("labels", loss.labels)
    subject = read(path, selection, standardize=standardize, labels=labels)
    for file in read_again:
        name = file.removeprefix(os.path.join(folder, ""))
        if name not in files:
            files[name] = _digest(file)
    if network:
        options = {key: table[key] for key in ("outputs", "activation", "bias", "energy") if key in table}
        return Network(subject.X, subject.y, hidden=table["hidden"], **options)
    intercept = validate.flag("intercept", table.get("intercept", True))
    return system_of(
        energy, subject.X, subject.y, intercept=intercept, penalty=_penalty(table, loss), weights=subject.weights
    )


def _digest(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _require_keys_here(table: Mapping[str, Any], names: Iterable[str]) -> None:
    try:
        _require_keys("", table, names)
    except click.ClickException as error:
        raise ValueError(error.message.removeprefix(": ")) from None


def _penalty(table: Mapping[str, Any], loss: Loss) -> Any:
    from pyrometer.linear import L1, L2

    if "l1" in table and "l2" in table:
        raise ValueError("l1 and l2 exclude each other: a system has one penalty.")
    if not loss.penalties and ("l1" in table or "l2" in table):
        raise ValueError(f"l1 and l2 are for energy = 'mse', got {loss.name!r}.")
    return L1(table["l1"]) if "l1" in table else L2(table["l2"]) if "l2" in table else None


def _law(table: dict[str, Any]) -> Any:
    import numpy as np

    import pyrometer
    from pyrometer.base import validate

    kind = validate.choice("kind", table.get("kind"), (*_WIDTHS, "TorchLinear", "Layers"))
    if kind == "TorchLinear":
        _require_keys_here(table, ("kind",))
        return pyrometer.TorchLinear()
    if kind == "Layers":
        _require_keys_here(table, ("kind", "weights", "biases"))
        if "weights" not in table:
            raise ValueError("weights must be a law {kind = ...} or a list of laws, one for each layer, got none.")
        return pyrometer.Layers(**{key: _laws(key, table[key]) for key in ("weights", "biases") if key in table})
    key, others = _WIDTHS[kind], _OTHERS.get(kind, ())
    _require_keys_here(table, ("kind", key, *others))
    value = table.get(key)
    if isinstance(value, dict):
        _require_keys_here(value, ("logspace",))
        first, last, count = _logspace(value.get("logspace"))
        with np.errstate(over="ignore"):
            value = np.logspace(first, last, count)
    elif value is None:
        raise ValueError(f"{key} must be a number, a list or {{logspace = [FIRST, LAST, COUNT]}}, got none.")
    array = validate.numeric(key, value)
    law: Any = getattr(pyrometer, kind)
    parameters = {name: table[name] for name in others if name in table}
    return law(array[:, None] if array.ndim == 1 and key != "gain" else array, **parameters)


def _laws(key: str, given: Any) -> Any:
    """Return one law, or a list of laws."""
    if isinstance(given, list):
        return [_laws(f"{key}[{k}]", each) for k, each in enumerate(given)]
    if not isinstance(given, dict):
        raise TypeError(f"{key} must be a law {{kind = ...}} or a list, one for each layer, got {given!r:.200}.")
    try:
        return _law(given)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{key}: {error}") from None


def _logspace(value: Any) -> tuple[float, float, int]:
    from pyrometer.base import validate

    if not isinstance(value, list) or len(value) != 3:
        raise ValueError(f"logspace must be [FIRST, LAST, COUNT], exponents of 10 and how many, got {value!r}.")
    return (
        validate.single("FIRST", value[0]),
        validate.single("LAST", value[1]),
        validate.count("COUNT", value[2], minimum=1),
    )
