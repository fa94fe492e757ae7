#!/usr/bin/env bash
# Builds ahead what a manifest names, without a GPU and without a daemon, and leaves a bundle: what the GitHub action and
# the GitLab job run. A cache folder that the CI keeps makes the next run build only what changed.
#   prewarm.sh MANIFEST BUNDLE [BEFORE]
# BEFORE: the bundle of the last run, to compare with. Environment: PREWARM_TARGETS (sm_80,sm_90a), PREWARM_CACHE (folder),
# PREWARM_KEY (private key's text, to sign with), PREWARM_BUDGET (seconds), TUNECTL. On a runner with a GPU also PREWARM_DEVICE
# (cuda:0), on which a daemon times what was built, and PREWARM_MAX_REGRESSION (percent) against BEFORE's times.
# Exit: 0; 1 a kernel does not compile (or no longer), or became slower; 75 the budget ended: the next run goes on.
set -euo pipefail
[ $# -ge 2 ] && [ $# -le 3 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }
manifest=$1 bundle=$2 before=${3:-}
tunectl=${TUNECTL:-tunectl}
cache=${PREWARM_CACHE:-.gpu-tuned}

"$tunectl" prewarm "$manifest" --compile-only --cache "$cache" \
  ${PREWARM_TARGETS:+--target "$PREWARM_TARGETS"} ${PREWARM_BUDGET:+--budget "$PREWARM_BUDGET"}

work=$(mktemp -d) # for this user alone
socket=$work/tuned.sock
cleanup() {
  if [ -S "$socket" ]; then "$tunectl" stop --socket "$socket" >&2 || true; fi
  rm -rf "$work"
}
trap cleanup EXIT

if [ -n "${PREWARM_DEVICE:-}" ]; then
  "$tunectl" serve --socket "$socket" --cache "$cache" --device "$PREWARM_DEVICE" --detach --log "$work/log" >&2
  "$tunectl" prewarm "$manifest" --built --device "$PREWARM_DEVICE" --socket "$socket" \
    ${PREWARM_BUDGET:+--budget "$PREWARM_BUDGET"}
  "$tunectl" stop --socket "$socket" >&2
fi

sign=()
if [ -n "${PREWARM_KEY:-}" ]; then
  (umask 077 && printf '%s\n' "$PREWARM_KEY" > "$work/key")
  sign=(--key "$work/key")
fi
"$tunectl" export "$bundle" --cache "$cache" "${sign[@]}"
"$tunectl" verify "$bundle"
if [ -n "$before" ] && [ -f "$before" ]; then
  "$tunectl" diff "$before" "$bundle" ${PREWARM_MAX_REGRESSION:+--max-regression "$PREWARM_MAX_REGRESSION"}
fi
