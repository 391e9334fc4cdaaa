"""Which single numbers of an ONNX file are parameters, against models of PyTorch."""

import numpy as np
import pytest

import pyrometer as pm

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
nn, helper = torch.nn, onnx.helper


def one_output(form, numbers):
    """Return a graph with one output, of an exporter's form, and the names of its last weight and bias."""
    nodes = [
        helper.make_node("Gemm", ["x", "0.weight", "0.bias"], ["y"], transB=1),
        helper.make_node("PRelu", ["y", "1.weight"], ["h"]),
        *FORMS[form],
    ]
    single = np.ones(1, np.float32)
    turned = form in ("sum", "scaled")
    arrays = {
        "0.weight": numbers.normal(size=(8, 5)),
        "0.bias": numbers.normal(size=8),
        "1.weight": [0.3],
        "2.weight": numbers.normal(size=(8, 1) if turned else (1, 8)),
        "2.bias": np.full((1, 1) if form == "sum" else 1, 3.0),
        "epsilon": single * 1e-3,
        "gain": single * 0.5,
    }
    file = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [None, 5])],
        [helper.make_tensor_value_info("z", onnx.TensorProto.FLOAT, None)],
        [onnx.numpy_helper.from_array(np.asarray(array, np.float32), name) for name, array in arrays.items()],
    )
    return helper.make_model(file, opset_imports=[helper.make_opsetid("", 17)])


FORMS = {
    "gemm": [helper.make_node("Gemm", ["h", "2.weight", "2.bias"], ["z"], transB=1)],
    "sum": [
        helper.make_node("MatMul", ["h", "2.weight"], ["p"]),
        helper.make_node("Add", ["p", "2.bias"], ["s"]),
        helper.make_node("Identity", ["s"], ["z"]),
    ],
    "scaled": [
        helper.make_node("MatMul", ["h", "2.weight"], ["p"]),
        helper.make_node("Identity", ["2.bias"], ["b"]),
        helper.make_node("Add", ["b", "p"], ["s"]),
        helper.make_node("Add", ["s", "epsilon"], ["t"]),
        helper.make_node("Mul", ["t", "gain"], ["z"]),
    ],
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("laws", [{"*": pm.Uniform(1.0)}, {"*.weight": pm.Uniform(1.0), "?.bias": pm.Uniform(1.0)}])
def test_parameters_of_one_number(form, laws):
    numbers = np.random.default_rng(7)
    x = numbers.normal(size=(20, 5)).astype(np.float32)
    theirs = pm.models.measure(lambda: nn.Sequential(nn.Linear(5, 8), nn.PReLU(), nn.Linear(8, 1)), x, laws=laws)
    mine = pm.models.measure(one_output(form, numbers), x, laws=laws)
    assert mine.parameters.tolist() == theirs.parameters.tolist() == [48, 1, 9]
    assert np.allclose(mine.energy[:2], theirs.energy[:2], rtol=1e-6)
    error = np.hypot(mine.standard_error[2], theirs.standard_error[2])
    offset = 2e-3 if form == "scaled" else 0.0  # of epsilon
    assert abs(mine.energy[2] - theirs.energy[2]) <= 5.0 * error + (1e-6 + offset) * theirs.energy[2]


def test_other_single_numbers_are_named_in_full():
    file, rest = one_output("scaled", np.random.default_rng(7)), {"*": pm.Normal(1.0)}
    names = ["0.weight", "0.bias", "1.weight", "2.weight", "2.bias"]
    assert pm.models.laws(file, laws=rest)["name"].tolist() == names
    for pattern, added in (("gain", "gain"), ("[f-h]ain", "gain"), ("*ain", "gain")):
        found = pm.models.laws(file, laws={pattern: pm.Normal(0.1)} | rest)["name"].tolist()
        assert sorted(found) == sorted([*names, *added.split()])
    with pytest.raises(ValueError, match="matches no parameter"):
        pm.models.laws(file, laws={"gai*": pm.Normal(0.1)} | rest)


def test_single_numbers_without_a_law_are_constants_only_as_initialised():
    file = one_output("gemm", np.random.default_rng(7))
    table = pm.models.laws(file, laws={"*.weight": pm.Normal(1.0)})
    assert table.metadata["entropy_unknown"] == ["0.bias", "2.bias"]
    next(each for each in file.graph.initializer if each.name == "2.bias").CopyFrom(
        onnx.numpy_helper.from_array(np.zeros(1, np.float32), "2.bias")
    )
    assert pm.models.laws(file, laws={"*.weight": pm.Normal(1.0)}).metadata["entropy_unknown"] == ["0.bias"]
