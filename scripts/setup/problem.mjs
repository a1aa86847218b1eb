/** Something that the person at the terminal can put right: shown as its message alone, without a stack. */
export class Problem extends Error {
  /** @param {string} message @param {{ output?: string, exitCode?: number }} [details] */
  constructor(message, { output = '', exitCode = 1 } = {}) {
    super(message);
    this.name = 'Problem';
    this.output = output;
    this.exitCode = exitCode;
  }
}

/** Runs a command line's work and returns its exit code; a problem is shown with the output that led to it. */
export async function exitCodeOf(work) {
  try {
    await work();
    return 0;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.output !== '')
      process.stderr.write(error.output.endsWith('\n') ? error.output : `${error.output}\n`);
    if (error.message !== '') console.error(error.message);
    return error.exitCode;
  }
}
