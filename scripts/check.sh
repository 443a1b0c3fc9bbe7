#!/usr/bin/env bash
# Runs every check of the repository, from a bare clone with nothing but git, Node and npm. It stops at the first step
# that fails, and ends with the numbers of passed, failed and skipped tests.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
export NO_COLOR=1 npm_config_loglevel=error npm_config_update_notifier=false
# The clone may belong to a user other than the one who runs the checks.
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'

pnpm="npx -y pnpm@10.34.9"
export TEST_RESULTS=.test-results.json
log=$(mktemp)
rm -f "$TEST_RESULTS"

finish() {
  local code=$?
  if [ -s "$TEST_RESULTS" ]; then
    printf '\n'
    awk '/^ *Test Files /{counts=""; within=1} /^$/{within=0} within{counts=counts $0 "\n"} END{printf "%s", counts}' "$log"
    node scripts/test-summary.mjs || { [ "$code" -ne 0 ] || code=1; }
  fi
  rm -f "$log"
  exit "$code"
}
trap finish EXIT

# Stops a step that hangs, where the system has `timeout`.
limit=$(command -v timeout >/dev/null && echo "timeout 540")

step() {
  local name=$1 begin=$SECONDS code
  shift
  printf '\n== %s: %s\n' "$name" "$*"
  if [ "$(type -t "$1")" = function ]; then "$@"; else $limit "$@"; fi </dev/null
  code=$?
  if [ "$code" -ne 0 ]; then
    [ "$code" -ne 124 ] || echo "The step was stopped after 540 s."
    printf '\nFAILED: %s, after %s s (exit code %s). Its output is above.\n' "$name" "$((SECONDS - begin))" "$code"
    exit 1
  fi
  printf -- '-- %s: ok, %s s\n' "$name" "$((SECONDS - begin))"
}

check_tools() {
  echo "Node $(node --version), npm $(npm --version), $(git --version)" &&
    node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' ||
    { echo "Node 20.19 or later is needed."; return 1; }
}

check_readme_commands() {
  local command
  for command in "$pnpm example" "$pnpm test"; do
    grep -qF "$command" README.md || { echo "README.md lacks the command: $command"; return 1; }
  done
}

# Runs the tests, keeps their output, and accepts exit code 0 only if tests ran and passed.
counted() {
  $limit "$@" 2>&1 | tee "$log" && node scripts/test-summary.mjs >/dev/null
}

# Some tests need a program of the system. Only CI installs one; elsewhere these tests are skipped. The command after the
# package and the name of the tests prints where the program is.
find_program() {
  local package=$1 tests=$2
  shift 2
  "$@" && return
  if [ -n "${CI:-}" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    timeout 240 sh -c "apt-get install -y -qq $package || { apt-get update -qq && apt-get install -y -qq $package; }" \
      >/dev/null 2>&1
  fi
  "$@" || echo "$package is missing: the tests of $tests are skipped. Install it to run them."
}

# Debian installs it outside of the PATH.
find_initdb() {
  ls -d /usr/lib/postgresql/*/bin/initdb 2>/dev/null || command -v initdb
}

# Begins a command that runs beside the following steps; `finish_started NAME` waits for it and prints its output.
start() {
  local name=$1 output
  shift
  output=$(mktemp)
  "$@" >"$output" 2>&1 &
  printf -v "pid_$name" %s $!
  printf -v "output_$name" %s "$output"
}
finish_started() {
  local code pid="pid_$1" output="output_$1"
  wait "${!pid}"
  code=$?
  cat "${!output}"
  rm -f "${!output}"
  return "$code"
}

# The benchmarks only show here that they run, so they share the machine with other steps.
run_benchmarks() {
  BENCH_SMOKE=1 $limit $pnpm bench
}

build_and_check_site() {
  $limit $pnpm site && $limit $pnpm site:check
}

before=$(git status --porcelain)
check_unchanged_tree() {
  [ "$(git status --porcelain)" = "$before" ] || { echo "The checks changed the tree:"; git status --porcelain; return 1; }
}

step "Tools" check_tools
step "Commands of the README" check_readme_commands
step "Redis" find_program redis-server "the shared budget over a real Redis" command -v redis-server
step "Chromium" find_program chromium "the page of exotel-fake and the site in a browser" command -v chromium
step "Postgres" find_program postgresql "durable fleets over a real Postgres" find_initdb
step "Install" $pnpm install --frozen-lockfile
step "Types" $pnpm typecheck
step "Effect diagnostics" $pnpm diagnostics
# With CI set, oxlint colours its output despite NO_COLOR.
step "Lint" env -u CI $pnpm lint
step "Format" $pnpm format:check
step "Tree" $pnpm tree:check
step "Words" $pnpm words:check
# The command of the README, unchanged.
step "Tests" counted $pnpm test
start site build_and_check_site
step "Documentation" $pnpm docs:check
step "Build" $pnpm build
start benchmarks run_benchmarks
step "Packages" $pnpm pack:check
step "Example" $pnpm example
step "Site" finish_started site
step "Benchmarks" finish_started benchmarks
step "Unchanged tree" check_unchanged_tree
printf '\nAll checks passed in %s s.\n' "$SECONDS"
