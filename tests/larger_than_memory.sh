#!/usr/bin/env bash
# Trains on a mapped file that is larger than the memory it may use:
#
#   tests/larger_than_memory.sh [MB of data] [MB of memory] [options of train…]
#
# without numbers 2048 and 256. The data are the embedded digits, over and over,
# in a temporary folder. The limit is that of a cgroup of its own (Linux, root, v1
# or v2), which the page cache counts for too; the same without --mmap is shown to
# need more. Without cgroups only the figures of the process are printed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
data=${1:-2048} memory=${2:-256}
shift $(($# < 2 ? $# : 2))

program=${AUTOENCODER:-target/release/autoencoder}
[[ -n ${AUTOENCODER:-} ]] || cargo build --quiet --release

folder=$(mktemp -d)
group=
finish() {
    rm -rf "$folder"
    if [[ -n $group ]]; then
        # Leave it, so that it can go.
        echo $$ >"$parent/cgroup.procs"
        rmdir "$group"
    fi
}
trap finish EXIT

# What is written below counts for the group, or its pages would be free of charge.
limit=memory.limit_in_bytes peak=memory.max_usage_in_bytes parent=/sys/fs/cgroup/memory
if [[ ! -e $parent/$limit ]]; then
    limit=memory.max peak=memory.peak parent=/sys/fs/cgroup
fi
if mkdir "$parent/autoencoder-$$" 2>/dev/null; then
    group=$parent/autoencoder-$$
    echo $((memory << 20)) >"$group/$limit"
    echo $$ >"$group/cgroup.procs"
    echo "in a cgroup of $memory MB"
else
    echo 'no cgroup can be made here: the memory is not limited'
fi

big_endian() { printf '%b' "$(printf '\\x%02x' $(($1 >> 24 & 255)) $(($1 >> 16 & 255)) $(($1 >> 8 & 255)) $(($1 & 255)))"; }
digits=$folder/digits
gzip -dc src/data/digits/mnist-10k-images-idx3-ubyte.gz | tail -c +17 >"$digits"
copies=$((data * 1048576 / 7840000))
{
    printf '\0\0\10\3'
    big_endian $((copies * 10000))
    big_endian 28
    big_endian 28
    for ((i = 0; i < copies; i++)); do cat "$digits"; done
} >"$folder/data.idx"
sync "$folder/data.idx"
ls -l "$folder/data.idx" | awk '{ printf "%d MB of digits\n", $5 / 1048576 }'

# Runs a command, and prints the most memory that it had.
watch() {
    local anon=0 file=0 name kilobytes status=0
    "$@" >"$folder/out" 2>"$folder/err" &
    local child=$!
    while [[ -e /proc/$child/status && ! -e $folder/stop ]]; do
        while read -r name kilobytes _; do
            case $name in
            RssAnon:) ((kilobytes > anon)) && anon=$kilobytes ;;
            RssFile:) ((kilobytes > file)) && file=$kilobytes ;;
            esac
        done 2>/dev/null <"/proc/$child/status" || break
        kill -0 $child 2>/dev/null || break
        sleep 0.05
        [[ $(ps -o stat= -p $child 2>/dev/null) == Z* ]] && break
    done
    wait $child || status=$?
    echo "exit status $status; at most $((anon / 1024)) MB of its own, $((file / 1024)) MB of mapped files"
    [[ -z $group ]] || echo "the cgroup had at most $(($(cat "$group/$peak") / 1048576)) MB, page cache and all"
    tail -n 1 "$folder/out" "$folder/err" | grep -v -e '^==>' -e '^$' || true
    return $status
}

train=("$program" train "$folder/data.idx" --layers 784,32 --epochs 1 --no-shuffle --json "$@")
echo '-- with --mmap'
watch "${train[@]}" --mmap --out "$folder/mapped"
echo '-- without: status 137 is that of a process which the system has killed for its memory'
if [[ -n $group ]]; then
    watch "${train[@]}" --out "$folder/loaded" || true
fi
