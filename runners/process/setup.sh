# Becomes a command of a run. It runs as the run's user already, and was loaded before the user's mounts existed.
# sh -s rune-setup WORKDIR [STATUS_LINE...] -- COMMAND...
# Open are: 0 this text; 3 to tell the daemon how far it is; 4 the process's own /proc/<pid>/status, as root sees it; 5 what
# environment.ts wrote, once the mounts are made; 6 the command's standard input; 8 for errors; 9 the
# command's standard error.
umask 022
unset IFS LC_ALL
__rune_workdir=$2
shift 2

__rune_fail() {
  printf '%s\n' "$1" >&8
  exit 126
}

__rune_break='
'
__rune_status=$__rune_break
while read -r __rune_line; do
  __rune_status=$__rune_status$__rune_line$__rune_break
done <&4
while [ "$1" != -- ]; do
  case $__rune_status in
  *"$__rune_break$1$__rune_break"*) ;;
  *) __rune_fail "it was not run: it would not have had the rights that it must have: $1" ;;
  esac
  shift
done
shift

echo waiting >&3
# 125: nobody finished the set-up, and nothing of the run was run; see UNFINISHED in records.ts.
read -r __rune_line <&5 || exit 125
# The daemon wrote down why.
[ "$__rune_line" = go ] || exit 126
cd "$__rune_workdir" 2>/dev/null || __rune_fail "its user cannot enter the working directory $__rune_workdir"
# What shells make of themselves and of where they are is nothing that the service says.
unset PWD OLDPWD SHLVL _

while :; do
  IFS= read -r __rune_line <&5 || __rune_fail "the daemon stopped before the process was started"
  [ "$__rune_line" = . ] && break
  eval "$__rune_line"
done
command -v -- "$1" >/dev/null || __rune_fail "its user cannot execute $1"
# bash counts itself once more when it becomes a command.
if [ -n "${BASH_VERSION-}" ] && [ -z "${SHLVL+said}" ]; then
  case $1 in
  *=*) ;;
  *) set -- /usr/bin/env -u SHLVL -- "$@" ;;
  esac
fi
echo ready >&3
exec "$@" <&6 2>&9 3>&- 4<&- 5<&- 6<&- 7<&- 8>&- 9>&-
