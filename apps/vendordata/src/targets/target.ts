import { createHash } from 'node:crypto';
import type { Clock } from '@hallmark/runtime';
import type { AnswerKey, CachePolicy, TargetFailure, TargetReply } from '../domain/answer.ts';
import type { Instance } from '../domain/instance.ts';
import { targetFingerprint, type TargetSettings } from '../domain/target-settings.ts';
import { AuthorizedTarget } from './authorized-target.ts';
import { GrpcTransport } from './grpc-transport.ts';
import { Guard, type BreakerState } from './guard.ts';
import { HttpTransport } from './http-transport.ts';
import type { ServiceTokens } from './service-tokens.ts';
import type { Transport } from './transport.ts';

/** What a target tells about itself while it works. */
export interface TargetEvents {
  replied(target: string, reply: TargetReply, elapsedMs: number): void;
}

/** How a target has done since this process knows it. */
export interface TargetHealth {
  readonly breaker: BreakerState;
  readonly retryAtMs: number | undefined;
  readonly calls: number;
  readonly failures: number;
  readonly inFlight: number;
  readonly lastFailure: { readonly failure: TargetFailure; readonly atMs: number } | undefined;
  readonly lastSuccessAtMs: number | undefined;
}

export interface TargetDependencies {
  readonly tokens: ServiceTokens;
  readonly events: TargetEvents;
  readonly clock: Clock;
  /** How long all targets of a request may take together. */
  readonly resolveTimeoutMs: number;
}

/** One configured target: its connections, its guard and how it has done. */
export class Target implements AsyncDisposable {
  readonly settings: TargetSettings;
  readonly #dependencies: TargetDependencies;
  readonly #fingerprint: string;
  readonly #transport: Transport;
  readonly #authorized: AuthorizedTarget;
  readonly #guard: Guard;
  #calls = 0;
  #failures = 0;
  #inFlight = 0;
  #lastFailure: TargetHealth['lastFailure'];
  #lastSuccessAtMs: number | undefined;

  constructor(settings: TargetSettings, dependencies: TargetDependencies) {
    const { tokens, clock, resolveTimeoutMs } = dependencies;
    this.settings = settings;
    this.#dependencies = dependencies;
    this.#fingerprint = targetFingerprint(settings);
    this.#transport = isHttp(settings) ? new HttpTransport(settings) : new GrpcTransport(settings);
    this.#authorized = new AuthorizedTarget(this.#transport, tokens, clock);
    const patienceMs = Math.min(settings.readTimeoutMs, settings.totalTimeoutMs, resolveTimeoutMs) / 2;
    this.#guard = new Guard({ ...settings, patienceMs });
  }

  get name(): string {
    return this.settings.name;
  }

  get isHttp(): boolean {
    return isHttp(this.settings);
  }

  /** Under what an answer about this instance is kept. */
  keyFor(instance: Instance): AnswerKey {
    const tokenDigest = this.#dependencies.tokens.heldDigest();
    return {
      target: this.name,
      instanceId: instance.instanceId,
      digest: createHash('sha256').update(`${this.#fingerprint} ${instance.digest}`).digest('hex'),
      requestHeaders: {
        ...this.#transport.requestHeaders,
        ...(tokenDigest !== undefined && { 'x-auth-token': `sha256:${tokenDigest}` }),
      },
      url: this.settings.url,
    };
  }

  cachePolicy(): CachePolicy {
    const { failure, maxStaleSeconds, defaultCacheControl, totalTimeoutMs } = this.settings;
    return {
      maxStaleSeconds: failure === 'stale' ? maxStaleSeconds : undefined,
      defaultCacheControl,
      // An exchange, and its repetition with another token.
      flightTimeoutMs: 2 * totalTimeoutMs,
    };
  }

  /** Asks, if the guard lets it. Never rejects for an ordinary failure. */
  async ask(
    instance: Instance,
    conditional: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<TargetReply> {
    return await this.#guard.run(() => this.#call(instance, conditional, signal), signal);
  }

  /** Asks past the guard, and leaves no trace of it in health and breaker. */
  async probe(instance: Instance, signal: AbortSignal): Promise<TargetReply> {
    return await this.#authorized.ask({ instance, conditional: {}, signal });
  }

  health(): TargetHealth {
    return {
      breaker: this.#guard.state,
      retryAtMs: this.#guard.retryAtMs,
      calls: this.#calls,
      failures: this.#failures,
      inFlight: this.#inFlight,
      lastFailure: this.#lastFailure,
      lastSuccessAtMs: this.#lastSuccessAtMs,
    };
  }

  /** Closes the connections once what is under way has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#transport[Symbol.asyncDispose]();
  }

  async #call(
    instance: Instance,
    conditional: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<TargetReply> {
    const { events, clock } = this.#dependencies;
    const startedAt = performance.now();
    this.#calls += 1;
    this.#inFlight += 1;
    try {
      const reply = await this.#authorized.ask({ instance, conditional, signal });
      if (reply.kind !== 'failed') this.#lastSuccessAtMs = clock.now();
      else if (reply.failure.reason !== 'CANCELLED') {
        this.#failures += 1;
        this.#lastFailure = { failure: reply.failure, atMs: clock.now() };
      }
      events.replied(this.name, reply, performance.now() - startedAt);
      return reply;
    } finally {
      this.#inFlight -= 1;
    }
  }
}

const isHttp = ({ scheme }: TargetSettings): boolean => scheme === 'http' || scheme === 'https';
