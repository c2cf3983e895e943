#!/bin/sh
# Makes a copy of libheadcount.a that can be linked into a program which has another SQLite: `sh scripts/static-library.sh IN OUT`.
#
# A static library has one name space with the program. The SQLite inside is compiled for headcount alone, so its symbols are renamed: every
# definition and every reference of `sqlite3…` becomes `hc_sqlite3…`. Hiding them would not help, since a hidden symbol still clashes within one
# link. Needs nm and objcopy of binutils or LLVM (NM, OBJCOPY).
#
# Debug information is left out. That of ring's C code has paths of the machine that built it, whatever the profile, and flags of rustc do not apply to it.
set -eu
in=$1 out=$2
names=$(mktemp)
trap 'rm -f "$names" "$out.new"' EXIT
# nm warns about members without symbols. Defined symbols only: those of the C library keep their names.
"${NM:-nm}" -g --defined-only "$in" 2>/dev/null | awk 'NF == 3 && $3 ~ /^sqlite3/ { print $3, "hc_" $3 }' | sort -u >"$names"
[ -s "$names" ] || { echo "$in: no symbols of SQLite in it" >&2; exit 1; }
"${OBJCOPY:-objcopy}" --strip-debug --redefine-syms="$names" "$in" "$out.new"
mv "$out.new" "$out"
