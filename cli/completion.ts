/**
 * `completion SHELL`: a script that asks this command what may come next. The script knows no verb itself, so that it never
 * lags behind; whatever goes wrong while completing, it prints nothing and offers nothing.
 */
import { CliError, exitCodes, type ExitCode } from './exit-codes.js';
import type { Call } from './perform.js';
import { unknownName } from './unknown.js';

/** `$ask` stands for this very command: an alias or a checkout completes as well as what is installed. */
const scripts: Record<string, (ask: string) => string> = {
  bash: (ask) => `# firebreak completion for bash: put  eval "$(firebreak completion bash)"  into ~/.bashrc
_firebreak() {
  COMPREPLY=()
  local line
  while IFS= read -r line; do
    COMPREPLY+=("\${line%%$'\\t'*}")
  done < <(${ask} "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null </dev/null)
  if [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == *= ]]; then compopt -o nospace; fi
}
complete -o bashdefault -o default -F _firebreak firebreak
`,
  zsh: (ask) => `#compdef firebreak
# firebreak completion for zsh: put  eval "$(firebreak completion zsh)"  into ~/.zshrc, after compinit
_firebreak() {
  local line
  local -a offers
  while IFS= read -r line; do
    line=\${line//:/\\\\:}
    offers+=("\${line/$'\\t'/:}")
  done < <(${ask} "\${(@)words[2,CURRENT]}" 2>/dev/null </dev/null)
  if (( \${#offers} )); then _describe firebreak offers; else _files; fi
}
compdef _firebreak firebreak
`,
  fish: (ask) => `# firebreak completion for fish: firebreak completion fish > ~/.config/fish/completions/firebreak.fish
function __firebreak
    set -l words (commandline -opc) (commandline -ct)
    set -l offers (${ask} $words[2..-1] 2>/dev/null </dev/null)
    if test (count $offers) -gt 0
        printf '%s\\n' $offers
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c firebreak -f -a '(__firebreak)'
`,
};

export const shells = ['bash', 'zsh', 'fish'];

export async function completion({ out }: Call, shell: string): Promise<ExitCode> {
  const script = scripts[shell];
  if (script === undefined)
    throw unknownName('completion.shell', `There is no completion for "${shell}"`, shell, shells);
  const [node, main] = [process.execPath, process.argv[1]];
  if (main === undefined)
    throw new CliError(exitCodes.failed, 'cli.fault', 'This command does not know where it lies (this is a bug).', {
      nextStep: 'report it.',
    });
  const text = script(`${word(node)} ${word(main)} __complete --`);
  out.answer({ shell, script: text }, [text.trimEnd()]);
  return exitCodes.done;
}

/** In single quotes, which all three shells read alike but for a quote within. */
function word(path: string): string {
  return `'${path.replaceAll("'", `'\\''`)}'`;
}
