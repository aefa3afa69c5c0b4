# Starts a command for `exec`: joins the run's control groups, opens its view of mounts, and becomes the HELPERs that enter it.
# sh join.sh pipe|none|terminal ROWS COLUMNS MAIN START_TIME [CGROUP_PROCS_FILE...] -- HELPER...
# MAIN is the run's main process, whose view becomes descriptor 7; 0 where it shares the host's.
# It runs with the rights of the daemon, as does each HELPER until the rights are dropped: nothing of the user is in their
# environment. Standard input begins with what environment.ts wrote; with `terminal` that is on descriptor 5.
__rune_twentieth() {
  shift 19
  printf %s "$1"
}

case $1 in
pipe) exec 5<&0 6<&0 ;;
none) exec 5<&0 6</dev/null ;;
terminal)
  exec 6<&0
  if [ "$2" != 0 ]; then stty rows "$2" cols "$3"; fi
  ;;
esac
__rune_main=$4
__rune_started=$5
shift 5
while [ "$1" != -- ]; do
  echo "$$" >"$1" || exit 126
  shift
done
shift
exec 4<"/proc/$$/status" || exit 126
if [ "$__rune_main" != 0 ]; then
  exec 7<"/proc/$__rune_main/ns/mnt" || exit 126
  # Checked only now: until it was opened, the id may have become another process's.
  read -r __rune_stat <"/proc/$__rune_main/stat" || exit 126
  if [ "$(__rune_twentieth ${__rune_stat##*) })" != "$__rune_started" ]; then
    echo "the process has ended" >&2
    exit 126
  fi
fi
exec "$@" <"${0%/*}/setup.sh" 3>/dev/null 8>&2 9>&2
