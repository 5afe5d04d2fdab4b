#!/bin/sh
# Write requirements/*.txt anew from pyproject.toml and requirements/*.in: exact versions with hashes, for every
# platform, without the address of any package index. Versions already locked stay, unless asked: make lock UPGRADE=1.
set -eu
cd "$(dirname "$0")/.."

lock() {  # lock NAME SOURCE...
    name=$1
    shift
    .venv/bin/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 \
        --no-header --no-annotate ${UPGRADE:+--upgrade} "$@" --output-file "requirements/$name.txt"
}

lock uv requirements/uv.in
# The widest set first; the narrower ones take their versions from it, so that one .venv can hold them all.
lock dev --extra serve pyproject.toml requirements/demo.in requirements/dev.in
lock demo --constraint requirements/dev.txt --extra serve pyproject.toml requirements/demo.in
lock hub --constraint requirements/dev.txt pyproject.toml
lock serve --constraint requirements/dev.txt --extra serve pyproject.toml
lock ray --constraint requirements/dev.txt --extra serve --extra ray pyproject.toml
lock client-0 requirements/client-0.in
lock client-1 requirements/client-1.in
lock client-2 requirements/client-2.in
lock openai requirements/openai.in
lock mlflow requirements/mlflow.in
lock libraries --no-emit-package torch requirements/libraries.in
