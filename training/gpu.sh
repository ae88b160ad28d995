#!/bin/sh
# Train on a borrowed GPU machine in short calls, and bring the weights back.
#
#   training/gpu.sh pack PART [PIECES]     here: fill .carry/ for call PART (1 to 4)
#   training/gpu.sh train RECIPE TOTAL NOW there: train NOW minutes of a schedule of TOTAL
#   training/gpu.sh fetch FOLDER NAME      here: join the pieces into runs/NAME/last.pt
#
# .carry/ stays under 48 MiB, so that it travels with a checkout of 16 MiB within 64 MiB.
# Each call brings another part of the data; what came before is kept in .cache/data for
# as long as the machine lives. PIECES is the folder of an earlier call's pieces, for a
# machine that has forgotten them. Pieces are left in $OUT: at most 8 of 15 MB.
set -eu
cd "$(dirname "$0")/.."
data=${FASTCOLOR_DATA:-../shared/data}/train
weights=${FASTCOLOR_WEIGHTS:-../shared/weights}
python=${PYTHON:-python3}
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}:$PWD/python" # the package need not be built for training

pack() {
    rm -rf .carry
    mkdir -p .carry/data .carry/weights .carry/pieces
    case $1 in
        1) sets='small-0000 small-0001 small-0002' ;;
        2) sets='train-0000 small-0003 small-0004 small-0005' ;;
        3) sets='train-0001 train-0002 train-0003' ;;
        4) sets='train-0004 train-0005' ;;
        *) echo "gpu.sh: there are parts 1 to 4, not $1" >&2; exit 2 ;;
    esac
    for set in $sets; do cp "$data/$set.tar" .carry/data/; done
    # Only the first call, or a machine that starts afresh, needs the pretrained trunk.
    if [ "$1" = 1 ]; then
        cp "$weights/resnet18_imagenet_conv1_to_layer3.safetensors" .carry/weights/
    fi
    if [ -n "${2:-}" ]; then cp "$2"/*.pt.[0-9][0-9] .carry/pieces/; fi
    chmod -R u+w .carry
    size=$(du -sm .carry | cut -f1)
    echo "carry .carry ($size MiB)"
    if [ "$size" -gt 50 ]; then echo "gpu.sh: more than 50 MiB will not travel" >&2; exit 1; fi
}

train() {
    name=$(basename "$1" .toml)
    $python -c 'from PIL import features; assert features.check("avif")' || {
        echo "gpu.sh: Pillow here reads no AVIF; bring a wheel of Pillow 11.3 or newer" >&2; exit 1; }
    mkdir -p .cache/data .cache/weights "runs/$name"
    for kind in data weights; do
        if [ -d ".carry/$kind" ]; then cp -R ".carry/$kind/." ".cache/$kind/"; fi
    done
    if [ ! -e "runs/$name/last.pt" ] && ls .carry/pieces/*.pt.00 >/dev/null 2>&1; then
        $python -m training.pieces join .carry/pieces "runs/$name/last.pt"
    fi
    gpus=$(nvidia-smi -L | wc -l)
    launcher="-m"
    if [ "$gpus" -gt 1 ]; then launcher="-m torch.distributed.run --standalone --nproc-per-node $gpus -m"; fi
    status=0
    # shellcheck disable=SC2086  # the launcher is several words on purpose
    $python $launcher training.train "$1" --data .cache/data --weights .cache/weights \
        --minutes "$2" --stop-after "$3" --resume || status=$?
    rm -f "${OUT:?}"/*.pt.*
    $python -m training.pieces split "runs/$name/last.pt" "$OUT"
    cp "runs/$name/log.jsonl" "$OUT/"
    last=$(ls "runs/$name/samples" | tail -n 1)
    cp "runs/$name/samples/$last" "$OUT/samples.png"
    return $status
}

case ${1:-} in
    pack) pack "${2:?which part}" "${3:-}" ;;
    train) train "${2:?which recipe}" "${3:?minutes of the schedule}" "${4:?minutes of this call}" ;;
    fetch) $python -m training.pieces join "${2:?which folder}" "runs/${3:?which name}/last.pt" ;;
    *) sed -n '2,13s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
