import { Argument, type Command } from 'commander';
import { completionScript, SHELLS, type Shell } from '../completion.ts';
import type { Io } from '../io.ts';
import { openSession } from '../session.ts';

const EXAMPLES = `
Where the command is "sluice" ("npm link" puts it into the PATH), for every new shell:
  bash  sluice completion bash > ~/.local/share/bash-completion/completions/sluice
  zsh   sluice completion zsh > "\${fpath[1]}/_sluice"
  fish  sluice completion fish > ~/.config/fish/completions/sluice.fish

Examples:
  sluice completion bash
  source <(sluice completion bash)   in bash, for this shell only`;

/** `sluice completion SHELL`: what completes the words of this command. */
export function addCompletionCommand(program: Command, io: Io): void {
  program
    .command('completion')
    .summary('complete its words in bash, zsh or fish')
    .description('Prints a script with which a shell completes commands, options and what they take.')
    .addArgument(new Argument('<shell>', 'that is to complete').choices(SHELLS))
    .addHelpText('after', EXAMPLES)
    .action((shell: Shell, _options: object, command: Command) => {
      const session = openSession(io, command);
      const script = completionScript(program, shell);
      if (session.isJson) session.printJson({ shell, script });
      else session.write(script);
    });
}
