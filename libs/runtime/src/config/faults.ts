/** One thing that is wrong with the configuration. */
export interface ConfigFault {
  /** `FILE:LINE`, `environment NAME`, `command line`, or `default`. */
  readonly where: string;
  /** The whole sentence, place and option included. It holds no secret. */
  readonly message: string;
}

/** The configuration cannot be used. Carries everything that is wrong with it, not just the first. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[]) {
    super(faults.map(({ message }) => message).join('\n'));
    this.faults = faults;
  }
}

/** A fault of an option: `/etc/hallmark.conf:12: [rpc] connections: "x" is not an integer`. */
export function optionFault(where: string, section: string, option: string, text: string): ConfigFault {
  return { where, message: `${where}: [${section}] ${option}: ${text}` };
}

/** A fault of a place rather than of an option. */
export function placeFault(where: string, text: string): ConfigFault {
  return { where, message: `${where}: ${text}` };
}
