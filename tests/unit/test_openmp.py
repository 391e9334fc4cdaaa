"""OpenMP runtimes: which are loaded, and that the second of LLVM's kind is refused by name."""

import contextlib
import sys

import pytest

import pyrometer as pm
from pyrometer import _core, _openmp


def test_config_names_the_runtime_of_the_core():
    config = pm.config()
    if _core.openmp == 0:
        assert config["openmp"] == "none, computes on one thread"
        assert config["threads"] == 1
    elif sys.platform == "linux":
        assert any(
            name.startswith("libgomp" if "gcc" in config["compiler"] else "libomp") for name in config["runtimes"]
        )


@pytest.mark.parametrize(
    ("paths", "refused"),
    [
        ([], False),
        (["/a/libgomp.so.1", "/b/libgomp-a34b.so.1.0.0"], False),
        (["/a/libgomp.so.1", "/b/libomp.so.5"], False),
        (["/a/libomp.so.5", "/b/libiomp5.so"], True),
        (["/a/libomp.so.5", "/b/libomp-1234.so.5"], True),
    ],
)
def test_two_runtimes_of_llvm_are_refused(paths, refused):
    message = r"must have one OpenMP runtime.*/a/libomp.so.5, /b/lib.*build it with GCC"
    with pytest.raises(ImportError, match=message) if refused else contextlib.nullcontext():
        _openmp.refuse_second(paths)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("libgomp.so.1.0.0", True),
        ("libgomp-a34b3233.so.1", True),
        ("libiomp5.so", True),
        ("libomp.so.5", True),
        ("libcompat.so", False),
        ("libompl.so.3", False),
        ("libboost_omp.so", False),
        ("libgomp.py", False),
    ],
)
def test_runtimes_are_known_by_their_names(name, found):
    assert (_openmp._RUNTIME.search(f"/usr/lib/{name}") is not None) == found
