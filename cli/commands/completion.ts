/** `rune completion`: scripts with which shells complete commands, flags and names of resources. @module */
import { Argument } from "@commander-js/extra-typings";
import { type Define, formatExamples } from "../client/command.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;

/** One candidate per line, its description after a tab. `:files` leaves it to the shell. */
const SCRIPTS: Record<typeof SHELLS[number], string> = {
  bash: `# rune completion for bash
_rune() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :files) compopt -o default 2>/dev/null ;;
      ?*) COMPREPLY+=("\${line%%$'\\t'*}") ;;
    esac
  done < <(rune __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _rune rune
`,
  zsh: `#compdef rune
# rune completion for zsh
_rune() {
  local line
  local -a candidates
  while IFS= read -r line; do
    case $line in
      :files) _files ;;
      ?*) candidates+=("\${\${line//:/\\\\:}/$'\\t'/:}") ;;
    esac
  done < <(rune __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( $#candidates )); then _describe -V rune candidates; fi
}
if [ "$funcstack[1]" = _rune ]; then _rune "$@"; else compdef _rune rune; fi
`,
  fish: `# rune completion for fish
function __rune_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in (rune __complete -- $words[2..-1] "$current" 2>/dev/null)
        if test "$line" = ":files"
            __fish_complete_path "$current"
        else
            echo -- $line
        end
    end
end
complete -c rune -f -a '(__rune_complete)'
`,
};

/** See the module. */
export const define: Define = (command, cli) => {
  const completion = command.addArgument(new Argument("<shell>", "which shell").choices(SHELLS));
  completion.addHelpText(
    "after",
    "\nNames of services, volumes and other resources come from the daemon that the command line addresses.\n" +
      formatExamples(
        "rune completion bash > /etc/bash_completion.d/rune",
        'rune completion zsh > "${fpath[1]}/_rune"',
        "rune completion fish > ~/.config/fish/completions/rune.fish",
      ),
  );
  completion.action((shell) => cli.terminal.out(SCRIPTS[shell]));
};
