import { invalid, type HallmarkError } from '@hallmark/errors';
import { looksAt, type FormatTerms } from './formats.ts';
import { Candidate, END_BYTES } from './look.ts';

export interface InspectionTerms extends FormatTerms {
  /** Whether data that is not what it is declared to be is refused. */
  readonly requiresMatch: boolean;
}

export interface Declared {
  readonly diskFormat: string | null;
  readonly containerFormat: string | null;
}

/** A boot loader in front of an ISO, which makes it start from a stick as well. */
const ALSO_ALLOWED: Readonly<Record<string, string>> = { iso: 'gpt' };

/**
 * Looks at data as it flows by: whether it is what it is declared to be and nothing else at the same
 * time, whether anybody should open it, how large a guest sees it. Only data that is in no container
 * can be looked at; raw is whatever it is.
 */
export class Inspection {
  readonly #declared: Declared;
  /** Looking for the declared format; undefined where there is nothing to look for. */
  readonly #own: Candidate | undefined;
  readonly #others: ReadonlyMap<string, Candidate>;
  readonly #requiresMatch: boolean;
  #position = 0;
  #end = Buffer.alloc(0);
  #isJudged = false;

  constructor(declared: Declared, terms: InspectionTerms) {
    const { diskFormat, containerFormat } = declared;
    const looks = looksAt(terms);
    const look = containerFormat === 'bare' && diskFormat !== null ? looks.get(diskFormat) : undefined;
    this.#declared = declared;
    this.#requiresMatch = terms.requiresMatch;
    this.#own = look && new Candidate(look());
    this.#others = new Map(
      look && terms.requiresMatch
        ? [...looks]
            .filter(([name]) => name !== diskFormat && name !== ALSO_ALLOWED[diskFormat ?? ''])
            .map(([name, other]) => [name, new Candidate(other())])
        : [],
    );
  }

  /** The next bytes. @throws HallmarkError `CONTENT_MISMATCH`, `CONTENT_UNSAFE` as soon as that is known */
  feed(piece: Uint8Array): void {
    if (!this.#own) return;
    if (!this.#isJudged) {
      for (const candidate of [this.#own, ...this.#others.values()]) candidate.feed(piece, this.#position);
      this.#judge();
    }
    this.#position += piece.length;
    if (this.#own.found?.unsafeEnd || !this.#own.isDone)
      this.#end = Buffer.from(
        piece.length >= END_BYTES
          ? piece.subarray(-END_BYTES)
          : Buffer.concat([this.#end, piece]).subarray(-END_BYTES),
      );
  }

  /** No more bytes come. @throws HallmarkError `CONTENT_MISMATCH`, `CONTENT_UNSAFE` */
  finish(): void {
    if (!this.#own) return;
    if (!this.#own.found && this.#requiresMatch) throw this.#mismatch();
    this.#requireAlone();
    const unsafe = this.#own.found?.unsafeEnd?.(this.#end);
    if (unsafe !== undefined) throw unsafeContent(unsafe);
  }

  /** Bytes that a guest sees as its disk, of data of so many bytes. Null: the data does not say. */
  virtualSize(size: number): number | null {
    const { diskFormat, containerFormat } = this.#declared;
    if (size === 0 || containerFormat !== 'bare') return null;
    if (diskFormat === 'raw') return size;
    return this.#own?.found?.virtualSize(size) ?? null;
  }

  #judge(): void {
    if (!this.#own?.isDone) return;
    if (!this.#own.found && this.#requiresMatch) throw this.#mismatch();
    if (this.#own.found?.unsafe !== undefined) throw unsafeContent(this.#own.found.unsafe);
    this.#requireAlone();
    this.#isJudged = [...this.#others.values()].every((candidate) => candidate.isDone);
  }

  /** One that is two images at once is a trap for whoever takes it for the other. */
  #requireAlone(): void {
    const others = [...this.#others].filter(([, { found }]) => found !== undefined).map(([name]) => name);
    if (others.length > 0 && this.#own?.found)
      throw invalid(
        'CONTENT_MISMATCH',
        `Multiple formats detected: ${[this.#declared.diskFormat ?? '', ...others].join(', ')}`,
      );
  }

  #mismatch(): HallmarkError {
    return invalid(
      'CONTENT_MISMATCH',
      `Content does not match expected format '${this.#declared.diskFormat ?? ''}'`,
    );
  }
}

const unsafeContent = (why: string): HallmarkError =>
  invalid('CONTENT_UNSAFE', `Image failed safety checks: ${why}`);
