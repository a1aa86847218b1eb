import type { Argument, Command, Option } from 'commander';

/** The shells that words can be completed in. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** A command as completion knows it, with all that can stand behind it. */
interface Node {
  /** Its words, without the program's own name; empty for the program. */
  readonly path: readonly string[];
  readonly summary: string;
  readonly commands: readonly Node[];
  readonly options: readonly CompletedOption[];
  readonly values: Values;
}

interface CompletedOption {
  readonly flags: readonly string[];
  readonly summary: string;
  /** `undefined`: it takes none. */
  readonly values: Values | undefined;
}

/** What can be chosen from, files, or what nobody can guess. */
type Values = readonly string[] | 'files' | 'unknown';

/** The script that completes the words of this program: made from its own commands, so that none is forgotten. */
export function completionScript(program: Command, shell: Shell): string {
  const root = nodeOf(program, [], optionsOf(program));
  return shell === 'fish' ? fishScript(root) : bashScript(root, shell);
}

function nodeOf(command: Command, path: readonly string[], shared: readonly CompletedOption[]): Node {
  const own = path.length === 0 ? [] : optionsOf(command);
  return {
    path,
    summary: command.summary() || command.description(),
    commands: command.commands.map((each) => nodeOf(each, [...path, each.name()], shared)),
    options: [...own, ...shared],
    values: command.registeredArguments.map(valuesOf)[0] ?? [],
  };
}

function optionsOf(command: Command): CompletedOption[] {
  const help = command.createHelp();
  return help.visibleOptions(command).map((option: Option) => ({
    flags: [option.long, option.short].filter((flag) => flag != null),
    summary: option.description,
    values: option.required || option.optional ? valuesOf(option) : undefined,
  }));
}

function valuesOf(from: Option | Argument): Values {
  if (from.argChoices !== undefined) return from.argChoices;
  const name = 'flags' in from ? from.flags : from.name();
  return /\b(path|paths|file|files|event)\b/.test(name) ? 'files' : 'unknown';
}

function allNodes(node: Node): Node[] {
  return [node, ...node.commands.flatMap(allNodes)];
}

const keyOf = ({ path }: Node) => path.join(' ');

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/** Of a command line what has been typed decides: first which command it is, then what may follow it. */
function bashScript(root: Node, shell: Exclude<Shell, 'fish'>): string {
  const nodes = allNodes(root);
  const isCase = (key: string, answer: string) => `    ${quoted(key)}) ${answer} ;;`;
  const valued = nodes.flatMap((node) =>
    node.options.flatMap(({ flags, values }) =>
      values === undefined ? [] : flags.map((flag) => ({ key: `${keyOf(node)}:${flag}`, values })),
    ),
  );
  const answer = (values: Values) =>
    typeof values === 'string' ? `REPLY=${values}` : `REPLY=${quoted(values.join(' '))}`;
  return `${shell === 'zsh' ? ZSH_HEAD : '# sluice: completion for bash'}
_sluice_next() { # what may follow the command $1, options aside
  case "$1" in
${nodes.map((node) => isCase(keyOf(node), node.commands.length > 0 ? answer(node.commands.map(({ path }) => path.at(-1) ?? '')) : answer(node.values))).join('\n')}
    *) REPLY= ;;
  esac
}
_sluice_options() { # the options of the command $1
  case "$1" in
${nodes.map((node) => isCase(keyOf(node), answer(node.options.flatMap(({ flags }) => flags)))).join('\n')}
  esac
}
_sluice_value() { # what the option $1 takes, as command:option; fails where it takes nothing
  case "$1" in
${valued.map(({ key, values }) => isCase(key, answer(values))).join('\n')}
    *) return 1 ;;
  esac
}
_sluice_is_command() {
  case "$1" in
    ${nodes
      .filter(({ path }) => path.length > 0)
      .map((node) => quoted(keyOf(node)))
      .join(' | ')}) ;;
    *) return 1 ;;
  esac
}
_sluice() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" command='' option='' word='' i=1 before='' REPLY=''
  COMPREPLY=()
  while [ "$i" -lt "$COMP_CWORD" ]; do
    word="\${COMP_WORDS[i]}"
    i=$((i + 1))
    if [ -n "$option" ]; then option=''; continue; fi
    if _sluice_value "$command:$word"; then option="$word"; continue; fi
    if _sluice_is_command "\${command:+$command }$word"; then command="\${command:+$command }$word"; fi
  done
  if [ -n "$option" ]; then
    _sluice_value "$command:$option"
  elif [ "\${cur#-}" != "$cur" ]; then
    _sluice_options "$command"
  else
    _sluice_next "$command"
  fi
  case "$REPLY" in
    files) COMPREPLY=($(compgen -f -- "$cur")) ;;
    unknown | '') ;;
    *)
      # Of several with commas between, the last one.
      before="\${cur%"\${cur##*,}"}"
      COMPREPLY=($(compgen -P "$before" -W "$REPLY" -- "\${cur##*,}"))
      ;;
  esac
}
complete -o filenames -F _sluice sluice
`;
}

const ZSH_HEAD = `#compdef sluice
# sluice: completion for zsh, by its layer for bash
autoload -U +X compinit && compinit
autoload -U +X bashcompinit && bashcompinit`;

function fishScript(root: Node): string {
  const lines = allNodes(root).flatMap((node) => {
    const here = conditionOf(node);
    const own =
      node.path.length === 0 ? node.options : node.options.filter((each) => !root.options.includes(each));
    return [
      ...node.commands.map(
        ({ path, summary }) => `complete -c sluice ${here} -f -a ${path.at(-1)} -d ${quoted(summary)}`,
      ),
      ...(node.commands.length === 0 ? argumentLine(node, here) : []),
      ...own.map(({ flags, summary, values }) => {
        const names = flags.map((flag) =>
          flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`,
        );
        const where = node.path.length === 0 ? '' : ` ${here}`;
        return `complete -c sluice${where} ${names.join(' ')}${valueFlags(values)} -d ${quoted(summary)}`;
      }),
    ];
  });
  return ['# sluice: completion for fish', 'complete -c sluice -f', ...lines, ''].join('\n');
}

/** Where a command has been typed, and none of those below it. */
function conditionOf({ path, commands }: Node): string {
  const seen = path.map((word) => `__fish_seen_subcommand_from ${word}`);
  const below = commands.map((each) => each.path.at(-1)).join(' ');
  const notBelow = below === '' ? [] : [`not __fish_seen_subcommand_from ${below}`];
  return `-n ${quoted([...seen, ...notBelow].join('; and '))}`;
}

function argumentLine({ values }: Node, here: string): string[] {
  if (values === 'files') return [`complete -c sluice ${here} -F`];
  if (values === 'unknown' || values.length === 0) return [];
  return [`complete -c sluice ${here} -f -a ${quoted(values.join(' '))}`];
}

function valueFlags(values: Values | undefined): string {
  if (values === undefined) return '';
  if (values === 'files') return ' -r -F';
  return values === 'unknown' ? ' -x' : ` -x -a ${quoted(values.join(' '))}`;
}
