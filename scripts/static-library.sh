#!/bin/sh
# Makes a copy of libheadcount.a that can be linked into a program which has another SQLite: `sh scripts/static-library.sh IN OUT`.
#
# The symbols of a static library and of the program that links it share one name space. The SQLite inside is used by headcount alone, so its symbols are
# renamed: every definition and every reference of `sqlite3…` becomes `hc_sqlite3…`. Hiding them would not help, since a hidden symbol still clashes within one
# link. Needs nm and objcopy of binutils or LLVM (NM, OBJCOPY).
#
# Debug information is left out: in every profile, that of ring's C code contains paths of the machine that built it, and the flags of rustc that replace
# such paths do not apply to C code.
set -eu
in=$1 out=$2
names=$(mktemp)
trap 'rm -f "$names" "$out.new"' EXIT
# Only symbols that the library defines are renamed. nm's warnings about members without symbols are not shown.
"${NM:-nm}" -g --defined-only "$in" 2>/dev/null | awk 'NF == 3 && $3 ~ /^sqlite3/ { print $3, "hc_" $3 }' | sort -u >"$names"
[ -s "$names" ] || { echo "$in: no symbols of SQLite in it" >&2; exit 1; }
"${OBJCOPY:-objcopy}" --strip-debug --redefine-syms="$names" "$in" "$out.new"
mv "$out.new" "$out"
