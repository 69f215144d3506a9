import type { CallOptions } from '@hallmark/rpc';
import type { ImagesClient } from './visit.ts';

/** For how long images lets its versions be kept. */
const KEPT_MS = 60_000;

interface Kept {
  readonly applicationUrl: string;
  readonly json: Buffer;
  readonly minors: ReadonlySet<string>;
  readonly until: number;
}

/** The versions of the Image API, kept for a moment for those who ask as the last one did. */
export class Versions {
  readonly #images: Pick<ImagesClient, 'getVersions'>;
  readonly #now: () => number;
  #kept: Kept | undefined;

  constructor(images: Pick<ImagesClient, 'getVersions'>, now: () => number) {
    this.#images = images;
    this.#now = now;
  }

  /** The document, with links that begin with `applicationUrl`. */
  async document(applicationUrl: string, options: CallOptions): Promise<Buffer> {
    return (await this.#obtain(applicationUrl, options)).json;
  }

  /** Whether `v2.N` is among them; `v2` always is. */
  async isKnown(version: string, applicationUrl: string, options: CallOptions): Promise<boolean> {
    if (version === 'v2') return true;
    return (await this.#obtain(applicationUrl, options)).minors.has(version.slice(1));
  }

  async #obtain(applicationUrl: string, options: CallOptions): Promise<Kept> {
    const askedAt = this.#now();
    if (this.#kept?.applicationUrl === applicationUrl && askedAt < this.#kept.until) return this.#kept;
    const { json, minors } = await this.#images.getVersions({ applicationUrl }, options);
    this.#kept = { applicationUrl, json, minors: new Set(minors), until: askedAt + KEPT_MS };
    return this.#kept;
  }
}
