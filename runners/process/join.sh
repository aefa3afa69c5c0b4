# Runs a command for `exec`: joins the run's control groups and sets the size of the terminal, then executes it.
# sh join.sh ROWS COLUMNS [CGROUP_PROCS_FILE...] -- COMMAND...
if [ "$1" != 0 ]; then
  PATH=/usr/bin:/bin stty rows "$1" cols "$2"
fi
shift 2
while [ "$1" != -- ]; do
  echo "$$" >"$1" || exit 126
  shift
done
shift
exec "$@"
