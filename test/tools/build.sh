#!/usr/bin/env bash
# Builds the programs that the tests run against: registries, a Kubernetes control
# plane, a private Sigstore. Every one is pinned, kept outside git, and built once
# per machine.
#
#   build.sh [NAME...]      build what is missing (all tools, or the named ones)
#   build.sh --list         name and version of every tool
#   build.sh --path NAME    where a tool's binary is, or will be
#   build.sh --paths        the same of every tool, after its name
#
# COUNTERSIGN_TOOLS names the cache; ~/.cache/countersign/tools otherwise.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${COUNTERSIGN_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/countersign/tools}
minimum_go=1.26

# name | version | what to build | extra linker flags | build tags
#
# `module@version` is built as its authors pinned it. `./folder package` is built from
# a Go module beside this script, whose go.mod and go.sum pin what it needs. `pip:./folder module.function`
# is a Python program whose requirements.txt there does, started by calling `module.function`. `apt:package` is what
# Debian ships under that name, at the version that it has now: browsers are not pinned, because old ones are not kept.
# `file:module@version path` is one file of a Go module, as its authors published it.
# The order is the order of building: what most tests need comes first.
kubernetes_version=v1.36.3
kubernetes_flags="-X k8s.io/component-base/version.gitVersion=$kubernetes_version -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36"
# What Rekor v1 keeps its log in. The tags leave out databases and elections that no test uses, which are half of it.
trillian_version=v1.8.0
trillian_tags=postgresql,etcd
tools() {
  cat <<END
registry|v3.1.2|github.com/distribution/distribution/v3/cmd/registry@v3.1.2|
registry-referrers|v0.22.1|./registry-referrers .|
crane|v0.22.1|github.com/google/go-containerregistry/cmd/crane@v0.22.1|
cosign|v3.1.3|github.com/sigstore/cosign/v3/cmd/cosign@v3.1.3|-X sigs.k8s.io/release-utils/version.gitVersion=v3.1.3
fulcio|v1.8.8|github.com/sigstore/fulcio@v1.8.8|
rekor|v2.3.0|github.com/sigstore/rekor-tiles/v2/cmd/rekor-server/posix@v2.3.0|
timestamp-server|v2.1.3|./timestamp-server .|
etcd|v3.6.16|./etcd go.etcd.io/etcd/server/v3|
kube-apiserver|$kubernetes_version|./kubernetes k8s.io/kubernetes/cmd/kube-apiserver|$kubernetes_flags
kube-controller-manager|$kubernetes_version|./kubernetes k8s.io/kubernetes/cmd/kube-controller-manager|$kubernetes_flags
kubectl|$kubernetes_version|./kubernetes k8s.io/kubernetes/cmd/kubectl|$kubernetes_flags
helm|v4.3.1|helm.sh/helm/v4/cmd/helm@v4.3.1|
rekor-v1|v1.5.4|github.com/sigstore/rekor/cmd/rekor-server@v1.5.4|
trillian-log-server|$trillian_version|github.com/google/trillian/cmd/trillian_log_server@$trillian_version||$trillian_tags
trillian-log-signer|$trillian_version|github.com/google/trillian/cmd/trillian_log_signer@$trillian_version||$trillian_tags
trillian-schema|$trillian_version|file:github.com/google/trillian@$trillian_version storage/postgresql/schema/storage.sql|
vault-transit|v1.21.4|./vault-transit .|
moto|v5.2.5|pip:./moto moto.server.main|
cosign2|v2.6.5|github.com/sigstore/cosign/v2/cmd/cosign@v2.6.5|-X sigs.k8s.io/release-utils/version.gitVersion=v2.6.5
schemathesis|v4.32.5|pip:./schemathesis schemathesis.cli.schemathesis|
chromium|debian|apt:chromium fonts-dejavu-core|
END
}

fail() {
  printf '%s\n' "$@" >&2
  exit 1
}

# Sets version, source, flags and tags for one tool.
look_up() {
  local row
  row=$(tools | grep "^$1|") || fail "There is no tool named '$1'. The tools are:" "$(tools | cut -d'|' -f1)"
  IFS='|' read -r _ version source flags tags <<<"$row"
}

# A tool's place is named by its version and by a digest of all that it is built from,
# so a change of either builds anew and a clean clone finds what is there.
binary_of() {
  look_up "$1"
  local inputs
  inputs=$(
    echo "$source|$flags${tags:+|$tags}"
    if [[ $source == ./* ]]; then
      local folder=$here/${source%% *}
      cat "$folder"/go.mod "$folder"/go.sum "$folder"/*.go 2>/dev/null || true
    elif [[ $source == pip:* ]]; then
      local packages=${source#pip:}
      cat "$here/${packages%% *}/requirements.txt"
      # Some of the packages are compiled for one version of Python.
      python3 --version 2>/dev/null | cut -d. -f1,2 || true
    fi
  )
  echo "$cache/$1-$version-$(sha256sum <<<"$inputs" | cut -c1-12)/$1"
}

need_go() {
  local found=none
  if command -v go >/dev/null; then
    # Asked inside a module, go answers with the toolchain that it would build it with.
    found=$(cd "$here/kubernetes" && go env GOVERSION 2>/dev/null || go version | cut -d' ' -f3)
    found=${found#go}
    [[ $(printf '%s\n' "$minimum_go" "$found" | sort -V | head -n 1) == "$minimum_go" ]] && return
  fi
  fail "Building the test tools needs Go $minimum_go or newer (found: $found)." \
    "Install Go, put its 'go' command on PATH, and run this again." \
    "Only the tests against real parts need it; the unit tests run without."
}

need_python() {
  python3 -c 'import sys; assert sys.version_info >= (3, 10)' 2>/dev/null && python3 -m pip --version >/dev/null 2>&1 && return
  fail "Installing $1 needs Python 3.10 or newer with pip." \
    "Only the tests against AWS KMS and of the OpenAPI document need it; put 'python3' on PATH and run this again."
}

# The packages lie beside a script that starts them. The script is written last: whoever
# finds it finds them whole.
install_python() {
  local name=$1 binary=$2 started=$SECONDS packages=${source#pip:} folder callable
  callable=${packages#* }
  folder=$(dirname "$binary")
  scratch=$(mktemp -d "$cache/.build-$name-XXXXXX")
  trap 'rm -rf "$scratch"' EXIT
  python3 -m pip install --quiet --no-deps --disable-pip-version-check --no-warn-script-location \
    --target "$scratch/packages" --requirement "$here/${packages%% *}/requirements.txt" >"$scratch/log" 2>&1 || {
    tail -n 30 "$scratch/log" >&2
    fail "$name $version was not installed: pip's answer is above."
  }
  cat >"$scratch/$name" <<END
#!/bin/sh
PYTHONPATH=\$(dirname "\$0")/packages exec python3 -c 'from ${callable%.*} import ${callable##*.} as main; main()' "\$@"
END
  chmod +x "$scratch/$name"
  mkdir -p "$folder"
  rm -rf "$folder/packages"
  mv "$scratch/packages" "$folder/packages"
  mv -f "$scratch/$name" "$binary"
  rm -rf "$scratch"
  echo "$name $version: installed in $((SECONDS - started)) s"
}

need_browser() {
  command -v "$1" >/dev/null && return
  [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null ||
    fail "The tests in a browser need $1 on PATH: install it (on Debian: apt-get install ${source#apt:}), and run this again."
}

# What the missing tools need is checked before the first of them is built, which takes minutes.
need_all() {
  local name missing=()
  for name in "$@"; do
    [[ -e $(binary_of "$name") ]] || missing+=("$name")
  done
  [[ ${#missing[@]} -gt 0 ]] || return 0
  echo "${#missing[@]} of $# test tools are missing: ${missing[*]}. All of them take about 20 minutes, once on a machine."
  for name in "${missing[@]}"; do
    look_up "$name"
    case $source in
      pip:*) need_python "$name" ;;
      apt:*) need_browser "$name" ;;
      *) need_go ;;
    esac
  done
}

# A browser that is on PATH is used as it is; else Debian's is installed, which takes root.
install_debian() {
  local name=$1 binary=$2 started=$SECONDS packages=${source#apt:} program
  if ! command -v "$name" >/dev/null; then
    # shellcheck disable=SC2086
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends $packages; } \
      >"$cache/$name.log" 2>&1 || {
      tail -n 30 "$cache/$name.log" >&2
      fail "$name was not installed: apt's answer is above."
    }
  fi
  program=$(command -v "$name")
  mkdir -p "$(dirname "$binary")"
  printf '#!/bin/sh\nexec %s "$@"\n' "$program" >"$binary.new"
  chmod +x "$binary.new"
  mv -f "$binary.new" "$binary"
  echo "$name: installed in $((SECONDS - started)) s"
}

fetch_file() {
  local name=$1 file=$2 from=${source#file:} module log=$cache/$1.log
  module=${from%% *}
  (cd / && go mod download "$module") >"$log" 2>&1 || {
    tail -n 30 "$log" >&2
    fail "$name $version was not fetched: go's answer is above."
  }
  mkdir -p "$(dirname "$file")"
  install -m 0644 "$(cd / && go env GOMODCACHE)/$module/${from#* }" "$file.new"
  mv -f "$file.new" "$file"
  echo "$name $version: fetched"
}

# The binary is made in a scratch folder and moved into place whole: who meets an
# interrupted or running build finds either nothing or the finished program.
build() {
  local name=$1 binary=$2 started=$SECONDS
  scratch=$(mktemp -d "$cache/.build-$name-XXXXXX")
  trap 'rm -rf "$scratch"' EXIT
  local options=(-trimpath -buildvcs=false -ldflags "-s -w${flags:+ $flags}" -tags "$tags")
  if [[ $source == ./* ]]; then
    (cd "$here/${source%% *}" && go build "${options[@]}" -o "$scratch/$name" "${source#* }") >"$scratch/log" 2>&1
  else
    GOBIN=$scratch/bin go install "${options[@]}" "$source" >"$scratch/log" 2>&1 &&
      mv "$scratch"/bin/* "$scratch/$name"
  fi || {
    tail -n 30 "$scratch/log" >&2
    fail "$name $version was not built: go's answer is above."
  }
  mkdir -p "$(dirname "$binary")"
  mv -f "$scratch/$name" "$binary"
  rm -rf "$scratch"
  echo "$name $version: built in $((SECONDS - started)) s"
}

# One build at a time on a machine: a second run waits, then finds the work done.
# Where flock is missing both build, and the move keeps the result whole.
lock() {
  exec 9>"$cache/.lock"
  if command -v flock >/dev/null; then
    flock --nonblock 9 || { echo "another build is running: waiting for it" && flock 9; }
  fi
}

main() {
  case ${1:-} in
    --list) tools | cut -d'|' -f1,2 | tr '|' ' ' && return ;;
    --path) binary_of "${2:?--path needs the name of a tool}" && return ;;
    --paths)
      for name in $(tools | cut -d'|' -f1); do echo "$name $(binary_of "$name")"; done
      return
      ;;
    -*) fail "usage: build.sh [--list | --path NAME | --paths | NAME...]" ;;
  esac
  local names=("$@") name binary locked=
  [[ ${#names[@]} -gt 0 ]] || mapfile -t names < <(tools | cut -d'|' -f1)
  for name in "${names[@]}"; do look_up "$name"; done

  need_all "${names[@]}"
  export CGO_ENABLED=0
  for name in "${names[@]}"; do
    look_up "$name"
    binary=$(binary_of "$name")
    if [[ ! -e $binary && -z $locked ]]; then
      mkdir -p "$cache"
      lock
      locked=yes
    fi
    if [[ -e $binary ]]; then
      echo "$name $version: cached"
      continue
    fi
    echo "$name $version: being built"
    if [[ $source == pip:* ]]; then
      install_python "$name" "$binary"
    elif [[ $source == apt:* ]]; then
      install_debian "$name" "$binary"
    elif [[ $source == file:* ]]; then
      fetch_file "$name" "$binary"
    else
      build "$name" "$binary"
    fi
  done
}

main "$@"
