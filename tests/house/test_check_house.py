"""The tree keeps its rules, and check_house.py reports every rule that is broken."""

from __future__ import annotations

import shutil
from pathlib import Path

import check_house
import pytest
from house import files
from house.report import cycles

ROOT = Path(__file__).parents[2]


def test_the_tree_keeps_the_rules() -> None:
    broken = [str(problem) for problem in check_house.problems(ROOT) if not problem.warning]
    assert not broken, "\n".join(broken)


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the tree, code only, that keeps the rules."""
    copy = tmp_path_factory.mktemp("tree")
    for path in files.tracked(ROOT):
        name = path.relative_to(ROOT)
        if name.parts[0] in ("cpp", "python"):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy / name)
    return copy


@pytest.fixture(scope="module")
def problems(pristine: Path) -> set[str]:
    """Return the problems of that copy."""
    return {str(problem) for problem in check_house.problems(pristine)}


# Faults: the rule that must be reported, the file, and the text that is appended to it (a new file if there is none).
PLANTED = {
    "core includes upward": ("storeys", "cpp/pyrometer/base/types.hpp", '#include "pyrometer/model/law.hpp"\n'),
    "energy includes minimum": ("storeys", "cpp/pyrometer/energy/new.hpp", '#include "pyrometer/minimum/new.hpp"\n'),
    "core includes bindings": ("storeys", "cpp/pyrometer/base/new.cpp", '#include "../../bindings/bindings.hpp"\n'),
    "folder without a storey": ("storey", "cpp/pyrometer/attic/new.cpp", "\n"),
    "core includes pybind11": ("foreign-include", "cpp/pyrometer/model/law.hpp", "#include <pybind11/numpy.h>\n"),
    "core includes Python": ("foreign-include", "cpp/pyrometer/base/chunks.cpp", "#include <Python.h>\n"),
    "core includes a stranger": ("foreign-include", "cpp/pyrometer/base/chunks.cpp", "#include <boost/config.hpp>\n"),
    "bindings include Eigen": ("foreign-include", "cpp/bindings/module.cpp", "#include <Eigen/Core>\n"),
    "plain file knows the level": ("level", "cpp/pyrometer/base/chunks.cpp", '#include "pyrometer/base/simd.hpp"\n'),
    "bindings reach Eigen": ("eigen-in-bindings", "cpp/pyrometer/base/types.hpp", "#include <Eigen/Core>\n"),
    "doctest outside of tests": ("foreign-include", "cpp/pyrometer/base/chunks.cpp", "#include <doctest/doctest.h>\n"),
    "relative include": ("include-path", "cpp/pyrometer/base/chunks.cpp", '#include "chunks.hpp"\n'),
    "include of nothing": ("include-path", "cpp/pyrometer/base/chunks.cpp", '#include "pyrometer/base/nothing.hpp"\n'),
    "include cycle": ("include-cycle", "cpp/pyrometer/base/types.hpp", '#include "pyrometer/base/chunks.hpp"\n'),
    "long comment": ("long-comment", "cpp/pyrometer/base/random.cpp", f"// {'x' * 120}\n"),
    "second OpenMP pragma": ("openmp", "cpp/pyrometer/base/random.cpp", "#pragma omp simd\n"),
    "vector that is aligned by itself": (
        "aligned-vector",
        "cpp/pyrometer/base/simd.hpp",
        "typedef double Loose __attribute__((vector_size(64), aligned(8), may_alias));\n",
    ),
    "header without a guard": ("pragma-once", "cpp/pyrometer/base/new.hpp", "int x;\n"),
    "import upward": (
        "direction",
        "python/pyrometer/laws/_independent.py",
        "from pyrometer.thermodynamics import mean_energy\n",
    ),
    "lazy import upward": (
        "direction",
        "python/pyrometer/results/_answers.py",
        "def f():\n    from pyrometer.thermodynamics import temperature\n",
    ),
    "import of the package": ("direction", "python/pyrometer/thermodynamics/_energy.py", "import pyrometer as pm\n"),
    "import cycle": (
        "import-cycle",
        "python/pyrometer/laws/_independent.py",
        "from pyrometer.laws._batches import arguments\n",
    ),
    "module without a layer": ("layer", "python/pyrometer/attic.py", '"""Old things."""\n'),
    "private module of another folder": (
        "private",
        "python/pyrometer/states/_shift.py",
        "from pyrometer.base._validate import count\n",
    ),
    "folders of one line": (
        "direction",
        "python/pyrometer/states/_shift.py",
        "from pyrometer.networks import Network\n",
    ),
    "core from anywhere": ("core", "python/pyrometer/laws/_independent.py", "from pyrometer import _core\n"),
    "core of one level": ("core", "python/pyrometer/laws/_independent.py", "import pyrometer._core_baseline\n"),
    "relative import": ("imports", "python/pyrometer/thermodynamics/_energy.py", "from ._system import System\n"),
    "eager framework": ("lazy", "python/pyrometer/thermodynamics/_energy.py", "import pandas\n"),
    "heavy package": ("weight", "python/pyrometer/results/_answers.py", "import click\n"),
    "unknown dependency": ("dependency", "python/pyrometer/results/_answers.py", "import requests\n"),
    "module without a docstring": ("docstring", "python/pyrometer/interop/new.py", "x = 1\n"),
    "name without a docstring": (
        "docstring",
        "python/pyrometer/tables/_terminology.py",
        "def terminology():\n    pass\n",
    ),
    "name without an example": (
        "examples",
        "python/pyrometer/tables/_terminology.py",
        'def terminology():\n    """Do."""\n',
    ),
    "module without exports": ("exports", "python/pyrometer/report.py", '"""New."""\ndef f():\n    """Do."""\n'),
    "long file": ("size", "python/pyrometer/base/_validate.py", "x = 1\n" * 600),
    "path of a machine": ("words", "python/pyrometer/base/_validate.py", "# see " + "/" + "home/me/notes\n"),
    "mark for later": ("words", "cpp/pyrometer/base/types.hpp", "// TO" + "DO: think\n"),
    "link to anywhere": ("links", "python/pyrometer/base/_validate.py", "# http" + "s://registry.example/simple\n"),
}


@pytest.mark.parametrize("plant", PLANTED)
def test_a_broken_rule_is_seen(
    plant: str, pristine: Path, problems: set[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rule, name, text = PLANTED[plant]
    root = tmp_path / "tree"
    shutil.copytree(pristine, root)
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text((path.read_text("utf-8") if path.exists() else "") + text, "utf-8")
    assert check_house.main([str(root)]) == 1
    new = [line for line in capsys.readouterr().out.splitlines() if line not in problems]
    assert any(f"error [{rule}]" in line for line in new), new


def test_a_long_file_is_first_a_warning(pristine: Path, tmp_path: Path) -> None:
    root = tmp_path / "tree"
    shutil.copytree(pristine, root)
    (root / "python/pyrometer/long.py").write_text('"""Long."""\n' + "x = 1\n" * 400, "utf-8")
    assert [p.warning for p in check_house.problems(root) if p.rule == "size" and p.path.endswith("long.py")] == [True]


def test_an_import_for_type_checkers_has_no_weight(pristine: Path, tmp_path: Path) -> None:
    root = tmp_path / "tree"
    shutil.copytree(pristine, root)
    path = root / "python/pyrometer/thermodynamics/_entropy.py"
    before = check_house.problems(root)
    path.write_text(path.read_text("utf-8") + "if TYPE_CHECKING:\n    import pandas\n", "utf-8")
    assert check_house.problems(root) == before


def test_cycles_are_found_once_and_only_where_they_are() -> None:
    assert cycles({"a": {"b", "c"}, "b": {"d"}, "c": {"d"}, "d": set()}) == []
    assert cycles({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == [["b", "c", "b"]]
    assert cycles({"a": {"a"}}) == [["a", "a"]]
