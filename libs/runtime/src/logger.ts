import { pino, type Bindings, type ChildLoggerOptions, type DestinationStream, type Logger } from 'pino';
import { redactLine, redactLineMembers, redactMembers } from './redaction.ts';

export interface LoggerOptions {
  /** Stands in every line. */
  app: string;
  level?: string;
  /** Standard output, unless a test wants to read the lines. */
  destination?: DestinationStream;
}

/**
 * A logger of JSON lines, without secrets whatever it is given (`redaction.ts`). Lines are gathered
 * for up to a quarter of a second and written without waiting; what is left is written at exit.
 */
export function createLogger({ app, level = 'info', destination = standardOutput() }: LoggerOptions): Logger {
  const plain = pino(
    {
      level,
      base: { app, pid: process.pid },
      timestamp: isoTime(),
      formatters: {
        level: (label) => ({ level: label }),
        log: redactLineMembers,
      },
      serializers: {
        // Described by `formatters.log` already; pino's own description would be a second one.
        err: (description: unknown) => description,
      },
      hooks: { streamWrite: redactLine },
    },
    destination,
  );
  // pino formats the members of a line, but not those that are bound to a child.
  return Object.assign(plain.child({}), {
    child(this: Logger, bindings: Bindings, options?: ChildLoggerOptions): Logger {
      return plain.child.bind(this)(redactMembers(bindings), options);
    },
    setBindings(this: Logger, bindings: Bindings) {
      plain.setBindings.bind(this)(redactMembers(bindings));
    },
  });
}

/** The time of a line as pino writes it in ISO 8601, whose dear part is made once a second. */
function isoTime(): () => string {
  let second = -1;
  let upToSecond = '';
  return () => {
    const nowMs = Date.now();
    const nowSecond = Math.floor(nowMs / 1_000);
    if (nowSecond !== second) {
      second = nowSecond;
      upToSecond = `,"time":"${new Date(nowSecond * 1_000).toISOString().slice(0, -4)}`;
    }
    return `${upToSecond}${String(nowMs % 1_000).padStart(3, '0')}Z"`;
  };
}

const FLUSH_EVERY_MS = 250;

/**
 * Workers share one pipe. The system keeps writes of up to 4096 bytes whole, so that lines of two
 * workers do not run into each other.
 */
const WHOLE_WRITE_BYTES = 4096;

function standardOutput(): DestinationStream {
  return pino.destination({
    dest: 1,
    sync: false,
    // Each write is a hand-over to another thread, which costs more than the lines: as few as can be.
    minLength: WHOLE_WRITE_BYTES - 1,
    maxWrite: WHOLE_WRITE_BYTES,
    periodicFlush: FLUSH_EVERY_MS,
  });
}
