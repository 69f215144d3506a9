import type { vendordata } from '@hallmark/contracts';
import type { Call, Handlers } from '@hallmark/rpc';
import type { AnswerKey, Answers, CachePolicy, TargetReply } from '../domain/answer.ts';
import { parseInstance } from '../domain/instance.ts';
import { Patience } from '../patience.ts';
import type { Resolution, Resolver } from '../resolver.ts';
import type { TargetSet } from '../targets/target-set.ts';
import {
  contributionToWire,
  durationFromMs,
  durationFromSeconds,
  failureToWire,
  questionFromWire,
  targetToWire,
} from './wire.ts';

/** What happened to kept answers, as the cache tells it. */
export type InvalidationEvent =
  | { readonly kind: 'hello'; readonly version: number; readonly epoch: string }
  | { readonly kind: 'heartbeat'; readonly version: number }
  | {
      readonly kind: 'invalidated';
      readonly version: number;
      readonly scope: { readonly instanceId?: string; readonly target?: string };
    };

/** The part of the cache that the handlers need. */
export interface AnswerStore extends Answers {
  watch(signal: AbortSignal): AsyncIterable<InvalidationEvent>;
}

/** The targets as they are configured now. */
export interface Setup {
  readonly set: TargetSet;
  readonly resolver: Resolver;
}

export interface HandlerDependencies {
  /** Asked anew for each call: a reload swaps it. */
  readonly setup: () => Setup;
  readonly answers: AnswerStore;
  /** For how long a reply could be kept. */
  readonly ttlSeconds: (key: AnswerKey, reply: Answered, policy: CachePolicy) => number;
}

export type Answered = Extract<TargetReply, { kind: 'answered' }>;

/** `hallmark.vendordata.v1.VendordataService`. */
export class VendordataHandlers implements Handlers<typeof vendordata.VendordataServiceService> {
  readonly #dependencies: HandlerDependencies;

  constructor(dependencies: HandlerDependencies) {
    this.#dependencies = dependencies;
  }

  async resolve(request: vendordata.ResolveRequest, call: Call): Promise<vendordata.ResolveResponse> {
    const instance = parseInstance(request.instanceJson);
    call.event['instanceId'] = instance.instanceId;
    const question = questionFromWire(request);
    const resolution = await this.#setup().resolver.resolve(instance, question, call);
    call.event['targets'] = summary(resolution);
    if (question.document !== undefined) call.event['document'] = question.document;
    if (resolution.shortLived.length > 0) call.event['shortLived'] = resolution.shortLived;
    return {
      // A reader of the document has no use for the parts twice.
      contributions: resolution.parts.map((part) =>
        contributionToWire(resolution.document === undefined ? part : { ...part, json: Buffer.alloc(0) }),
      ),
      document: resolution.document ?? Buffer.alloc(0),
      shortLivedTargets: [...resolution.shortLived],
      reuse: {
        ttl: durationFromSeconds(resolution.reuse.ttlSeconds),
        age: durationFromSeconds(resolution.reuse.ageSeconds),
        version: resolution.version,
      },
      instanceId: instance.instanceId,
    };
  }

  listTargets(): Promise<vendordata.ListTargetsResponse> {
    const { answers } = this.#dependencies;
    const targets = this.#setup().set.targets.map((target) =>
      targetToWire(target, answers.stats(target.name)),
    );
    return Promise.resolve({ targets, cache: answers.state() });
  }

  async probeTarget(
    request: vendordata.ProbeTargetRequest,
    call: Call,
  ): Promise<vendordata.ProbeTargetResponse> {
    const { set, resolver } = this.#setup();
    const target = resolver.getTarget(request.target);
    const instance = parseInstance(request.instanceJson);
    call.event['instanceId'] = instance.instanceId;
    using patience = new Patience(call);
    const startedAt = performance.now();
    const reply = await set.use(() => target.probe(instance, patience.signal));
    const elapsed = durationFromMs(performance.now() - startedAt);
    if (reply.kind !== 'answered') {
      // Nothing conditional was asked, so a 304 does not come here.
      const failure = reply.kind === 'failed' ? reply.failure : undefined;
      return {
        json: Buffer.alloc(0),
        status: target.isHttp ? (failure?.status ?? 0) : 0,
        elapsed,
        ttl: durationFromMs(0),
        cacheControl: '',
        failure: failure && failureToWire(failure),
      };
    }
    const ttlSeconds = this.#dependencies.ttlSeconds(target.keyFor(instance), reply, target.cachePolicy());
    return {
      json: reply.json,
      status: target.isHttp ? reply.status : 0,
      elapsed,
      ttl: durationFromSeconds(ttlSeconds),
      cacheControl: reply.headers['cache-control'] ?? '',
    };
  }

  async purge(request: vendordata.PurgeRequest, call: Call): Promise<vendordata.PurgeResponse> {
    if (request.target !== '') this.#setup().resolver.getTarget(request.target);
    const scope = {
      ...(request.target !== '' && { target: request.target }),
      ...(request.instanceId !== '' && { instanceId: request.instanceId.toLowerCase() }),
    };
    Object.assign(call.event, scope);
    return { purged: await this.#dependencies.answers.purge(scope) };
  }

  async *watchInvalidations(
    _request: vendordata.WatchInvalidationsRequest,
    call: Call,
  ): AsyncGenerator<vendordata.WatchInvalidationsResponse, void> {
    for await (const event of this.#dependencies.answers.watch(call.signal)) yield invalidationToWire(event);
  }

  #setup(): Setup {
    return this.#dependencies.setup();
  }
}

function invalidationToWire(event: InvalidationEvent): vendordata.WatchInvalidationsResponse {
  const { version } = event;
  switch (event.kind) {
    case 'hello':
      return { version, event: { $case: 'hello', value: { epoch: event.epoch } } };
    case 'heartbeat':
      return { version, event: { $case: 'heartbeat', value: {} } };
    case 'invalidated': {
      const { instanceId = '', target = '' } = event.scope;
      return { version, event: { $case: 'answersInvalidated', value: { instanceId, target } } };
    }
  }
}

/** Where each part came from and how long it took, for the one log line of the call. */
function summary({ parts }: Resolution): Record<string, string> {
  return Object.fromEntries(
    parts.map(({ name, source, elapsedMs, failure }) => [
      name,
      `${source} ${Math.round(elapsedMs)} ms${failure ? ` ${failure.reason}` : ''}`,
    ]),
  );
}
