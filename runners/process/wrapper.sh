# The leader of a run's session: claims the run, runs its command, writes down the exit code. See records.ts.
# sh wrapper.sh NAME [CGROUP_PROCS_FILE...] -- COMMAND...
# The working directory is the run's own. Names are long because the environment is the user's.
umask 077
unset IFS
__rune_name=$1
shift

__rune_twentieth() {
  shift 19
  printf %s "$1"
}

# Children get default handlers again; a signal that is ignored would stay ignored in them.
trap : HUP INT QUIT USR1 USR2 TERM

read -r __rune_stat <"/proc/$$/stat"
read -r __rune_boot </proc/sys/kernel/random/boot_id
__rune_start=$(__rune_twentieth ${__rune_stat##*) })

ln -sn "$$ $__rune_start $__rune_boot" claim 2>/dev/null || exit 0

# Held open for as long as this shell lives: its closing tells the watcher at once, however it ended.
exec 9>"../signals/$__rune_name.alive"

__rune_code=
while [ "$1" != -- ]; do
  if [ -z "$__rune_code" ] && ! echo "$$" >"$1"; then
    echo "cannot join the control group of $1" >error
    __rune_code=126
  fi
  shift
done
shift

# The daemon reads this pipe to its end to know that the claim is decided.
exec >/dev/null 2>&1

if [ -z "$__rune_code" ]; then
  "$@" >>stdout.log 2>>stderr.log 7>"../signals/$__rune_name.ready" 8>error 9>&-
  __rune_code=$?
fi
# A link needs no room for data: this works on a full disk, and is there completely or not at all.
ln -sn "$__rune_code" "../signals/$__rune_name.exit"
