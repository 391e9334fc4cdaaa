"""ONNX: branches, recurrent operations, and what graphs of several nodes hold."""

import functools

import numpy as np
import pytest

import pyrometer as pm

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
from .zoo import real  # noqa: E402 (needs PyTorch)

nn, helper = torch.nn, onnx.helper
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:torch"),
]


def branching(condition):
    """Return a model that multiplies by one of two matrices, which its branches hold, and the matrices."""
    rng = np.random.default_rng(4)
    first, left, right = (rng.normal(size=shape).astype(np.float32) for shape in ((4, 6), (6, 3), (6, 3)))
    made = helper.make_tensor_value_info("made", onnx.TensorProto.FLOAT, ["m", 3])

    def branch(name, matrix):
        nodes = [helper.make_node("MatMul", ["hidden", name], [f"z_{name}"], f"times_{name}")]
        nodes.append(helper.make_node("Add", [f"z_{name}", f"z_{name}"], [f"made_{name}"]))
        output = helper.make_tensor_value_info(f"made_{name}", onnx.TensorProto.FLOAT, ["m", 3])
        return helper.make_graph(nodes, name, [], [output], [onnx.numpy_helper.from_array(matrix, name)])

    nodes, tensors = [], [onnx.numpy_helper.from_array(first, "first")]
    if isinstance(condition, bool):
        tensors.append(onnx.numpy_helper.from_array(np.array(condition), "test"))
    else:
        nodes.append(helper.make_node("ReduceSum", [condition], ["sum"], keepdims=0))
        nodes.append(helper.make_node("Greater", ["sum", "nought"], ["test"]))
        tensors.append(onnx.numpy_helper.from_array(np.array(0.0, np.float32), "nought"))
    branches = {"then_branch": branch("left", left), "else_branch": branch("right", right)}
    nodes.insert(0, helper.make_node("MatMul", ["x", "first"], ["hidden"], "enter"))
    nodes.append(helper.make_node("If", ["test"], ["made"], "choose", **branches))
    x = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["m", 4])
    whole = helper.make_graph(nodes, "whole", [x], [made], tensors)
    return helper.make_model(whole, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


@pytest.mark.parametrize("condition", [True, False, "x"])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_branches(condition, sign):
    model, x = branching(condition), sign * np.abs(np.random.default_rng(5).normal(size=(7, 4))).astype(np.float32)
    wanted = onnx.reference.ReferenceEvaluator(model).run(None, {"x": x})[0]
    from pyrometer.models._onnx._module import module_of

    with torch.no_grad():
        np.testing.assert_allclose(module_of(model)(torch.from_numpy(x)).numpy(), wanted, rtol=1e-5)
    layers = pm.models.measure(model, x, laws={"*": pm.Normal(0.5)})
    taken = {True: "left", False: "right", "x": "left" if sign > 0.0 else "right"}[condition]
    assert layers.name.tolist() == ["first", taken]
    square = float(np.mean(np.sum(x.astype(float) ** 2, axis=1)))
    assert layers.energy == pytest.approx([6 * 0.25 * square, 3 * 0.25 * 6 * 0.25 * square], rel=1e-6)
    other = {"left": "right", "right": "left"}[taken]
    assert layers.unused == ((other,) if condition == "x" else ())  # what is never taken is not read
    assert layers.total_parameters == 24 + 18 + 18 * (condition == "x")


def test_branches_that_depend_on_drawn_numbers_are_not_in_closed_form():
    with pytest.raises(ValueError, match="same operations in every draw"):
        pm.models.measure(branching("hidden"), np.ones((7, 4), np.float32), laws={"*": pm.Normal(0.5)})


def recurrent(operation, gates, directions=1, seed=0, batch_first=False, states=(), **attributes):
    """Return a model of one recurrent operation with first states, and its weights; 4 steps, 3 rows, 5 columns."""
    rng, width = np.random.default_rng(seed), 6
    shapes = {"w": (directions, gates * width, 5), "r": (directions, gates * width, width)}
    shapes["b"] = (directions, 2 * gates * width)
    arrays = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    held = [onnx.numpy_helper.from_array(array, name) for name, array in arrays.items()]
    made = ["y", "last", "cell"][: 3 if operation == "LSTM" else 2]
    held += [onnx.numpy_helper.from_array(state, f"s{k}") for k, state in enumerate(states)]
    names = ["x", "w", "r", "b", "", *(f"s{k}" for k in range(len(states)))]
    node = helper.make_node(
        operation, names, made, hidden_size=width, layout=int(batch_first), name="cells", **attributes
    )
    values = [helper.make_tensor_value_info(name, 1, None) for name in made]
    x = helper.make_tensor_value_info("x", 1, [3, 4, 5] if batch_first else [4, 3, 5])
    built = helper.make_graph([node], "one", [x], values, held)
    return helper.make_model(built, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), arrays


CELLS = [
    ("RNN", 1, {}),
    ("RNN", 1, {"activations": ["Relu"]}),
    ("LSTM", 4, {}),
    ("LSTM", 4, {"activations": ["Sigmoid", "Tanh", "Softsign"]}),
    ("GRU", 3, {}),
    ("GRU", 3, {"linear_before_reset": 1}),
]


@pytest.mark.parametrize(("operation", "gates", "attributes"), CELLS)
def test_recurrent_operations(operation, gates, attributes):
    from onnx.reference import ReferenceEvaluator

    from pyrometer.models._onnx._module import module_of

    x = real(4, 3, 5)
    # Matrices in another order of their elements are multiplied by other kernels, which round otherwise.
    close = functools.partial(np.testing.assert_allclose, rtol=2e-5, atol=2e-6)
    file, arrays = recurrent(operation, gates, **attributes)
    found = [each.detach().numpy() for each in module_of(file)(torch.from_numpy(x))]
    if "activations" not in attributes:  # the reference has no others
        for own, expected in zip(found, ReferenceEvaluator(file).run(None, {"x": x}), strict=True):
            close(own, expected)
    # Both directions are one alone, and one of the reversed sequence.
    turned = module_of(recurrent(operation, gates, batch_first=True, **attributes)[0])
    rows_first = turned(torch.from_numpy(x.swapaxes(0, 1)))[0].detach()
    close(rows_first, found[0].transpose(2, 0, 1, 3))
    if "activations" in attributes:
        attributes = {"activations": attributes["activations"] * 2}
    both, _ = recurrent(operation, gates, directions=2, direction="bidirectional", **attributes)
    module = module_of(both)
    with torch.no_grad():
        for name, array in arrays.items():
            dict(module.named_parameters())[name][:] = torch.from_numpy(array)
    forward, backward = module(torch.from_numpy(x)), module(torch.from_numpy(x[::-1].copy()))
    close(forward[0][:, 0].detach(), found[0][:, 0])
    close(backward[0][:, 1].flip(0).detach(), found[0][:, 0])
    close(backward[1][1].detach(), found[1][0])


def test_both_directions_have_names():
    laws = {"w": pm.Normal(0.5), "r": pm.Normal(0.3), "b": pm.Normal(0.2)}
    both, _ = recurrent("GRU", 3, directions=2, direction="bidirectional")
    found = pm.models.measure(both, real(4, 3, 5), laws=laws, rows=3, draws=400)
    assert found.name.tolist() == ["cells", "cells.reverse"]
    one = pm.models.measure(recurrent("GRU", 3)[0], real(4, 3, 5), laws=laws, rows=3, draws=400)
    for k in range(2):
        assert (found.units[k], found.parameters[k], found.calls[k]) == (one.units[0], one.parameters[0], one.calls[0])
        assert abs(found.energy[k] - one.energy[0]) < 5.0 * np.hypot(found.standard_error[k], one.standard_error[0])


def test_energies_of_recurrent_operations():
    """The layers of an LSTM of PyTorch with the same laws."""
    x = real(4, 3, 5)
    file, _ = recurrent("LSTM", 4)
    laws = {"w": pm.Normal(0.5), "r": pm.Normal(0.3), "b": pm.Normal(0.2)}
    layers = pm.models.measure(file, x, laws=laws, rows=3, draws=100)

    def own():
        made = nn.LSTM(5, 6)
        for name, std in (("weight_ih_l0", 0.5), ("weight_hh_l0", 0.3), ("bias_ih_l0", 0.2), ("bias_hh_l0", 0.2)):
            nn.init.normal_(getattr(made, name), std=std)
        return made

    expected = pm.models.measure(own, torch.from_numpy(x), rows=3, draws=100, seed=1)
    assert (layers.name.tolist(), layers.kind.tolist(), layers.calls.tolist()) == (["cells"], ["recurrent"], [4])
    assert (layers.units[0], layers.parameters[0]) == (expected.units[0], expected.parameters[0])
    error = np.hypot(layers.standard_error[0], expected.standard_error[0])
    assert abs(layers.energy[0] - expected.energy[0]) < 4.0 * error


@pytest.mark.parametrize(("expanded", "patterns"), [(False, ("w", "r", "b")), (False, ("*",)), (True, ("*",))])
@pytest.mark.parametrize(("operation", "gates", "states"), [("RNN", 1, 1), ("LSTM", 4, 2), ("GRU", 3, 1)])
def test_first_states_of_nought_are_no_parameters(operation, gates, states, expanded, patterns):
    x, laws = real(4, 3, 5), dict.fromkeys(patterns, pm.Normal(0.3))
    nought = [np.zeros((1, 1 if expanded else 3, 6), dtype=np.float32)] * states
    (without, _), (given, _) = (recurrent(operation, gates, states=each) for each in ((), nought))
    if expanded:  # to the rows of the input
        given.graph.initializer.append(onnx.numpy_helper.from_array(np.array([1, 3, 6]), "sizes"))
        for k in range(states):
            given.graph.node.insert(0, helper.make_node("Expand", [f"s{k}", "sizes"], [f"wide{k}"], name=f"wide{k}"))
            given.graph.node[-1].input[5 + k] = f"wide{k}"
    without, given = (pm.models.measure(file, x, laws=laws, rows=3, draws=8) for file in (without, given))
    assert given.kind.tolist() == without.kind.tolist() == ["recurrent"]
    assert np.array_equal(given.energy, without.energy)
    assert (given.total_parameters, given.total_entropy) == (without.total_parameters, without.total_entropy)


def test_first_states_that_a_pattern_names_are_parameters():
    nought = [np.zeros((1, 3, 6), dtype=np.float32)]
    table = pm.models.laws(recurrent("GRU", 3, states=nought)[0], laws={"s0": pm.Normal(0.1), "*": pm.Normal(0.3)})
    assert dict(zip(table["name"], table["parameters"], strict=True))["s0"] == 18


def test_scales_of_sizes_are_no_parameters():
    scales = onnx.numpy_helper.from_array(np.array([1.0, 1.0, 1.5, 2.0], dtype=np.float32), "scales")
    weight = onnx.numpy_helper.from_array(real(2, 3, 1, 1), "w")
    nodes = [
        helper.make_node("Resize", ["x", "", "scales"], ["large"]),
        helper.make_node("Conv", ["large", "w"], ["y"]),
    ]
    values = [helper.make_tensor_value_info(name, 1, ["n", 3, "a", "b"]) for name in ("x", "y")]
    built = helper.make_graph(nodes, "one", values[:1], values[1:], [scales, weight])
    model = helper.make_model(built, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    layers = pm.models.measure(model, np.ones((2, 3, 4, 4), dtype=np.float32), laws={"*": pm.Normal(0.5)})
    assert (layers.name.tolist(), layers.total_parameters) == (["w"], 6)
    assert layers.energy[0] == pytest.approx(2 * 3 * 6 * 8 * 0.25, rel=1e-6)


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"activations": ["Affine", "Tanh", "Tanh"]}, r"LSTM must have activations of .*got \['Affine'\]"),
        ({"clip": 1.0}, r"neither clip.*got \['clip'\]"),
        ({"input_forget": 1}, r"neither clip, input_forget.*got \['input_forget'\]"),
    ],
)
def test_recurrent_operations_that_are_refused(attributes, message):
    file, _ = recurrent("LSTM", 4, **attributes)
    with pytest.raises(ValueError, match=message):
        pm.models.measure(file, real(4, 3, 5), laws={"*": pm.Normal(1.0)}, rows=3)
