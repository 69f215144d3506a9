/** One entry of `Server-Timing`: a name, and what is said about it. */
export interface Timing {
  readonly name: string;
  /** `dur`, in milliseconds. Undefined when it is not told. */
  readonly ms: number | undefined;
  /** `desc`, or the empty text. */
  readonly description: string;
}

/** Reads the header. Names that are no token are percent-encoded by the gateway. */
export function parseServerTiming(header: string): Timing[] {
  return header
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
    .map((entry) => {
      const [name = '', ...parameters] = entry.split(';').map((part) => part.trim());
      const said = new Map(parameters.map(splitParameter));
      const duration = said.get('dur');
      return {
        name: decodeURIComponent(name),
        ms: duration === undefined ? undefined : Number(duration),
        description: said.get('desc') ?? '',
      };
    });
}

function splitParameter(parameter: string): [name: string, value: string] {
  const [name = '', value = ''] = parameter.split('=', 2);
  return [name, value.replaceAll('"', '')];
}
