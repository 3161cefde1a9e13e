#!/usr/bin/env bash
# Gradescope runs this once, as root, while it builds the image of the autograder.
#
# The project lies in $AUTOGRADER_ROOT/source. What the image cannot have is done without where the
# grader can do without it: its report then says which isolation was reached.
set -euo pipefail

root=${AUTOGRADER_ROOT:-/autograder}
source=$root/source
# TensorFlow's wheels are for these; the first that is there is used.
pythons=(python3.13 python3.12 python3.11)

if command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq || echo "setup.sh: apt-get update failed; going on with what is there"
    apt-get install -y -qq bubblewrap ||
        echo "setup.sh: no bubblewrap; submissions will be opened in a weaker isolation"
    apt-get install -y -qq python3 python3-venv ||
        echo "setup.sh: no python3-venv from apt; going on with what is there"
fi

suits() {
    "$1" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
        2>/dev/null
}

find_python() {
    local candidate
    for candidate in python3 "${pythons[@]}"; do
        if suits "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

if ! python=$(find_python); then
    # Another image: its own python3 does not suit, but one that does may be there to be installed.
    for candidate in "${pythons[@]}"; do
        apt-get install -y -qq "$candidate" "$candidate-venv" >/dev/null 2>&1 || continue
        break
    done
    if ! python=$(find_python); then
        echo "setup.sh: no Python 3.11, 3.12 or 3.13 with venv. Choose another base image." >&2
        exit 1
    fi
fi

"$python" -m venv "$source/.venv"
# The same versions in each image, whenever it is built: the same submission, the same score.
"$source/.venv/bin/pip" install --quiet --require-hashes \
    --requirement "$source/requirements.lock"

# MNIST, so that grading needs no network. Without it the grader fetches it, or uses the digits that
# come with scikit-learn and says so. Your own copy: a folder mnist/ beside this file.
if [[ ! -d $source/mnist ]]; then
    "$source/.venv/bin/python" -c 'from keras.datasets import mnist; mnist.load_data()' ||
        echo "setup.sh: MNIST could not be fetched now"
fi
