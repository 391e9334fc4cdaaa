"""Everything that is checked, by name: `nox -s NAME`; `nox` alone runs what CI runs."""

from __future__ import annotations

import re
from pathlib import Path

import nox

nox.options.default_venv_backend = "venv"
nox.options.sessions = ["tests", "lint", "types", "house", "cpp"]

PROJECT = nox.project.load_toml("pyproject.toml")["project"]


def tools(*names: str) -> list[str]:
    """Requirements of the dev extra for these tools."""
    extras = PROJECT["optional-dependencies"]["dev"]
    return [requirement for requirement in extras if re.split(r"[^\w-]", requirement)[0] in names]


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests against the installed package."""
    session.install(".[test]")
    session.run("pytest", *session.posargs)


@nox.session
def mintest(session: nox.Session) -> None:
    """Run the tests with the lowest versions that pyproject.toml declares."""
    extras = PROJECT["optional-dependencies"]
    declared = PROJECT["dependencies"] + extras["test"] + extras["plot"] + extras["dask"]
    lowest = Path(session.create_tmp()) / "lowest.txt"
    # A constraint may not name extras.
    pins = [re.sub(r"\[.*\]", "", line).replace(">=", "==") for line in declared if ">=" in line]
    lowest.write_text("\n".join(pins))
    session.install(".[test]", "-c", str(lowest))
    session.run("pytest", *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Call every public function with numbers of every magnitude, for an hour or as long as `-- --minutes M` says."""
    session.install(".[test]")
    session.run("python", "tools/fuzz", *(session.posargs or ("--minutes", "60")))


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation into `docs/_build`: references resolve, nothing warns, and its search finds pages."""
    session.install(".[docs]")
    session.run("sphinx-build", "-n", "-W", "--keep-going", "docs", "docs/_build", *session.posargs)
    session.run("python", "tools/check_search.py", "docs/_build")


@nox.session
def wheel(session: nox.Session) -> None:
    """Build the wheel from the sdist, and test it without a compiler."""
    session.run("tools/check_wheel.sh", "dist", *session.posargs, external=True)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and format of Python and C++."""
    session.install(*tools("ruff", "clang-format"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    sources = [str(path) for path in sorted(Path("cpp").rglob("*")) if path.suffix in {".c", ".cpp", ".hpp"}]
    session.run("clang-format", "--dry-run", "-Werror", *sources)


@nox.session
def types(session: nox.Session) -> None:
    """Check types, strictly."""
    session.install(*tools("mypy"), *PROJECT["dependencies"], *PROJECT["optional-dependencies"]["plot"])
    session.run("mypy")


@nox.session
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


@nox.session
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


def compiler_headers(session: nox.Session) -> str:
    """The option for omp.h, which clang-tidy lacks; the compiler's other headers must not go before its own."""
    headers = session.run("g++", "-print-file-name=include", silent=True, external=True)
    return f"-idirafter{str(headers).strip()}"


@nox.session
def tidy(session: nox.Session) -> None:
    """Run clang-tidy over the core."""
    session.install(*tools("clang-tidy"))
    cmake(session, "tidy", f"-DCMAKE_CXX_CLANG_TIDY=clang-tidy;--extra-arg={compiler_headers(session)}")


@nox.session
def complexity(session: nox.Session) -> None:
    """Check that every function of the core fits a screen: .clang-tidy, readability-function-size. Nothing is built."""
    session.install(*tools("clang-tidy"))
    options = ("CMAKE_EXPORT_COMPILE_COMMANDS=ON", "PYROMETER_TESTS=OFF", "PYROMETER_LEVELS=baseline")
    configure(session, "tidy", *(f"-D{option}" for option in options))
    check = ("-checks=-*,readability-function-size", f"-extra-arg={compiler_headers(session)}")
    session.run("run-clang-tidy.py", "-p", "build/tidy", "-quiet", *check)


@nox.session
def bench(session: nox.Session) -> None:
    """Run the benchmarks and write their table (benchmarks/results, README); with arguments, run only those."""
    session.install(".[bench]")
    options = [
        "--benchmark-enable",
        "--benchmark-max-time=0.5",
        "--benchmark-min-rounds=3",
        "--benchmark-group-by=group",
    ]
    if session.posargs:
        session.run("pytest", *options, *session.posargs)
        return
    run = str(Path(session.create_tmp()) / "run.json")
    session.run("pytest", "benchmarks", *options, f"--benchmark-json={run}")
    session.run("python", "benchmarks/report.py", run)
