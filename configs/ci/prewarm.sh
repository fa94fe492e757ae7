#!/usr/bin/env bash
# Builds ahead what a manifest names, without a GPU and without a daemon, and leaves a bundle: what the GitHub action and
# the GitLab job run. A cache folder that the CI keeps makes the next run build only what changed.
#   prewarm.sh MANIFEST BUNDLE [BEFORE]
# BEFORE: the bundle of the last run, to compare with. Environment: PREWARM_TARGETS (sm_80,sm_90a), PREWARM_CACHE (folder),
# PREWARM_KEY (private key's text, to sign with), PREWARM_BUDGET (seconds), PREWARM_MAX_REGRESSION (percent), TUNECTL.
# Exit: 0; 1 a kernel does not compile (or no longer), or became slower; 75 the budget ended: the next run goes on.
set -euo pipefail
[ $# -ge 2 ] && [ $# -le 3 ] || { sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2; }
manifest=$1 bundle=$2 before=${3:-}
tunectl=${TUNECTL:-tunectl}
cache=${PREWARM_CACHE:-.gpu-tuned}

"$tunectl" prewarm "$manifest" --compile-only --cache "$cache" \
  ${PREWARM_TARGETS:+--target "$PREWARM_TARGETS"} ${PREWARM_BUDGET:+--budget "$PREWARM_BUDGET"}

sign=()
if [ -n "${PREWARM_KEY:-}" ]; then
  key=$(mktemp)
  trap 'rm -f "$key"' EXIT
  (umask 077 && printf '%s\n' "$PREWARM_KEY" > "$key")
  sign=(--key "$key")
fi
"$tunectl" export "$bundle" --cache "$cache" "${sign[@]}"
"$tunectl" verify "$bundle"
if [ -n "$before" ] && [ -f "$before" ]; then
  "$tunectl" diff "$before" "$bundle" ${PREWARM_MAX_REGRESSION:+--max-regression "$PREWARM_MAX_REGRESSION"}
fi
