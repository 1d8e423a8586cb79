#!/usr/bin/env bash
# hardened.sh BINARY: whether a shipped binary has the hardening that compiler and linker can give it. For the binaries of a
# release build (./dev build release), of the image and of the package; a debug build has less.
set -euo pipefail
export LC_ALL=C
binary=$1
faults=0
fault() {
  printf '%s: %s\n' "$binary" "$1" >&2
  faults=$((faults + 1))
}
has() { grep -qE -e "$3" <<<"$2" || fault "$1"; } # has SENTENCE_OTHERWISE TEXT PATTERN

header=$(readelf --file-header "$binary")
dynamic=$(readelf --dynamic "$binary")
segments=$(readelf --program-headers --wide "$binary")
symbols=$(readelf --dyn-syms --wide "$binary")
has 'it is always loaded at the same place (no PIE)' "$header" 'Type: +DYN'
has 'its tables stay writable (no RELRO)' "$segments" 'GNU_RELRO'
has 'names are looked up late (no BIND_NOW)' "$dynamic" 'BIND_NOW|FLAGS.*NOW'
has 'its stack may be executed' "$segments" 'GNU_STACK.* RW '
has 'it has no stack protector' "$symbols" '__stack_chk_fail'
has 'the standard library checks no bounds (_GLIBCXX_ASSERTIONS)' "$symbols" '__glibcxx_assert_fail'
has 'no function is fortified (_FORTIFY_SOURCE)' "$symbols" '__[a-z]+_chk(@|$)'
! grep -qE 'RPATH|RUNPATH' <<<"$dynamic" || fault 'it looks for libraries in places of its own'

# The note that turns the check of jumps on must also be in Debian's start files; here the landing pads are checked.
landings_min=500
case $header in
  *X86-64*) landing='\xf3\x0f\x1e\xfa' ;;                          # endbr64
  *AArch64*) landing='\x5f\x24\x03\xd5|\x3f\x23\x03\xd5' ;;        # bti c, paciasp
  *) landing='' ;;
esac
if [[ -n $landing ]]; then
  landings=$(grep -aoP -e "$landing" "$binary" | wc -l)
  ((landings >= landings_min)) || fault "it has $landings landing places for indirect jumps (-fcf-protection)"
fi
((faults == 0))
