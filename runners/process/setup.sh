# Becomes a command of a run. It already runs as the run's user, and was loaded before the user's mounts existed.
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

# 127: permanent until somebody changes it.
__rune_cannot() {
  printf '%s\n' "$1" >&8
  exit 127
}

# 125: nothing of the run has run; see isUnfinished() in records.ts.
__rune_left() {
  printf '%s\n' "nobody finished the set-up" >&8
  exit 125
}

# It runs with the variables of the run's user, who could have it write where the set-up says how it ended.
__rune_bytes() {
  /usr/bin/od -An -v -tx1 "$@" 2>/dev/null 8>&-
}

# Whether the kernel has handlers for additional kinds of programs.
__rune_knows_more() {
  for __rune_kind in /proc/sys/fs/binfmt_misc/*; do
    case ${__rune_kind##*/} in
    register | status | '*') ;;
    *) return 0 ;;
    esac
  done
  return 1
}

# Fails if the kernel will not execute a file. Succeeds for one that it cannot read.
__rune_look() {
  [ -f "$1" ] && [ -r "$1" ] || return 0
  [ -s "$1" ] || __rune_cannot "$1 is empty, and no program"
  case $(__rune_bytes -N2 "$1") in
  "") ;;
  " 23 21")
    IFS= read -r __rune_line <"$1"
    __rune_line=${__rune_line#"#!"}
    __rune_line=${__rune_line#"${__rune_line%%[! 	]*}"}
    __rune_interpreter=${__rune_line%%[ 	]*}
    case $__rune_interpreter in
    *"$__rune_return") __rune_cannot "the first line of the script $1 ends in a carriage return, as on Windows" ;;
    esac
    [ -x "$__rune_interpreter" ] ||
      __rune_cannot "$1 is a script for $__rune_interpreter, which is not there or cannot be executed"
    ;;
  " 7f 45")
    __rune_machine=$(__rune_bytes -j18 -N2 "$1")
    __rune_own=$(__rune_bytes -j18 -N2 /proc/self/exe)
    case "$__rune_own:$__rune_machine" in
    "$__rune_own:$__rune_own" | " 3e 00: 03 00" | " b7 00: 28 00") ;;
    *) __rune_knows_more || __rune_cannot "$1 is a program for another kind of processor than this host has" ;;
    esac
    ;;
  *)
    __rune_knows_more ||
      __rune_cannot "$1 is no program, and no script that says in its first line what executes it (#!/bin/sh)"
    ;;
  esac
}

# The kernel has refused to execute it after all.
__rune_refused() {
  case $1 in
  126) __rune_why="permission is denied (is its filesystem mounted noexec?), or arguments and environment are too long" ;;
  *) __rune_why="it is not there, or the loader that it names is not (was it built for another system?)" ;;
  esac
  printf '%s\n' "$__rune_program cannot be executed: $__rune_why" >&8
}

__rune_return=$(printf '\r')
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
read -r __rune_line <&5 || __rune_left
# The daemon has recorded the reason.
[ "$__rune_line" = go ] || exit 126
cd "$__rune_workdir" 2>/dev/null || __rune_fail "its user cannot enter the working directory $__rune_workdir"
# Variables that shells set about themselves and their directory are not part of the service.
unset PWD OLDPWD SHLVL _

while :; do
  IFS= read -r __rune_line <&5 || __rune_left
  [ "$__rune_line" = . ] && break
  eval "$__rune_line"
done
__rune_program=$(command -v -- "$1") || __rune_fail "its user cannot execute $1"
# This shell would run a file that the kernel does not execute as a script, whatever it contains.
case $__rune_program in
/*) __rune_look "$__rune_program" ;;
esac
# bash counts itself once more when it becomes a command.
if [ -n "${BASH_VERSION-}" ] && [ -z "${SHLVL+said}" ]; then
  case $1 in
  *=*) ;;
  *) set -- /usr/bin/env -u SHLVL -- "$@" ;;
  esac
fi
trap '__rune_refused $?' EXIT
# A daemon that died after it had sent everything does not prevent the start.
trap '' PIPE
echo ready >&3 2>/dev/null
trap - PIPE
exec "$@" <&6 2>&9 3>&- 4<&- 5<&- 6<&- 7<&- 8>&- 9>&-
