import { unauthenticated } from '@hallmark/errors';
import { judgeServiceToken, type ServiceTokenRules } from './service-token-rules.ts';
import { couldBeToken, digestOf, type TokenDigest } from './token-digest.ts';
import type { TokenOwner } from './token-owner.ts';

export interface InspectOptions {
  /** Accepts a token that expired not too long ago. */
  readonly allowExpired: boolean;
  /** OpenStack request id of the work that wants to know. */
  readonly requestId: string;
}

/** Keystone, as far as other people's tokens go. */
export interface TokenAuthority {
  /** Whose token it is; undefined when Keystone does not accept it. Throws when Keystone cannot be asked. */
  inspect(token: string, options: InspectOptions): Promise<TokenOwner | undefined>;
}

/** What is remembered of tokens found valid. It forgets by itself when their time is over. */
export interface ValidatedTokens {
  find(digest: TokenDigest): { readonly owner: TokenOwner; readonly remainingMs: number } | undefined;
  /** Does nothing for no time at all. */
  keep(digest: TokenDigest, owner: TokenOwner, forMs: number): void;
  /** Whether it was there. */
  forget(digest: TokenDigest): boolean;
}

/** Where an operator learns how validations end. */
export interface ValidationEvents {
  validated(result: 'cached' | 'valid' | 'invalid' | 'unavailable'): void;
  /** A service token without any of the roles was accepted because none is required. */
  roleless(userName: string): void;
}

export interface ValidatorParts {
  readonly authority: TokenAuthority;
  readonly known: ValidatedTokens;
  readonly rules: ServiceTokenRules;
  /** Longest time for which a validation is believed. Zero: ask each time. */
  readonly believeForMs: number;
  readonly events: ValidationEvents;
  readonly now: () => number;
  /** The newest invalidation that this process knows of. */
  readonly version: () => number;
  /** Called for a token that Keystone does not accept, which others may hold as valid. */
  readonly foundInvalid: (digest: TokenDigest, wasKnown: boolean) => void;
}

/** Who sent a request, and for how long that may be believed. */
export interface ValidatedCaller {
  readonly caller: TokenOwner;
  readonly service?: TokenOwner;
  readonly reuseMs: number;
  readonly version: number;
}

interface Finding {
  readonly owner: TokenOwner;
  readonly reuseMs: number;
  readonly version: number;
}

interface Inquiry {
  readonly finding: Promise<Finding | undefined>;
  /** The token was invalidated while Keystone was being asked: its answer may be older than that. */
  overtaken: boolean;
}

/** Validates tokens as keystonemiddleware does, asking Keystone only for those it does not know. */
export class TokenValidator {
  readonly #parts: ValidatorParts;
  readonly #inquiries = new Map<string, Inquiry>();

  constructor(parts: ValidatorParts) {
    this.#parts = parts;
  }

  /**
   * Who sent a request with these tokens.
   *
   * A service token that is invalid, or carries none of the required roles, fails the request
   * however good the user's token is. One that carries a role lets an expired user token pass.
   *
   * @throws HallmarkError `unauthenticated` TOKEN_INVALID or SERVICE_TOKEN_INVALID, `unavailable`
   *   when Keystone cannot be asked.
   */
  async validate(token: string, serviceToken: string, requestId: string): Promise<ValidatedCaller> {
    const service = serviceToken === '' ? undefined : await this.#validateService(serviceToken, requestId);
    const allowExpired = service?.allowExpired ?? false;
    const found = await this.#validateOne(token, { allowExpired, requestId });
    if (!found) throw unauthenticated('TOKEN_INVALID', 'Keystone does not accept the token.');
    if (!service) return { caller: found.owner, reuseMs: found.reuseMs, version: found.version };
    return {
      caller: found.owner,
      service: service.finding.owner,
      reuseMs: Math.min(found.reuseMs, service.finding.reuseMs),
      version: Math.min(found.version, service.finding.version),
    };
  }

  /** Forgets a token that another process found invalid. Whether it was held as valid here. */
  forget(digest: TokenDigest): boolean {
    let held = this.#parts.known.forget(digest);
    for (const key of [inquiryKey(digest, false), inquiryKey(digest, true)]) {
      const inquiry = this.#inquiries.get(key);
      if (!inquiry) continue;
      inquiry.overtaken = true;
      this.#inquiries.delete(key);
      held = true;
    }
    return held;
  }

  async #validateService(
    token: string,
    requestId: string,
  ): Promise<{ finding: Finding; allowExpired: boolean }> {
    const finding = await this.#validateOne(token, { allowExpired: false, requestId });
    const verdict = finding ? judgeServiceToken(finding.owner.roles, this.#parts.rules) : 'refused';
    if (!finding || verdict === 'refused') {
      throw unauthenticated(
        'SERVICE_TOKEN_INVALID',
        finding
          ? 'The service token carries none of the roles in [keystone_authtoken] service_token_roles.'
          : 'Keystone does not accept the service token.',
      );
    }
    if (verdict === 'tolerated') this.#parts.events.roleless(finding.owner.user.name);
    return { finding, allowExpired: verdict === 'confirmed' };
  }

  async #validateOne(text: string, options: InspectOptions): Promise<Finding | undefined> {
    const { events } = this.#parts;
    const token = text.trim();
    if (!couldBeToken(token)) {
      events.validated('invalid');
      return undefined;
    }
    const digest = digestOf(token);
    const remembered = this.#recall(digest);
    if (remembered) {
      events.validated('cached');
      return remembered;
    }
    try {
      const finding = await this.#inquire(token, digest, options);
      events.validated(finding ? 'valid' : 'invalid');
      return finding;
    } catch (thrown) {
      events.validated('unavailable');
      throw thrown;
    }
  }

  #recall(digest: TokenDigest): Finding | undefined {
    const { known, now, version } = this.#parts;
    const remembered = known.find(digest);
    if (!remembered) return undefined;
    const leftMs = remembered.owner.expiresAtMs - now();
    if (leftMs <= 0) return undefined;
    return {
      owner: remembered.owner,
      reuseMs: Math.min(remembered.remainingMs, leftMs),
      version: version(),
    };
  }

  /** All who ask for the same token at the same time share one request. */
  async #inquire(token: string, digest: TokenDigest, options: InspectOptions): Promise<Finding | undefined> {
    const key = inquiryKey(digest, options.allowExpired);
    const underWay = this.#inquiries.get(key);
    if (underWay) return underWay.finding;
    const inquiry: Inquiry = {
      overtaken: false,
      finding: this.#askAuthority(token, digest, options, () => inquiry.overtaken).finally(() => {
        if (this.#inquiries.get(key) === inquiry) this.#inquiries.delete(key);
      }),
    };
    this.#inquiries.set(key, inquiry);
    return inquiry.finding;
  }

  async #askAuthority(
    token: string,
    digest: TokenDigest,
    options: InspectOptions,
    overtaken: () => boolean,
  ): Promise<Finding | undefined> {
    const { authority, known, now, believeForMs, foundInvalid } = this.#parts;
    const askedAtMs = now();
    const version = this.#parts.version();
    const owner = await authority.inspect(token, options);
    if (!owner) {
      foundInvalid(digest, known.forget(digest));
      return undefined;
    }
    const leftMs = owner.expiresAtMs - now();
    // Keystone's clock may lag behind ours; zero leeway all the same.
    if (leftMs <= 0 && !options.allowExpired) return undefined;
    const believedMs = askedAtMs + believeForMs - now();
    const reuseMs = overtaken() ? 0 : Math.max(0, Math.min(believedMs, leftMs));
    known.keep(digest, owner, reuseMs);
    return { owner, reuseMs, version };
  }
}

function inquiryKey(digest: TokenDigest, allowExpired: boolean): string {
  return allowExpired ? `${digest}+expired` : digest;
}
