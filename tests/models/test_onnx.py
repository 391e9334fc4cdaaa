"""ONNX models, against the PyTorch models that they were exported from, and operations against ONNX's own reference."""

import functools
import itertools
from importlib.util import find_spec

import numpy as np
import pytest

import pyrometer as pm

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
if find_spec("onnxscript") is None:  # imported by the exporter of PyTorch, for seconds
    pytest.skip("onnxscript is not installed", allow_module_level=True)
from .zoo import real  # noqa: E402 (needs PyTorch)

nn, helper = torch.nn, onnx.helper
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:torch"),
]


class Block(nn.Module):
    def __init__(self, width=16, heads=2):
        super().__init__()
        self.tokens, self.norm = nn.Embedding(11, width), nn.LayerNorm(width)
        self.places = nn.Parameter(torch.randn(9, width))
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.norm2, self.up, self.down = nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.heads = heads

    def forward(self, ids):
        x = self.tokens(ids) + self.places[: ids.shape[1]]
        rows, length, width = x.shape
        parts = self.qkv(self.norm(x)).chunk(3, -1)
        q, k, v = (part.view(rows, length, self.heads, width // self.heads).transpose(1, 2) for part in parts)
        mixed = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).reshape(rows, length, width))
        return x + self.down(nn.functional.gelu(self.up(self.norm2(x)), approximate="tanh"))


def mlp():
    return nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 8), nn.GELU(), nn.Linear(8, 3))


def cnn():
    return nn.Sequential(
        *(nn.Conv2d(3, 8, 3, padding=1, stride=2), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(8, 4, 3, groups=2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)),
    )


@functools.cache
def exported(name):
    """Return a model of PyTorch and what it is exported to."""
    make, inputs = MODELS[name]
    model = make().eval()
    return model, torch.onnx.export(model, (inputs,), dynamo=True, verbose=False).model_proto


MODELS = {
    "mlp": (mlp, torch.randn(4, 5, generator=torch.Generator().manual_seed(0))),
    "cnn": (cnn, torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(1))),
    "block": (Block, torch.randint(0, 11, (4, 7), generator=torch.Generator().manual_seed(2))),
}


@pytest.mark.parametrize("name", MODELS)
def test_outputs_are_those_of_the_exported_model(name):
    from pyrometer.models._onnx._module import module_of

    (model, file), inputs = exported(name), MODELS[name][1]
    read = module_of(file).eval()
    with torch.no_grad():
        assert torch.allclose(read(inputs), model(inputs), atol=1e-5)


LAWS = {"*.weight": pm.Normal(0.3), "*.bias": pm.Constant(0.0)}


@pytest.mark.filterwarnings("ignore::pyrometer.SimulationWarning")
@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_energies_are_those_of_the_exported_model(name, tmp_path):
    make, inputs = MODELS[name]
    path = tmp_path / "model.onnx"
    onnx.save(exported(name)[1], path)
    laws = {**({"1.weight": pm.Constant(1.0)} if name == "cnn" else {}), **LAWS}
    mode = {"mode": "eval", "method": "monte-carlo", "draws": 60}
    expected = pm.models.measure(make, inputs, laws=laws, **mode)
    # The exporter has folded batch normalisation, the identity before training, into the convolution.
    kept = [k for k, kind in enumerate(expected.kind.tolist()) if kind in ("dense", "convolution")]
    found = pm.models.measure(path, inputs, laws=LAWS, seed=1, **mode)
    assert found.kind.tolist() == expected.kind[kept].tolist()
    error = np.hypot(found.standard_error, expected.standard_error[kept]) + 1e-4 * expected.energy[kept]
    assert (np.abs(found.energy - expected.energy[kept]) <= 4.0 * error).all()
    assert found.parameters.tolist() == expected.parameters[kept].tolist()
    np.testing.assert_allclose(found.entropy, expected.entropy[kept], rtol=1e-12)


def test_slopes_of_a_layer_have_the_energy_of_its_output():
    def made():
        return nn.Sequential(nn.Linear(5, 8), nn.PReLU(8), nn.Linear(8, 3))

    nodes = [
        helper.make_node("Gemm", ["x", "0.weight", "0.bias"], ["a"], transB=1),
        helper.make_node("PRelu", ["a", "1.weight"], ["b"]),
        helper.make_node("Gemm", ["b", "2.weight", "2.bias"], ["z"], transB=1),
    ]
    values = [onnx.numpy_helper.from_array(value.numpy(), name) for name, value in made().state_dict().items()]
    ends = [helper.make_tensor_value_info(name, 1, ["rows", width]) for name, width in (("x", 5), ("z", 3))]
    file = helper.make_model(helper.make_graph(nodes, "g", ends[:1], ends[1:], values))
    inputs, laws = torch.randn(4, 5, generator=torch.Generator().manual_seed(3)), {**LAWS, "1.weight": pm.Uniform(1.0)}
    expected, found = (pm.models.measure(model, inputs, laws=laws) for model in (made, file))
    assert found.kind.tolist() == expected.kind.tolist() == ["dense", "scale", "dense"]
    np.testing.assert_allclose(found.energy, expected.energy, rtol=1e-5)


@pytest.mark.parametrize("added", [(), (4,), (1, 1)])
@pytest.mark.parametrize("options", [{"alpha": 0.5}, {"alpha": 2.0, "beta": 3.0, "transB": 1}, {"beta": 0.5}])
def test_the_outputs_of_a_product_are_behind_its_factors(added, options):
    weight, x = real(4, 3) if "transB" in options else real(3, 4), real(5, 3)
    arrays = {"w": weight} if added == () else {"w": weight, "b": real(*added)}
    node = helper.make_node("Gemm", ["x", *arrays], ["y"], **options)
    ends = [helper.make_tensor_value_info(name, 1, shape) for name, shape in (("x", [5, 3]), ("y", [5, 4]))]
    values = [onnx.numpy_helper.from_array(array, name) for name, array in arrays.items()]
    file = helper.make_model(helper.make_graph([node], "g", ends[:1], ends[1:], values))
    found = pm.models.measure(
        file, x, laws={"w": pm.Normal(0.5), "*": pm.Normal(2.0)} if added else {"*": pm.Normal(0.5)}
    )
    product = (options.get("alpha", 1.0) * 0.5) ** 2 * float((x.astype(float) ** 2).sum()) / 5.0
    bias = (options.get("beta", 1.0) * 2.0) ** 2 if added else 0.0
    np.testing.assert_allclose(found.energy, [4.0 * (product + bias)], rtol=1e-6)


def test_a_norm_of_groups_of_three_operations_is_one_layer():
    """Exporters write it as a norm of instances, a product and a sum."""

    def made():
        return nn.Sequential(nn.Conv2d(3, 8, 2), nn.GroupNorm(2, 8), nn.Conv2d(8, 2, 1))

    new = {"split": [0, 2, -1], "back": [0, 8, 3, 3]}
    values = [onnx.numpy_helper.from_array(value.numpy(), name) for name, value in made().state_dict().items()]
    values += [onnx.numpy_helper.from_array(np.array(shape), name) for name, shape in new.items()]
    values += [onnx.numpy_helper.from_array(np.full(2, x, np.float32), n) for n, x in (("ones", 1.0), ("zeros", 0.0))]
    values = [value for value in values if not value.name.startswith("1.")]
    values += [
        onnx.numpy_helper.from_array(value.detach().numpy().reshape(8, 1, 1), f"1.{name}")
        for name, value in made()[1].named_parameters()
    ]
    nodes = [
        helper.make_node("Conv", ["x", "0.weight", "0.bias"], ["a"]),
        helper.make_node("Reshape", ["a", "split"], ["b"]),
        helper.make_node("InstanceNormalization", ["b", "ones", "zeros"], ["c"]),
        helper.make_node("Reshape", ["c", "back"], ["d"]),
        helper.make_node("Mul", ["d", "1.weight"], ["e"]),
        helper.make_node("Add", ["e", "1.bias"], ["f"]),
        helper.make_node("Conv", ["f", "2.weight", "2.bias"], ["z"]),
    ]
    ends = [
        helper.make_tensor_value_info(name, 1, ["rows", *shape]) for name, shape in (("x", (3, 4, 4)), ("z", (2, 3, 3)))
    ]
    file = helper.make_model(helper.make_graph(nodes, "g", ends[:1], ends[1:], values))
    inputs = torch.randn(6, 3, 4, 4, generator=torch.Generator().manual_seed(3))
    laws = {"1.weight": pm.Normal(0.5), "1.bias": pm.Normal(0.7), **LAWS}
    expected, found, drawn = (
        pm.models.measure(model, inputs, laws=laws, method=method, draws=40)
        for model, method in ((made, "auto"), (file, "auto"), (file, "monte-carlo"))
    )
    assert (found.kind.tolist(), found.units.tolist()) == (["convolution", "scale", "convolution"], [72.0, 72.0, 18.0])
    assert found.parameters.tolist() == expected.parameters.tolist()
    assert found.energy[1] == pytest.approx(72.0 * (0.5**2 + 0.7**2), rel=1e-3)
    np.testing.assert_allclose(found.energy, expected.energy, rtol=1e-3)
    assert (np.abs(drawn.energy - found.energy) <= 4.0 * drawn.standard_error + 1e-3 * found.energy).all()


@pytest.mark.filterwarnings("ignore:After .* draws energies have heavy tails:pyrometer.SimulationWarning")
def test_parameters_without_a_law_are_unknown_by_name():
    (_, model), inputs = exported("block"), MODELS["block"][1]
    found = pm.models.measure(model, inputs, laws={"tokens.weight": pm.Normal(1.0)}, draws=4, method="monte-carlo")
    assert "qkv.bias" in found.entropy_unknown
    assert "tokens.weight" not in found.entropy_unknown
    assert "norm.weight" not in found.entropy_unknown  # ones, as before training
    again = pm.models.measure(model, inputs, laws={"tokens.weight": pm.Normal(1.0)}, draws=4, method="monte-carlo")
    assert np.array_equal(found.energy, again.energy)
    table = pm.models.laws(model, laws={"tokens.weight": pm.Normal(1.0)})
    assert dict(zip(table["name"], table["law"], strict=True))["qkv.bias"] == "unknown: values of the file"


# ---- Operations, against the reference implementation of ONNX.


def graph(operation, arrays, outputs=1, version=18, **attributes):
    kinds = {np.dtype(np.float32): 1, np.dtype(np.int32): 6, np.dtype(np.int64): 7, np.dtype(bool): 9}
    names = [f"x{k}" for k in range(len(arrays))]
    values = [
        helper.make_tensor_value_info(name, kinds[np.asarray(array).dtype], np.shape(array))
        for name, array in zip(names, arrays, strict=True)
    ]
    made = [f"y{k}" for k in range(outputs)]
    node = helper.make_node(operation, names, made, **attributes)
    results = [helper.make_tensor_value_info(name, 0, None) for name in made]
    built = helper.make_graph([node], "one", values, results)
    return helper.make_model(built, opset_imports=[helper.make_opsetid("", version)], ir_version=9)


def whole(*numbers):
    return np.array(numbers, dtype=np.int64)


CASES = [
    *(
        (name, [real(3, 4)], {})
        for name in ("Neg", "Abs", "Exp", "Relu", "Sigmoid", "Tanh", "Softplus", "Softsign", "Erf")
    ),
    *(
        (name, [real(3, 4)], {})
        for name in ("Elu", "Selu", "LeakyRelu", "HardSigmoid", "HardSwish", "Mish", "Sin", "Cos")
    ),
    ("LeakyRelu", [real(3, 4)], {"alpha": 0.3}),
    ("Elu", [real(3, 4)], {"alpha": 0.5}),
    ("Celu", [real(3, 4)], {"alpha": 0.5}),
    ("PRelu", [real(3, 4), real(4)], {}),
    ("Sqrt", [np.abs(real(3, 4))], {}),
    ("Reciprocal", [real(3, 4)], {}),
    ("Log", [np.abs(real(3, 4))], {}),
    *(
        (name, [real(2, 3), real(3)], {})
        for name in ("Add", "Sub", "Mul", "Div", "Min", "Max", "Less", "GreaterOrEqual")
    ),
    ("Div", [whole(-7, 7, 8), whole(2, 2, 3)], {}),
    ("Mod", [whole(-7, 7, 8, -8), whole(3, -3, -5, -5)], {}),
    ("Mod", [whole(-7, 7, 8, -8), whole(3, -3, -5, -5)], {"fmod": 1}),
    ("Mod", [real(3, 4), real(4)], {"fmod": 1}),
    ("Pow", [np.abs(real(3, 4)), np.float32(2.5)], {}),
    ("Sum", [real(3), real(3), real(3)], {}),
    ("Where", [real(3) > 0.0, real(3), real(1)], {}),
    ("Clip", [real(3, 4), np.float32(-0.2), np.float32(0.4)], {}),
    *(
        ("Gemm", [real(*a), real(*b), real(4)], k)
        for a, b, k in [
            ((2, 3), (4, 3), {"transB": 1}),
            ((3, 2), (3, 4), {"transA": 1, "alpha": 0.5, "beta": 2.0}),
            ((2, 3), (3, 4), {}),
        ]
    ),
    ("MatMul", [real(2, 3, 4), real(4, 5)], {}),
    ("Einsum", [real(2, 3), real(4, 3)], {"equation": "ij,kj->ik"}),
    ("Softmax", [real(2, 3)], {"axis": 0}),
    ("LogSoftmax", [real(2, 3)], {}),
    ("ReduceMean", [real(2, 3, 4), whole(1, -1)], {"keepdims": 0}),
    ("ReduceMean", [real(2, 3)], {}),
    ("ReduceSum", [real(2, 3), whole(0)], {}),
    ("ReduceMax", [real(2, 3), whole(1)], {}),
    ("ReduceL2", [real(2, 3), whole(1)], {}),
    ("BatchNormalization", [real(2, 3, 4), real(3), real(3), real(3), np.abs(real(3))], {"epsilon": 0.1}),
    ("LayerNormalization", [real(2, 3, 4), real(4), real(4)], {"epsilon": 0.1}),
    ("InstanceNormalization", [real(2, 3, 4), real(3), real(3)], {}),
    *(
        ("Conv", [real(2, 4, 7, 6), real(6, c, 3, 2), real(6)], k)
        for c, k in [
            (4, {"pads": [1, 0, 1, 0], "strides": [2, 1]}),
            (4, {"pads": [1, 0, 2, 1], "dilations": [2, 1]}),
            (2, {"group": 2}),
            (4, {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
            (4, {"auto_pad": "SAME_LOWER"}),
        ]
    ),
    ("Conv", [real(2, 3, 8), real(4, 3, 3)], {}),
    ("ConvTranspose", [real(1, 3, 4, 4), real(3, 2, 3, 3), real(2)], {"strides": [2, 2], "pads": [1, 1, 0, 0]}),
    ("ConvTranspose", [real(1, 4, 5), real(4, 2, 3)], {"output_padding": [1], "strides": [2]}),
    ("MaxPool", [real(1, 2, 7, 7)], {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}),
    ("MaxPool", [real(1, 2, 6)], {"kernel_shape": [2], "strides": [2]}),
    ("AveragePool", [real(1, 2, 6, 6)], {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}),
    ("AveragePool", [real(1, 2, 6, 6)], {"kernel_shape": [2, 2], "count_include_pad": 1, "pads": [1, 1, 1, 1]}),
    ("GlobalAveragePool", [real(2, 3, 4, 5)], {}),
    ("GlobalMaxPool", [real(2, 3, 4, 5)], {}),
    ("Reshape", [real(2, 3, 4), whole(0, -1)], {}),
    ("Flatten", [real(2, 3, 4)], {"axis": 2}),
    ("Transpose", [real(2, 3, 4)], {"perm": [2, 0, 1]}),
    ("Transpose", [real(2, 3, 4)], {}),
    ("Squeeze", [real(2, 1, 3, 1), whole(1, -1)], {}),
    ("Unsqueeze", [real(2, 3), whole(0, -1)], {}),
    ("Concat", [real(2, 3), real(2, 1)], {"axis": 1}),
    ("Slice", [real(6, 7), whole(1, -2), whole(2**31, 0), whole(0, 1), whole(2, -2)], {}),
    ("Slice", [real(6, 7), whole(5), whole(-(2**31)), whole(0), whole(-3)], {}),
    ("Slice", [real(6, 7), whole(4), whole(2)], {}),
    ("Gather", [real(5, 3), np.array([[0, -1], [2, 2]])], {}),
    ("Gather", [real(5, 3), whole(2, 0)], {"axis": 1}),
    ("Gather", [whole(5, 6, 7), np.array(1)], {}),
    ("GatherElements", [real(3, 3), np.array([[0, -1, 2]])], {"axis": 0}),
    ("Expand", [real(3, 1), whole(2, 1, 4)], {}),
    ("Tile", [real(2, 3), whole(2, 1)], {}),
    ("Shape", [real(2, 3, 4)], {"start": 1}),
    ("Size", [real(2, 3)], {}),
    ("ConstantOfShape", [whole(2, 3)], {}),
    ("Range", [np.array(1), np.array(9), np.array(3)], {}),
    ("Cast", [real(3)], {"to": 7}),
    ("Trilu", [real(4, 4), np.array(1)], {"upper": 0}),
    ("Pad", [real(2, 3), whole(0, 1, 0, 2), np.float32(1.5)], {}),
    ("Pad", [real(2, 3, 4), whole(0, 0, 1, 0, 0, 2)], {"mode": "reflect"}),
    *(
        ("Pad", [real(3, 4, 2), whole(*pads)], {"mode": how})
        for how in ("reflect", "edge", "wrap")
        for pads in ((2, 0, 0, 1, 3, 1), (0, 0, 0, 2, 0, 1))
    ),
    *(("DepthToSpace", [real(2, 12, 3, 4)], {"blocksize": 2, **mode}) for mode in ({}, {"mode": "CRD"})),
    ("SpaceToDepth", [real(2, 3, 4, 6)], {"blocksize": 2}),
    ("CumSum", [real(3, 4), np.array(1)], {}),
    ("CumSum", [np.arange(6, dtype=np.int32), np.array(0)], {}),
    *(
        ("Resize", [real(1, 2, 3, 4), real(0), np.array([1, 1, *scales], dtype=np.float32)], options)
        for scales in ((2.0, 3.0), (2.0 / 3.0, 1.5))
        for options in (
            {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
            {"nearest_mode": "round_prefer_ceil"},
            {"mode": "linear"},
            {"mode": "linear", "coordinate_transformation_mode": "align_corners"},
            {"mode": "linear", "coordinate_transformation_mode": "pytorch_half_pixel"},
            {"mode": "cubic"},
            {"mode": "cubic", "cubic_coeff_a": -0.5, "coordinate_transformation_mode": "asymmetric"},
        )
    ),
    ("Identity", [real(3)], {}),
]


@pytest.mark.parametrize(
    ("operation", "arrays", "attributes"), CASES, ids=[f"{k}-{case[0]}" for k, case in enumerate(CASES)]
)
def test_operations_are_those_of_the_reference(operation, arrays, attributes):
    from onnx.reference import ReferenceEvaluator

    from pyrometer.models._onnx._module import module_of

    model = graph(operation, arrays, version=19 if attributes.get("mode") == "wrap" else 18, **attributes)
    expected = ReferenceEvaluator(model).run(None, {f"x{k}": np.asarray(array) for k, array in enumerate(arrays)})[0]
    found = module_of(model).eval()(*(torch.as_tensor(np.asarray(array)) for array in arrays)).numpy()
    assert found.shape == np.shape(expected)
    assert found.dtype == np.asarray(expected).dtype
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-6)


def test_split_and_gelu():
    from pyrometer.models._onnx._module import module_of

    x = torch.randn(5, 4)
    parts = module_of(graph("Split", [x.numpy(), whole(2, 3)], outputs=2)).eval()(x, torch.tensor([2, 3]))
    assert [part.shape[0] for part in parts] == [2, 3]
    parts = module_of(graph("Split", [x.numpy()], outputs=3, num_outputs=3)).eval()(x)
    assert [part.shape[0] for part in parts] == [2, 2, 1]
    for how in ("none", "tanh"):
        found = module_of(graph("Gelu", [x.numpy()], version=20, approximate=how)).eval()(x)
        assert torch.allclose(found, nn.functional.gelu(x, approximate=how))


def read(operation, arrays, **attributes):
    from pyrometer.models._onnx._module import module_of

    tensors = [torch.as_tensor(np.asarray(array)) for array in arrays]
    return module_of(graph(operation, arrays, **attributes)).eval()(*tensors).numpy()


def largest(x, window, strides, pads, ceiling):
    """Return the maxima of windows, one by one; none begins in the padding behind the numbers."""
    axes = len(window)
    sizes = []
    for k, (size, width, step) in enumerate(zip(x.shape[2:], window, strides, strict=True)):
        room = size + pads[k] + pads[axes + k] - width
        count = (-(-room // step) if ceiling else room // step) + 1
        sizes.append(sum(place * step < size + pads[k] for place in range(count)))
    out = np.empty((*x.shape[:2], *sizes), dtype=x.dtype)
    for place in np.ndindex(*sizes):
        begin = [each * step - first for each, step, first in zip(place, strides, pads, strict=False)]
        part = tuple(slice(max(b, 0), b + width) for b, width in zip(begin, window, strict=True))
        out[(..., *place)] = x[(..., *part)].max(axis=tuple(range(2, x.ndim)))
    return out


def test_largest_of_windows_of_random_geometry():
    rng = np.random.default_rng(0)
    for _ in range(120):
        axes = int(rng.integers(1, 3))
        window, strides = ([int(number) for number in rng.integers(1, 5, axes)] for _ in range(2))
        pads = [int(rng.integers(0, window[k % axes])) for k in range(2 * axes)]
        x, ceiling = rng.normal(size=(1, 2, *rng.integers(4, 9, axes))).astype(np.float32), int(rng.integers(0, 2))
        found = read("MaxPool", [x], kernel_shape=window, strides=strides, pads=pads, ceil_mode=ceiling)
        expected = largest(x, window, strides, pads, ceiling)
        np.testing.assert_array_equal(found, expected, err_msg=str((x.shape, window, strides, pads, ceiling)))


def test_slices_backwards_begin_at_the_first_element_at_the_earliest():
    x = real(4, 3)
    found = read("Slice", [x, whole(-9, 9), whole(-(2**62), -9), whole(0, 1), whole(-1, -2)])
    np.testing.assert_array_equal(found, x[:1, ::-2])


def test_reductions_over_no_axes():
    x = real(3, 4)
    options = {"noop_with_empty_axes": 1}
    np.testing.assert_array_equal(read("ReduceL2", [x], **options), np.abs(x))
    np.testing.assert_array_equal(read("ReduceMean", [x], **options), x)


@pytest.mark.parametrize("scale", [0.7, 0.9, 1.1, 2.3])
def test_sizes_of_scales_are_those_of_pytorch(scale):
    for size in range(10, 50, 10):
        x = real(1, 1, size)
        scales = np.array([1.0, 1.0, scale], dtype=np.float32)
        found = read("Resize", [x, real(0), scales], coordinate_transformation_mode="asymmetric", nearest_mode="floor")
        expected = nn.functional.interpolate(torch.from_numpy(x), scale_factor=scale)
        assert found.shape == tuple(expected.shape), (scale, size)


# ---- Bad input.


@pytest.mark.parametrize("operation", ["Dropout", "LayerNormalization", "MaxPool", "BatchNormalization"])
def test_second_outputs_that_are_used(operation):
    from pyrometer.models._onnx._module import module_of

    arrays = {"LayerNormalization": [real(2, 3), real(3)], "BatchNormalization": [real(2, 3), *[real(3)] * 4]}
    model = graph(operation, arrays.get(operation, [real(1, 1, 3)]), outputs=2)
    with pytest.raises(ValueError, match=rf"{operation} is supported with its first output alone, but \['y1'\] of it"):
        module_of(model)
    del model.graph.output[1]
    module_of(model)  # unused, as exporters leave them


def simple(operation="Gemm", domain="", version=18):
    weight = onnx.numpy_helper.from_array(real(3, 4), "w")
    node = helper.make_node(operation, ["x", "w"], ["y"], domain=domain)
    values = [helper.make_tensor_value_info(name, 1, size) for name, size in (("x", ["n", 3]), ("y", ["n", 4]))]
    built = helper.make_graph([node], "one", values[:1], values[1:], [weight])
    sets = [helper.make_opsetid("", version), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(built, opset_imports=sets, ir_version=9)


X, NAMED = np.ones((2, 3), dtype=np.float32), {"w": pm.Normal(1.0)}


@pytest.mark.parametrize(
    ("model", "inputs", "options", "message"),
    [
        (simple(), X, {}, r"laws must name the laws of the parameters \['w'\].*laws=\{\"w\": pm\.Normal"),
        (simple(), X, {"laws": {}}, r"laws must name the laws"),
        (simple(), X, {"laws": {"v": pm.Normal(1.0)}}, r"laws\['v'\] matches no parameter of \['w'\]"),
        (simple(), X, {"laws": NAMED, "init": lambda model: model}, r"init is for models of PyTorch"),
        (simple("Loop"), X, {"laws": NAMED}, r"operations that are not supported, \['Loop'\]"),
        (simple("FusedGemm", "com.microsoft"), X, {"laws": NAMED}, r"not supported, \['com\.microsoft\.FusedGemm'\]"),
        (simple(version=9), X, {"laws": NAMED}, r"version 13 or later, got \[9\]; convert it"),
        (simple(), X[:, :2], {"laws": NAMED}, r"input 'x' must have the shape anyx3, got 2x2"),
        (simple(), X[0], {"laws": NAMED}, r"input 'x' must have the shape anyx3, got 3"),
        (
            simple(),
            X.astype(int),
            {"laws": NAMED},
            r"input 'x' must have numbers of type torch\.float32, got torch\.int64",
        ),
        (simple(), (X, X), {"laws": NAMED}, r"inputs must be the 1 of the model, \['x'\], got 2"),
        (simple(), {"z": X}, {"laws": NAMED}, r"inputs must be the 1 of the model, \['x'\], got 0 and \['z'\]"),
    ],
)
def test_bad_input(model, inputs, options, message):
    with pytest.raises(ValueError, match=message):
        pm.models.measure(model, inputs, **options)


def test_a_graph_with_a_name_that_nothing_makes():
    model = simple()
    model.graph.node[0].input[0] = "z"
    with pytest.raises(ValueError, match=r"the file is damaged: nothing makes \['z'\] for operation Gemm"):
        pm.models.laws(model, laws=NAMED)


def test_files_that_are_no_models(tmp_path):
    path = tmp_path / "model.onnx"
    with pytest.raises(FileNotFoundError):
        pm.models.measure(path, X, laws=NAMED)
    path.write_bytes(b"no model" * 9)
    with pytest.raises(ValueError, match=r"model\.onnx is not a model of ONNX, or damaged"):
        pm.models.measure(path, X, laws=NAMED)


def test_named_inputs_and_files_without_torch_names():
    found = pm.models.measure(simple(), {"x": X}, laws=NAMED)
    assert (found.name.tolist(), found.parameters.tolist()) == (["w"], [12])
    assert found.energy[0] == pytest.approx(12.0, rel=0.0 if found.standard_error[0] else 1e-6)


def test_cases_have_every_operation_once():
    from pyrometer.models._onnx._operations import OPERATIONS

    tested = {case[0] for case in CASES} | {"Split", "Gelu"}
    plain = {"Equal", "LessOrEqual", "Greater", "And", "Or", "Not", "IsNaN", "ReduceMin", "Dropout", "CastLike"}
    assert set(OPERATIONS) - tested - plain == {"RMSNormalization", "GroupNormalization"}
    assert not list(itertools.chain(tested & plain))
