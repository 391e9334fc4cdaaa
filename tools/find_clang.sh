#!/usr/bin/env bash
# Prints the names of the C and the C++ compiler of a Clang that has OpenMP and sanitizers beside it: `clang`, or the
# newest that has its version in its name. Exit code 1 if there is none (Debian: clang-16 libomp-16-dev
# libclang-rt-16-dev).
set -euo pipefail

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
printf '#include <omp.h>\nint main() { return omp_get_num_procs() < 1; }\n' >"$scratch/probe.cpp"
# Of older ones it is not known whether they compile the core.
for suffix in "" -22 -21 -20 -19 -18 -17 -16; do
  version=$("clang++$suffix" -dumpversion 2>/dev/null) || continue
  [ "${version%%.*}" -ge 16 ] || continue
  if "clang$suffix" --version >/dev/null 2>&1 &&
    "clang++$suffix" -fopenmp -fsanitize=address,undefined "$scratch/probe.cpp" -o "$scratch/probe" 2>/dev/null; then
    printf 'clang%s clang++%s\n' "$suffix" "$suffix"
    exit 0
  fi
done
exit 1
