# The leader of a run's session: claims the run, runs its command, writes down the exit code. See records.ts.
# sh wrapper.sh NAME DAEMON_ID [CGROUP_PROCS_FILE...] -- HELPER...
# DAEMON_ID is for readers of the arguments; see strays.ts.
# The working directory is the run's own. It runs with the rights of the daemon, and so does each HELPER until setpriv: nothing
# of the run's user is in their environment. The last HELPER is the shell that reads setup.sh.
# Its standard input and output lead to the daemon; see spawn.ts.
umask 077
__rune_name=$1
shift 2

__rune_twentieth() {
  shift 19
  printf %s "$1"
}

# Children get default handlers again. An ignored signal would stay ignored in them.
trap : HUP INT QUIT USR1 USR2 TERM

# The first process of a namespace; see namespace.ts. It reads its pid on the host from the host's /proc.
__rune_proc=/proc
if [ "$$" = 1 ]; then __rune_proc=/proc/self/fd/7; fi

read -r __rune_stat <"$__rune_proc/self/stat"
read -r __rune_boot </proc/sys/kernel/random/boot_id
__rune_start=$(__rune_twentieth ${__rune_stat##*) })

ln -sn "${__rune_stat%% *} $__rune_start $__rune_boot" claim 2>/dev/null || exit 0

# Open for as long as this shell lives. Its closing notifies the watcher at once, however the shell ended.
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

exec 3>&1 5<&0 6</dev/null >/dev/null 2>&1

if [ -z "$__rune_code" ]; then
  # What a helper complains of is why there was no command: until then the standard error is not the command's.
  # A shell of its own, so that the process can say who it is before it becomes anything else, and open what shows its rights.
  (
    read -r __rune_stat <"$__rune_proc/self/stat"
    echo "$__rune_stat" >&3
    exec 4</proc/self/status
    exec "$@" <"${0%/*}/setup.sh" 7<&-
  ) >>stdout.log 2>>error 8>&2 9>>stderr.log
  __rune_code=$?
fi
# What the command left behind is asked to end as soon as the command has: not whoever writes its code.
trap '' HUP INT QUIT USR1 USR2 TERM
# A link needs no space for data, so this works on a full disk, and the link is complete or missing.
ln -sn "$__rune_code" "../signals/$__rune_name.exit"
# When the first process of a namespace ends, the kernel ends the others. The daemon asks them before that.
if [ "$$" = 1 ]; then
  while set -- /proc/[0-9]* && [ $# -gt 1 ]; do sleep 0.05; done
fi
