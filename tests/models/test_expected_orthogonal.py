"""Orthogonal weights in operations that have them in other shapes, against products with the matrix itself."""

import os
from importlib.util import find_spec

os.environ.setdefault("KERAS_BACKEND", "torch")

import numpy as np
import pytest

import pyrometer as pm

torch = pytest.importorskip("torch")
GAIN, ROWS = 1.3, 3


class Product(torch.nn.Module):
    def __init__(self, shape, product):
        super().__init__()
        self.weight, self.product = torch.nn.Parameter(torch.empty(shape)), product
        torch.nn.init.orthogonal_(self.weight, GAIN)

    def forward(self, x):
        return self.product(x, self.weight)


PRODUCTS = {
    "einsum": ((8, 5), (4, 8), lambda x, w: torch.einsum("bij,jk->bik", x, w)),
    "einsum of three axes": ((8, 2, 3), (4, 8), lambda x, w: torch.einsum("bij,jkl->bikl", x, w)),
    "matrices": ((8, 5), (4, 8), lambda x, w: torch.bmm(x, w.expand(len(x), 8, 5).contiguous())),
    "another shape": ((8, 5), (10,), lambda x, w: x @ w.view(10, 4)),
    "another shape, transposed": ((5, 8), (4,), lambda x, w: x @ w.view(10, 4).T),
}


@pytest.mark.parametrize("method", ["auto", "monte-carlo"])
@pytest.mark.parametrize("name", PRODUCTS)
def test_entries_have_the_variance_of_the_matrix_that_is_drawn(name, method):
    shape, size, product = PRODUCTS[name]
    x = torch.randn(ROWS, *size, generator=torch.Generator().manual_seed(0))
    variance = GAIN**2 / max(shape[0], int(np.prod(shape[1:])))
    expected = variance * float(product(x**2, torch.ones(shape)).sum()) / ROWS
    layers = pm.models.measure(lambda: Product(shape, product), x, method=method, draws=200)
    assert abs(layers.energy[0] - expected) < 4.5 * layers.standard_error[0] + 1e-5 * expected


LAYERS = {
    "dense": ("Dense", (8,), {"units": 5}),
    "einsum": ("EinsumDense", (4, 8), {"equation": "abc,cde->abde", "output_shape": (None, 2, 3)}),
    "depthwise": ("DepthwiseConv1D", (6, 4), {"kernel_size": 3, "depth_multiplier": 2}),
    "convolution": ("Conv1D", (6, 4), {"filters": 3, "kernel_size": 3}),
    "transposed": ("Conv1DTranspose", (6, 4), {"filters": 3, "kernel_size": 3}),
}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.filterwarnings("ignore::DeprecationWarning:keras")
def test_kernels_of_keras_have_the_variance_of_the_matrix_that_is_drawn(name):
    if find_spec("keras") is None:
        pytest.skip("Keras is not installed")
    import keras

    if keras.backend.backend() != "torch":
        pytest.skip("the backend of Keras is another one")
    kind, size, options = LAYERS[name]
    kernel = "depthwise_initializer" if name == "depthwise" else "kernel_initializer"

    def model(initializer):
        inputs = keras.Input(size)
        return keras.Model(inputs, getattr(keras.layers, kind)(**options, **{kernel: initializer})(inputs))

    x = np.random.default_rng(0).normal(size=(ROWS, *size)).astype(np.float32)
    ones = model("ones")
    shape = ones.layers[-1].weights[0].shape
    variance = GAIN**2 / max(int(np.prod(shape[:-1])), shape[-1])
    expected = variance * float(np.asarray(ones.predict(x**2, verbose=0)).sum()) / ROWS
    layers = pm.models.measure(lambda: model(keras.initializers.Orthogonal(GAIN)), x, draws=8)
    assert layers.standard_error[0] == 0.0
    assert np.isclose(layers.energy[0], expected, rtol=1e-5)
