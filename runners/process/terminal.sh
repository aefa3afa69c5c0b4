# Gives a command of `exec` a terminal: reads what environment.ts wrote before the terminal could change a byte of it, and
# hands it on as descriptor 5.
# sh terminal.sh COMMAND, a line for sh
__rune_break='
'
__rune_text=
while IFS= read -r __rune_line; do
  __rune_text=$__rune_text$__rune_line$__rune_break
  if [ "$__rune_line" = . ]; then break; fi
done
exec script -qefc "$1" /dev/null 5<<EOF_OF_TEXT
${__rune_text}
EOF_OF_TEXT
