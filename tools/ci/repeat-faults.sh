#!/usr/bin/env bash
# Runs the fault suites of apps/e2e N times (20 when not said) and ends at the first run that fails. A second
# argument narrows them: `/faults-` is vendordata's, `instance-faults-` that of instances, `image-faults-` that of
# images.
# Needs Docker for those with Redis and Keystone; without it they are skipped, and the run says so.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../apps/e2e"
export NODE_OPTIONS='--experimental-vm-modules --no-warnings' TESTCONTAINERS_RYUK_DISABLED=true
runs=${1:-20}
suites=${2:-faults}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for run in $(seq "$runs"); do
  began=$SECONDS
  if ! npx jest --maxWorkers=2 "$suites" >"$log" 2>&1; then
    cat "$log"
    echo "run $run of $runs failed"
    exit 1
  fi
  echo "run $run of $runs: $(grep '^Tests:' "$log" | cut -d: -f2- | xargs), $((SECONDS - began)) s"
done
