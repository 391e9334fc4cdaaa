"""ONNX: branches, recurrent operations, and what graphs of several nodes hold."""

import functools

import numpy as np
import pytest

import pyrometer as pm

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
reference = pytest.importorskip("onnx.reference")
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
    wanted = reference.ReferenceEvaluator(model).run(None, {"x": x})[0]
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


@pytest.mark.parametrize("operation", ["RNN", "GRU"])
def test_first_states_that_are_parts_of_a_tensor_are_no_parameters(operation):
    """As exporters that do not compute constants write those of several layers."""
    gates, x = {"RNN": 1, "GRU": 3}[operation], real(4, 3, 5)
    nought = np.zeros((2, 3, 6), dtype=np.float32)
    (without, _), (given, _) = (recurrent(operation, gates, states=each) for each in ((), [nought]))
    ends = {"first": np.array([1]), "end": np.array([2])}
    given.graph.initializer.extend(onnx.numpy_helper.from_array(array, name) for name, array in ends.items())
    given.graph.node.insert(0, helper.make_node("Slice", ["s0", "first", "end"], ["part"], name="part"))
    given.graph.node[-1].input[5] = "part"
    without, given = (
        pm.models.measure(file, x, laws={"*": pm.Normal(0.3)}, rows=3, draws=8) for file in (without, given)
    )
    assert np.array_equal(given.energy, without.energy)
    assert given.total_parameters == without.total_parameters


@pytest.mark.parametrize("parts", [{"scales": [1.0, 1.0, 1.5, 2.0]}, {"kept": [1.0, 1.0], "grown": [1.5, 2.0]}])
def test_scales_of_sizes_are_no_parameters(parts):
    scales = [onnx.numpy_helper.from_array(np.array(each, dtype=np.float32), name) for name, each in parts.items()]
    weight = onnx.numpy_helper.from_array(real(2, 3, 1, 1), "w")
    nodes = [
        helper.make_node("Concat", list(parts), ["joined"], axis=0),
        helper.make_node("Resize", ["x", "", "joined" if len(parts) > 1 else "scales"], ["large"]),
        helper.make_node("Conv", ["large", "w"], ["y"]),
    ]
    values = [helper.make_tensor_value_info(name, 1, ["n", 3, "a", "b"]) for name in ("x", "y")]
    built = helper.make_graph(nodes[len(parts) == 1 :], "one", values[:1], values[1:], [*scales, weight])
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


def dense(tensors, before=(), version=18, **options):
    """Return a model that multiplies inputs by the value "w" that the first nodes make, or the file has."""
    held = [onnx.numpy_helper.from_array(array, name) for name, array in tensors.items()]
    nodes = [*before, helper.make_node("MatMul", ["x", "w"], ["y"])]
    values = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in ("x", "y")]
    built = helper.make_graph(nodes, "one", values[:1], values[1:], held, **options)
    return helper.make_model(built, opset_imports=[helper.make_opsetid("", version)], ir_version=9)


def cells_in_branches():
    """Return a model with a GRU without a name in each branch, of two directions and positions of the reset gate."""
    rng = np.random.default_rng(6)

    def branch(key, **attributes):
        shapes = {"w": (1, 18, 5), "r": (1, 18, 6), "b": (1, 36)}
        held = [
            onnx.numpy_helper.from_array(rng.normal(size=shape).astype(np.float32), name + key)
            for name, shape in shapes.items()
        ]
        node = helper.make_node("GRU", ["x", *(n + key for n in shapes)], ["y" + key], hidden_size=6, **attributes)
        return helper.make_graph([node], key, [], [helper.make_tensor_value_info("y" + key, 1, None)], held)

    branches = {"then_branch": branch("0"), "else_branch": branch("1", direction="reverse", linear_before_reset=1)}
    nodes = [
        helper.make_node("ReduceSum", ["x"], ["sum"], keepdims=0),
        helper.make_node("Greater", ["sum", "nought"], ["test"]),
        helper.make_node("If", ["test"], ["y"], **branches),
    ]
    values = [helper.make_tensor_value_info(name, 1, None) for name in ("x", "y")]
    nought = onnx.numpy_helper.from_array(np.array(0.0, np.float32), "nought")
    built = helper.make_graph(nodes, "one", values[:1], values[1:], [nought])
    return helper.make_model(built, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def cells_of_one_name():
    """Return a model of two RNN of one name, of both directions, the second of the outputs of the first."""
    rng, nodes, held, last = np.random.default_rng(7), [], [], "x"
    for k, columns in enumerate((5, 6)):
        for name, shape in (("w", (1, 6, columns)), ("r", (1, 6, 6))):
            held.append(onnx.numpy_helper.from_array(rng.normal(size=shape).astype(np.float32), f"{name}{k}"))
        direction, taken = ("forward", "reverse")[k], [last, f"w{k}", f"r{k}"]
        nodes.append(helper.make_node("RNN", taken, [f"y{k}"], "cell", hidden_size=6, direction=direction))
        nodes.append(helper.make_node("Squeeze", [f"y{k}", "axis"], [f"z{k}"]))
        last = f"z{k}"
    held.append(onnx.numpy_helper.from_array(np.array([1]), "axis"))
    values = [helper.make_tensor_value_info(name, 1, None) for name in ("x", "z1")]
    built = helper.make_graph(nodes, "one", values[:1], values[1:], held)
    return helper.make_model(built, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


@pytest.mark.parametrize("make", [cells_in_branches, cells_of_one_name])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_recurrent_operations_without_names_of_their_own(make, sign):
    from pyrometer.models._onnx._module import module_of

    model, x = make(), sign * np.abs(real(4, 3, 5))
    expected = reference.ReferenceEvaluator(model).run(None, {"x": x})[0]
    with torch.no_grad():
        np.testing.assert_allclose(module_of(model)(torch.from_numpy(x)).numpy(), expected, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_parameters_of_a_damaged_training_are_parameters(broken):
    weight, bias, x = real(4, 3), real(3), real(7, 4)
    sound, laws = {"w": weight, "b": bias}, {"*": pm.Normal(0.5)}
    add = helper.make_node("Gemm", ["x", "w", "b"], ["y"])
    for name in sound:
        damaged = {key: array.copy() for key, array in sound.items()}
        damaged[name].flat[1] = broken
        models = [dense(each) for each in (sound, damaged)]
        for model in models:
            model.graph.node[0].CopyFrom(add)
        expected, found = (pm.models.measure(model, x, laws=laws) for model in models)
        assert (found.total_parameters, found.energy.tolist()) == (15, expected.energy.tolist())


def test_an_added_bias_with_nan_is_a_parameter_and_a_mask_is_none():
    counts = []
    for added in (np.nan, -np.inf):
        model = dense({"w": real(4, 3), "b": np.array([0.5, added, 1.0], np.float32)})
        model.graph.node.append(helper.make_node("Add", ["y", "b"], ["z"]))
        model.graph.output[0].name = "z"
        counts.append(int(sum(pm.models.laws(model, laws={"*": pm.Normal(0.5)})["parameters"])))
    assert counts == [15, 12]


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int16])
def test_weights_that_are_integers_with_scales_are_refused(kind):
    whole, scales = np.arange(12).reshape(4, 3).astype(kind), np.abs(real(3))
    nodes = [helper.make_node("Cast", ["q"], ["real"], to=1), helper.make_node("Mul", ["real", "s"], ["w"])]
    rows = [helper.make_node("Gather", ["q", "places"], ["taken"]), helper.make_node("Cast", ["taken"], ["w"], to=1)]
    for before, others in ((nodes, {"s": scales}), (rows, {"places": np.arange(4)})):
        with pytest.raises(ValueError, match=r"integers with scales, \['q'\]; pass the model before"):
            pm.models.measure(dense({"q": whole, **others}, before), real(7, 4), laws={"*": pm.Normal(0.5)})
    mask = (whole % 2).astype(kind)  # is no weight
    assert pm.models.laws(dense({"q": mask, "s": scales}, nodes), laws={"*": pm.Normal(0.5)})["parameters"] == [3]


def test_inputs_without_a_shape_in_the_file_may_have_any():
    x = real(7, 4)
    layers = pm.models.measure(dense({"w": real(4, 3)}), x, laws={"*": pm.Normal(0.5)})
    assert layers.energy[0] == pytest.approx(0.75 * float(np.mean(np.sum(x.astype(float) ** 2, axis=1))), rel=1e-6)


@pytest.mark.parametrize(
    ("operation", "version", "shape", "scale", "offset", "attributes"),
    [
        ("GroupNormalization", 18, (2, 6, 4), (2,), (2,), {"num_groups": 2}),
        ("GroupNormalization", 21, (2, 6, 4), (6,), (6,), {"num_groups": 2}),
        ("LayerNormalization", 17, (3, 4, 5), (5,), (5,), {"axis": 1}),
        ("LayerNormalization", 17, (3, 4, 5), (4, 1), (1,), {"axis": 1}),
    ],
)
def test_norms_with_fewer_scales_and_offsets(operation, version, shape, scale, offset, attributes):
    from pyrometer.models._onnx._module import module_of

    x, scales, offsets = real(*shape), real(*scale), real(*offset)
    held = [onnx.numpy_helper.from_array(array, name) for name, array in (("s", scales), ("b", offsets))]
    node = helper.make_node(operation, ["x", "s", "b"], ["y"], **attributes)
    values = [helper.make_tensor_value_info(name, 1, None) for name in ("x", "y")]
    built = helper.make_graph([node], "one", values[:1], values[1:], held)
    model = helper.make_model(built, opset_imports=[helper.make_opsetid("", version)], ir_version=10)
    groups = x.reshape(2, 2, -1) if operation == "GroupNormalization" else x.reshape(3, 1, -1)
    centred = groups - groups.mean(2, keepdims=True)
    normed = (centred / np.sqrt((centred**2).mean(2, keepdims=True) + 1e-5)).reshape(shape)
    if operation == "GroupNormalization":
        scales, offsets = (np.repeat(each, 6 // len(each))[:, None] for each in (scales, offsets))
    with torch.no_grad():
        np.testing.assert_allclose(
            module_of(model)(torch.from_numpy(x)), normed * scales + offsets, rtol=1e-5, atol=1e-5
        )
    layers = pm.models.measure(model, x, laws={"*": pm.Normal(0.5)})
    assert layers.total_parameters == held[0].dims[0] * (1 if len(held[0].dims) == 1 else held[0].dims[1]) + offset[0]


def test_files_that_cannot_be_read_whole(tmp_path):
    model, laws, x = dense({"w": real(4, 3)}), {"*": pm.Normal(0.5)}, real(7, 4)
    path = tmp_path / "model.onnx"
    onnx.save(dense({"w": real(4, 3)}), path, save_as_external_data=True, location="w.bin", size_threshold=0)
    assert pm.models.measure(path, x, laws=laws).total_parameters == 12
    with pytest.raises(ValueError, match="tensor 'w' cannot be read, they are in a file of their own: pass the path"):
        pm.models.measure(onnx.load(path, load_external_data=False), x, laws=laws)
    model.graph.initializer[0].raw_data = model.graph.initializer[0].raw_data[:-4]
    with pytest.raises(ValueError, match="tensor 'w' cannot be read, the file is damaged"):
        pm.models.measure(model, x, laws=laws)
    places = onnx.numpy_helper.from_array(np.array([0, 5]), "places")
    numbers = onnx.numpy_helper.from_array(np.ones(2, np.float32), "w")
    sparse = dense({}, sparse_initializer=[helper.make_sparse_tensor(numbers, places, [4, 3])])
    with pytest.raises(ValueError, match=r"must be dense, got sparse ones, \['w'\]"):
        pm.models.measure(sparse, x, laws=laws)


def test_splits_into_more_parts_than_there_are():
    model = dense({"w": real(4, 5)})
    model.graph.node.append(helper.make_node("Split", ["y"], list("abcd"), axis=1, num_outputs=4))
    model.graph.output[0].name = "d"
    with pytest.raises(ValueError, match="Split must be into at most 3 parts of 2, got 4"):
        pm.models.measure(model, real(7, 4), laws={"*": pm.Normal(0.5)})


def test_functions_of_another_version_are_refused_by_name():
    imports = [helper.make_opsetid("", 17)]
    inner = [helper.make_node("MatMul", ["a", "b"], ["c"])]
    model = dense({"v": real(4, 4), "i": np.eye(4, dtype=np.float32)})
    model.functions.append(helper.make_function("own", "Times", ["a", "b"], ["c"], inner, imports))
    model.graph.node.insert(0, helper.make_node("Times", ["v", "i"], ["w"], domain="own"))
    model.opset_import.append(helper.make_opsetid("own", 1))
    with pytest.raises(ValueError, match=r"functions of the model, \['own\.Times'\], must have operations of its own"):
        pm.models.measure(model, real(7, 4), laws={"*": pm.Normal(0.5)})


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_blocks_of_pixels_return_from_channels(mode):
    from pyrometer.models._onnx._shapes import SHAPES

    x, attributes = torch.arange(144.0).reshape(2, 3, 4, 6), {"blocksize": 2, "mode": mode}
    assert torch.equal(SHAPES["DepthToSpace"](attributes, SHAPES["SpaceToDepth"](attributes, x)), x)
