# Becomes a run's command: makes its mounts, goes to its directory, says that it is ready, and executes it.
# sh setup.sh SEARCH_PATH WORKDIR shared|private|readonly [SOURCE TARGET ro|rw]... -- COMMAND...
# Open are 7, where the pid says that it is ready, and 8, for errors. The wrapper opened them in the host's view: here a
# mount may cover them, and a file open for writing would keep its filesystem from becoming read-only.
__rune_path=$1
__rune_workdir=$2
__rune_view=$3
shift 3

__rune_bind() {
  while [ "$1" != -- ]; do
    mount --bind "$1" "$2" 2>&8 || exit 126
    if [ "$3" = ro ]; then
      mount -o remount,bind,ro "$2" 2>&8 || exit 126
    fi
    shift 3
  done
}

# Whether the first argument is the target of a writable mount among the others.
__rune_is_writable() {
  __rune_it=$1
  shift
  while [ "$1" != -- ]; do
    if [ "$2" = "$__rune_it" ] && [ "$3" = rw ]; then return 0; fi
    shift 3
  done
  return 1
}

if [ "$__rune_view" != shared ]; then
  __rune_bind "$@"
fi
# Whether a path leads to the mount with this id. It does not where another mount covers it or a directory above it: the
# list still has it, but neither we nor the run can reach it.
__rune_leads_to() {
  if [ ! -d "$2" ]; then
    mountpoint -q "$2"
    return
  fi
  __rune_found=$(sed -n 's/^mnt_id:[[:space:]]*//p' /proc/self/fdinfo/9 9<"$2")
  # What cannot be told is not left out.
  [ -z "$__rune_found" ] || [ "$__rune_found" = "$1" ]
}

if [ "$__rune_view" = readonly ]; then
  while read -r __rune_id __rune_parent __rune_device __rune_root __rune_at __rune_rest; do
    __rune_at=$(printf '%b' "$__rune_at")
    __rune_leads_to "$__rune_id" "$__rune_at" 2>/dev/null || continue
    __rune_is_writable "$__rune_at" "$@" && continue
    __rune_error=$(mount -o remount,bind,ro "$__rune_at" 2>&1) && continue
    # One whose directory is removed on the host meanwhile goes here too.
    __rune_leads_to "$__rune_id" "$__rune_at" 2>/dev/null || continue
    echo "$__rune_error" >&8
    exit 126
  done <<EOF
$(cat /proc/self/mountinfo)
EOF
fi
while [ "$1" != -- ]; do
  shift 3
done
shift

cd "$__rune_workdir" 2>&8 || exit 126
umask 022
PATH=$__rune_path
export PATH
echo "$$" >&7 || exit 126
exec "$@" 7>&- 8>&-
