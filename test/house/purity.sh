#!/usr/bin/env bash
# purity.sh ARCHIVE COMPILER: the core's archive needs nothing that could touch the world. Linking alone would
# not tell: open() and clock_gettime() are in every libc. So each symbol it leaves undefined must be named here.
. "$(dirname "$0")/lib.sh"
archive=$1
compiler=$2

allowed='
  operator (new|delete)(\[\])?\(.*\)
  std::.*                                               # except what is refused below
  (vtable|typeinfo|typeinfo name|VTT) for std::.*
  (vtable|typeinfo|typeinfo name) for (__cxxabiv1::.*|[a-z]+|char const\*)
  __(cxa|gxx)_[a-z_0-9]+ | _Unwind_Resume | __dso_handle | __tls_get_addr | _GLOBAL_OFFSET_TABLE_
  __stack_chk_fail | abort | stderr | fprintf | fputs | fwrite | __fprintf_chk   # check_failed()
  __assert_fail | __libc_single_threaded                # RapidJSON in a debug build; std::shared_ptr
  (mem|str)[a-z]+ | __(mem|str)[a-z]+_chk | bcmp | snprintf | __snprintf_chk
  malloc | calloc | realloc | free
  (l?l?(round|rint)|floor|ceil|trunc|pow|exp2?|log2?|fmod|ldexp|nearbyint)f?
  isal_[a-z_0-9]+ | crc32_gzip_refl | XXH3_[a-zA-Z0-9_]+ | XXH64[a-z_]*
  __(asan|ubsan|sanitizer|tsan|lsan)_.*                 # in a build with sanitizers
'
# What the standard library would do on our behalf, by its symbols' names.
refused='
  std::.*::now\(\) | std::.*(filesystem|thread|mutex|condition_variable|random_device|future|filebuf|fstream).*
  std::(cout|cin|cerr|clog|locale::global.*|getenv|system|time|clock|rand|.*print.*\(.*FILE.*)
  std::ios_base::Init::.* | std::chrono::.*(tzdb|time_zone|utc_clock).*
'

# A table above as one extended regular expression for a whole line.
pattern_of() { sed 's/#.*//; s/ | /\n/g' <<<"$1" | sed 's/^ *//; s/ *$//; /^$/d' | paste -sd'|' | sed 's/.*/^(&)$/'; }
allowed=$(pattern_of "$allowed")
refused=$(pattern_of "$refused")

impure() { # Names on stdin, mangled or not; out come those that have no place in the core.
  local names
  names=$(c++filt)
  { grep -vE "$allowed" <<<"$names" || true; grep -E "$refused" <<<"$names" || true; } | sed '/^$/d' | sort -u
}

undefined() { # undefined ARCHIVE: what its members need and none of them has.
  comm -23 <(nm -u "$1" | awk 'NF == 2 { print $2 }' | sort -u) \
    <(nm --defined-only "$1" | awk 'NF == 3 { print $3 }' | sort -u)
}

# The check can fail: code that the core must not contain is planted, compiled and found.
planted=$(mktemp -d)
trap 'rm -r "$planted"' EXIT
cat >"$planted/world.cpp" <<'CPP'
#include <fcntl.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <thread>
long world(const char* name) {
  char byte = 0;
  timespec now{};
  const int file = open(name, O_RDONLY);
  if (read(file, &byte, 1) + write(file, &byte, 1) + getrandom(&byte, 1, 0) < 0) return 1;
  clock_gettime(CLOCK_REALTIME, &now);
  poll(nullptr, 0, socket(AF_INET, SOCK_STREAM, 0));
  std::cout << name << std::getenv(name) << std::random_device()() << std::filesystem::exists(name);
  std::ofstream(name) << std::chrono::steady_clock::now().time_since_epoch().count();
  std::thread([] {}).join();
  std::fclose(std::fopen(name, "r"));
  return time(nullptr) + std::chrono::system_clock::now().time_since_epoch().count() + usleep(1);
}
CPP
"$compiler" -std=c++20 -O1 -c "$planted/world.cpp" -o "$planted/world.o"
found=$(undefined "$planted/world.o" | impure)
for name in open read write getrandom clock_gettime poll socket getenv fopen time usleep \
  std::cout 'std::chrono::_V2::steady_clock::now()' 'std::chrono::_V2::system_clock::now()'; do
  grep -qxF "$name" <<<"$found" || findings "the check does not see $name"
done
for name in 'std::random_device::' 'std::filesystem::' 'std::thread::' 'std::basic_(filebuf|ofstream)<'; do
  grep -qE "$name" <<<"$found" || findings "the check does not see $name"
done

needed=$(undefined "$archive")
(($(wc -l <<<"$needed") > 20)) || findings "$archive is empty or unreadable"
impurities=$(impure <<<"$needed")
[[ -z $impurities ]] || findings "the core touches the world, or needs something not named in $0:
$impurities"
