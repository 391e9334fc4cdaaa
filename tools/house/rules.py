"""The rules that are data. Whoever moves a boundary changes a line here, and says why in CONTRIBUTING.md."""

from __future__ import annotations

import re

# ---- C++: a folder below cpp/pyrometer, and the folders that it may include besides itself.
STOREYS = {
    "base": set[str](),
    "data": {"base"},
    "model": {"base"},
    "minimum": {"base", "data", "model"},
    "energy": {"base", "data", "model"},
}
# Headers in angle brackets that are not the standard library's, and the only places that may include them.
# A place is a prefix of the path; "" is everywhere. Eigen is also checked along every path of includes from bindings.
FOREIGN_HEADERS = {
    "pybind11/": ("cpp/bindings/",),
    "Python.h": ("cpp/bindings/",),
    "Eigen/": ("cpp/pyrometer/",),
    "omp.h": ("cpp/pyrometer/base/chunks.cpp", "cpp/bindings/bind_info.cpp"),
    "pthread.h": ("cpp/pyrometer/base/chunks.cpp",),
    "doctest/": (".test.cpp", "cpp/test_main.cpp"),
    "immintrin.h": ("cpp/pyrometer/base/",),
}
OPENMP_HOME = "cpp/pyrometer/base/chunks.cpp"
# What differs between instruction-set levels, and the files that may reach it.
LEVEL_HOME = "cpp/pyrometer/base/simd.hpp"
LEVEL_SUFFIXES = (".simd.cpp", ".fma.cpp", ".test.cpp")

# ---- Python: layers from the lowest up. A folder may import from the lines above its own, and from another folder only
# what its __init__ lists. Folders of one line do not import each other.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("_public", "_version", "_cpu", "_openmp"),
    ("errors",),
    ("_core",),
    ("_installation",),
    ("base",),
    ("results",),
    ("data", "datasets", "laws", "losses"),
    ("thermodynamics",),
    ("linear",),
    ("networks", "states", "estimators"),
    ("interop", "models", "tables", "sweeps", "testsystems"),
    ("plot",),
    ("report",),
    ("_moved",),
    ("__init__",),
    ("cli",),
    ("__main__",),
)
CORE_MODULES = {"_core", "_cpu"}
CORE_IMPORTERS = {"_core", "_installation", "base", "data", "linear", "models", "networks", "states"}
# What every module may import when it is loaded; what only some may; what nobody may except inside a function.
LIGHT = {"numpy"}
HEAVY_HOMES = {
    "click": {"cli"},
    "rich": {"cli"},
    "pyarrow": {"interop"},
    "torch": {"models"},
    "sklearn": {"estimators"},
}
# Folders that are public themselves, and load what they need.
ON_REQUEST = {"datasets", "estimators", "interop", "models", "plot", "report", "tables", "testsystems"}
LAZY = {
    *("narwhals", "pyarrow", "pandas", "polars", "matplotlib", "scipy", "sklearn", "threadpoolctl"),
    *("torch", "keras", "typing_extensions", "tensorflow", "onnx", "dask", "click", "rich", "tomli"),
}

# ---- Files.
CODE_SUFFIXES = {".py", ".pyi", ".cpp", ".hpp", ".c", ".txt", ".cmake"}
QUESTION_LINES = 300
MOST_LINES = 600

# A path of one machine means nothing on another.
FORBIDDEN = {
    "a path of one machine": re.compile(r"(?<![\w.<])/(?:tmp|work|home|root|Users|mnt)/\w"),
    "an address of one network": re.compile(r"\blocalhost\b|\b(?:10|127|192\.168)(?:\.\d{1,3}){2,3}\b"),
    "a mark left for later": re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|X" + r"XX)\b"),
}
# The hosts that a link may lead to.
HOSTS = {
    *("arxiv.org", "doi.org", "opensource.org", "creativecommons.org", "mozilla.org", "eigen.tuxfamily.org"),
    *(
        "archive.ics.uci.edu",
        "www.itl.nist.gov",
        "itl.nist.gov",
        "scikit-learn.org",
        "numpy.org",
        "json.schemastore.org",
    ),
    *("web.stanford.edu", "www4.stat.ncsu.edu", "keepachangelog.com", "semver.org", "citation-file-format.github.io"),
    *("en.wikipedia.org", "jmlr.org", "www.jmlr.org"),
    *("github.com", "pyrometer.github.io", "gcc.gnu.org", "ftp.gnu.org", "www.gnu.org", "fsf.org"),
}
