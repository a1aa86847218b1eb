/** What the exit codes of every command mean. */
export const EXIT = {
  ok: 0,
  /** Something could not be done; what it was is on standard error. */
  failed: 1,
  /** The command line makes no sense. */
  usage: 2,
  /** Nobody answers at the address of the pipeline server. */
  unreachable: 3,
  /** All was done, and something needs a person. */
  attention: 4,
  /** Ended by Ctrl+C before there was a result. */
  interrupted: 130,
} as const;

export const EXIT_CODES_HELP = `Exit codes:
  0    done
  1    something could not be done
  2    the command line makes no sense
  3    Sluice does not answer
  4    something needs a person (doctor, status, list --check, watch of one that was set aside)
  130  ended by Ctrl+C before there was a result`;
