#!/usr/bin/env bash
# repeats.sh SIMULATOR: the same seeds twice, shared out otherwise and with every line told, end in the same traces.
set -euo pipefail
traces() { grep -o 'trace [0-9a-f]*' | sort; }
once=$("$1" --from 1 --seeds 3 --hours 2 --tenants 0 --jobs 1 --verbose | traces)
again=$("$1" --from 1 --seeds 3 --hours 2 --tenants 0 --jobs 3 --verbose | traces)
told=$(for seed in 1 2 3; do "$1" --seed "$seed" --hours 2 --tenants 0 --trace | tail -n 1; done | traces)
[[ -n $once && $once == "$again" && $once == "$told" ]] || {
  printf 'the same seeds end otherwise:\n%s\n\n%s\n\n%s\n' "$once" "$again" "$told"
  exit 1
}
