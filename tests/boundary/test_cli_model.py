"""`pyrometer model`: what module:function builds, and ONNX files."""

import json
import sys
from importlib.util import find_spec

import numpy as np
import pytest

import pyrometer as pm

torch = pytest.importorskip("torch")

PROGRAM = """
import torch
from torch import nn

print("printed while it is imported")

def mlp():
    print("printed while it builds")
    return nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 2))

class Deep(nn.Module):
    def __init__(self):
        super().__init__()
        names = {"a part with a long name \\x1b[31m": nn.ModuleList(nn.Linear(6, 6) for _ in range(200))}
        self.encoder_with_a_very_long_name_for_a_module = nn.ModuleDict(names)

    def forward(self, x):
        for layer in next(iter(self.encoder_with_a_very_long_name_for_a_module.values())):
            x = torch.relu(layer(x))
        return x

class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens, self.read = nn.Embedding(9, 4), nn.Linear(6, 4)

    def forward(self, ids, x):
        return self.tokens(ids).sum(1) + self.read(x)

def unknown():
    model = nn.Linear(6, 2)
    with torch.no_grad():
        model.weight.copy_(torch.rand(2, 6) ** 3)
    return model

def raises():
    raise KeyError("no such\\nkey")

def leaves():
    raise SystemExit(7)

def number():
    return 3

instance = nn.Linear(6, 2)
"""


@pytest.fixture
def program(tmp_path, monkeypatch):
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "broken.py").write_text("import torch\nraise RuntimeError('half\\nmade')\n")
    (tmp_path / "missing.py").write_text("import there_is_no_such_module\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in ("program", "broken", "missing"):
        sys.modules.pop(name, None)


def tables(result):
    assert result.exit_code == 0, result.stderr
    made = json.loads(result.stdout)
    return [table["rows"] for table in made["tables"]], made["provenance"]


def test_numbers(run, program):
    np.save(program / "inputs.npy", np.random.default_rng(0).normal(size=(8, 6)))
    result = run("model", "program:mlp", "--inputs", "inputs.npy", "--seed", 3, "--draws", 5, "--format", "json")
    (layers, (model,)), provenance = tables(result)
    import program as made

    expected = pm.models.measure(made.mlp, np.load("inputs.npy"), seed=3, draws=5)
    for row, name in zip(layers, ["0", "2", "4"], strict=True):
        assert row["name"] == name
    for column in ("energy", "energy_per_unit", "gain", "temperature", "entropy", "parameters"):
        assert [row[column] for row in layers] == getattr(expected, column).tolist()
    assert (model["parameters"], model["entropy"]) == (expected.total_parameters, expected.total_entropy)
    assert (model["regime"], model["unused"]) == (expected.regime, "")
    assert (provenance["model"], provenance["rows"], provenance["seed"]) == ("program:mlp", 8, 3)
    assert "printed while it builds" in result.stderr
    assert "printed" not in result.stdout


def test_inputs_of_shapes_tables_and_names(run, program):
    (layers, _), _ = tables(run("model", "program:Two", "--inputs", "8x3:9", "--inputs", "8x6", "--format", "json"))
    assert [row["name"] for row in layers] == ["tokens", "read"]
    (named, _), _ = tables(
        run("model", "program:Two", "--inputs", "x=8x6", "--inputs", "ids=8x3:9", "--format", "json")
    )
    assert [row["name"] for row in named] == ["tokens", "read"]
    np.savez("both.npz", ids=np.ones((4, 3), dtype=int), x=np.ones((4, 6)))
    (both, _), _ = tables(run("model", "program:Two", "--inputs", "both.npz", "--format", "json"))
    assert [row["name"] for row in both] == ["tokens", "read"]
    lines = ["a,b,c,d,e,f,t", *[",".join(str(0.5 * (k + j) % 3) for j in range(7)) for k in range(9)]]
    (program / "rows.csv").write_text("\n".join(lines))
    _, provenance = tables(run("model", "program:mlp", "--inputs", "rows.csv", "--target", "t", "--format", "json"))
    assert provenance["rows"] == 9


def test_laws_and_conditions(run, program):
    loud = ["--law", "*.weight=normal:1", "--law", "*.bias=constant:0"]
    result = run("model", "program:mlp", "--inputs", "8x6", *loud, "--format", "json", "--fail-on", "exploding")
    assert result.exit_code == 1
    assert "the energy of a unit rises" in result.stderr
    assert [row["parameters"] for row in json.loads(result.stdout)["tables"][0]["rows"]] == [96, 256, 32]
    quiet = ["--law", "*.weight=truncated-normal:0.05:1.5", "--law", "*=uniform:0.01"]
    assert run("model", "program:mlp", "--inputs", "8x6", *quiet, "--fail-on", "vanishing").exit_code == 1
    assert run("model", "program:mlp", "--inputs", "8x6", *quiet, "--fail-on", "exploding").exit_code == 0
    assert run("model", "program:unknown", "--inputs", "8x6", "--fail-on", "unknown").exit_code == 1
    assert run("model", "program:mlp", "--inputs", "8x6", "--fail-on", "unknown").exit_code == 0


def test_csv_has_the_layers(run, program):
    result = run("model", "program:instance", "--inputs", "8x6", "--output", "layers.csv")
    assert result.exit_code == 0
    header, line = (program / "layers.csv").read_text().splitlines()
    assert header.replace('"', "").startswith("name,energy_per_unit,gain,temperature,")
    assert line.split(",")[0].strip('"') == "weight"


def test_plot(run, program):
    pytest.importorskip("matplotlib")
    assert run("model", "program:mlp", "--inputs", "8x6", "--plot", "layers.png").exit_code == 0
    assert (program / "layers.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_screens(run, program, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    result = run("model", "program:Deep", "--inputs", "4x6", "--draws", 2)
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= columns
    assert "\x1b" not in result.stdout
    heads = next(line for line in lines if line.startswith("name")).split()
    assert heads[:2] == ["name", "energy_per_unit"]
    assert "gain" in heads
    assert any(".199 " in line for line in lines)
    assert "regime" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["program:raises"], r"program:raises failed: KeyError: 'no such\nkey'"),
        (["program:leaves"], "program:leaves failed: SystemExit: 7"),
        (["program:number"], "model must return a torch.nn.Module, got 3"),
        (["program:mpl"], "'program' has no 'mpl'; did you mean 'mlp'?"),
        (["program:nn.nothing"], "has no 'nothing'"),
        (["no_program:mlp"], "there is no module 'no_program' in this folder or among the installed packages"),
        (["program"], "MODEL must be a file that ends in .onnx, or package.module:function, got 'program'"),
        (["broken:mlp"], "importing 'broken' failed: RuntimeError: half made"),
        (["missing:mlp"], "importing 'missing' failed: ModuleNotFoundError: No module named 'there_is_no_such_module'"),
        (["program:nn"], "got a module"),
        (["program:mlp", "--inputs", "8x5"], "cannot be multiplied (8x5 and 6x16)"),
        (["program:mlp", "--inputs", "8xx5"], "--inputs must be a file, or a shape such as 32x3x28x28, got '8xx5'"),
        (["program:mlp", "--inputs", "no.npy"], "No such file"),
        (["program:mlp", "--inputs", "program.py"], "needs --target, the column that is not an input"),
        (["program:mlp", "--inputs", "8x6", "--inputs", "x=8x6"], "all with names, or all without"),
        (["program:mlp", "--inputs", "8x6:0"], "must end in a number of at least 1"),
        (["program:mlp", "--inputs", "8x6", "--target", "t"], "--target is for --inputs that are a file of columns"),
        (["program:mlp", "--inputs", "8x6", "--law", "w"], "'w' must be PATTERN=LAW, with LAW normal:SCALE"),
        (["program:mlp", "--inputs", "8x6", "--law", "w=cauchy:1"], "must be PATTERN=LAW"),
        (["program:mlp", "--inputs", "8x6", "--law", "w=normal:one"], "could not convert string to float: 'one'"),
        (["program:mlp", "--inputs", "8x6", "--law", "w=normal:-1"], "scale must be finite and > 0, got -1.0"),
        (["program:mlp", "--inputs", "8x6", "--law", "w=normal:1"], "laws['w'] matches no parameter of"),
        (["program:mlp", "--inputs", "0x6"], "at least 1"),
        pytest.param(
            ["no.onnx", "--law", "*=normal:1"],
            "no.onnx",
            marks=pytest.mark.skipif(find_spec("onnx") is None, reason="needs onnx"),
        ),
    ],
)
def test_bad_input_is_one_line(run, program, arguments, message):
    result = run("model", *arguments, *([] if "--inputs" in arguments else ["--inputs", "8x6"]))
    assert result.exit_code == 2, result.output
    errors = [line for line in result.stderr.splitlines() if "error: " in line]
    assert len(errors) == 1
    assert message in errors[0]
    assert "Traceback" not in result.stderr


def test_onnx_files(run, program):
    onnx = pytest.importorskip("onnx")
    helper = onnx.helper
    weight = onnx.numpy_helper.from_array(np.ones((6, 4), dtype=np.float32), "read.weight")
    values = [helper.make_tensor_value_info(name, 1, size) for name, size in (("x", [8, 6]), ("y", [8, 4]))]
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "read.weight"], ["y"])], "g", *([value] for value in values), [weight]
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), "model.onnx")
    np.save("x.npy", np.ones((8, 6)))
    result = run("model", "model.onnx", "--inputs", "x.npy", "--law", "*.weight=normal:0.5", "--format", "json")
    (layers, _), _ = tables(result)
    assert [(row["name"], row["parameters"]) for row in layers] == [("read", 24)]
    assert layers[0]["energy"] == pytest.approx(6.0)
    result = run("model", "model.onnx", "--inputs", "x.npy")
    assert result.exit_code == 2
    assert "laws must name the laws of the parameters ['read.weight']" in result.stderr
