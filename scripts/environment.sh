#!/bin/sh
# Make a virtual environment hold what requirements/NAME.txt says, and nothing when it does already.
#
#   scripts/environment.sh NAME [FOLDER] [--with-freehold]
#
# FOLDER is .venv unless given. --with-freehold installs this checkout too, editable. Packages come with hashes, by uv,
# which itself comes with a hash, by pip. Safe to run again, and after a run that was cut off.
set -eu
cd "$(dirname "$0")/.."

name=$1
folder=${2:-.venv}
project=${3:-}
lock=requirements/$name.txt
stamp=$folder/.installed-$name

say() { echo "freehold: $*" >&2; }

find_python() {
    for candidate in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    say "Python 3.11 or newer is needed and was not found; install it, or say where it is: make PYTHON=/path/to/python3."
    return 1
}

# Two commands, or two workers of the tests, may want the same environment at once: one makes it, the others wait.
if command -v flock >/dev/null 2>&1; then
    mkdir -p .envs
    exec 9>".envs/$(basename "$folder").lock"
    flock 9
fi

wanted=$(cat "$lock" requirements/uv.txt pyproject.toml "requirements/$name.pip" 2>/dev/null | cksum)
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && "$folder/bin/python" -c '' 2>/dev/null; then
    exit 0
fi

if ! "$folder/bin/python" -m pip --version >/dev/null 2>&1; then
    python=$(find_python)
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        say "$python cannot make virtual environments; on Debian and Ubuntu: apt-get install python3-venv."
        exit 1
    fi
    say "making $folder"
    "$python" -m venv --clear "$folder"
fi

# A company's package index is usually set for pip alone, in a file or a variable; uv is told the same.
index=$("$folder/bin/python" -m pip config list | sed -n "s/^[a-z:]*\.index.url='\(.*\)'\$/\1/p" | tail -n 1)
if [ -n "$index" ] && [ -z "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ]; then
    export UV_DEFAULT_INDEX="$index"
fi

say "installing $lock into $folder"
"$folder/bin/python" -m pip install --quiet --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
if [ -f "requirements/$name.pip" ]; then
    "$folder/bin/python" -m pip install --quiet --quiet --disable-pip-version-check -r "requirements/$name.pip"
fi
# Compiled here and now, as pip does: where Python may not write beside its modules (PYTHONDONTWRITEBYTECODE, a folder of
# another user's) every start of every process would compile them anew, which costs the hub two seconds.
uv="$folder/bin/uv pip install --quiet --compile-bytecode --python $folder/bin/python"
# The lock is complete, so nothing else is looked up; torch, named by others, is there already.
$uv --no-deps --require-hashes -r "$lock"
if [ "$project" = --with-freehold ]; then
    $uv --no-deps --no-build-isolation --editable .
    "$folder/bin/python" -m compileall -q -j 0 freehold || true  # best effort: this checkout may be read-only
fi
echo "$wanted" >"$stamp"
