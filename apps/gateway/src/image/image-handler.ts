import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Callers } from '../http/callers.ts';
import { Exchange, type Door } from '../http/exchange.ts';
import { identify } from '../http/identify.ts';
import { dropIdentityHeaders } from '../http/identity-headers.ts';
import { applicationUrlOf } from './application-url.ts';
import type { ImageDataServices } from './image-data.ts';
import {
  bodyUnexpected,
  methodNotAllowed,
  nothingThere,
  pathMalformed,
  slashMissing,
} from './image-failures.ts';
import { imageTargetOf, type ImageRoute, type ImageTarget, type Place } from './image-paths.ts';
import { sendEmpty, sendJson, sendText } from './image-reply.ts';
import { imageOperations, TAKES_BODY } from './operations.ts';
import { requestIdOf, requireShortId } from './request-id.ts';
import { Versions } from './versions.ts';
import { hasBody, toRepeat, wireCaller, type ImageRules } from './visit.ts';

export interface ImageHandlerOptions extends ImageDataServices {
  readonly door: Door;
  readonly now: () => number;
  readonly callers: Callers;
  readonly rules: () => ImageRules;
}

/** Most clients send their whole body before they look for an answer. */
const REST_OF_BODY_MS = 30_000;

/**
 * The Image API. Each request takes the same steps: its version, who is asking, where it leads, and only then
 * its body. `onExpect` is for requests whose bodies are held back.
 */
export function imageHandlers(options: ImageHandlerOptions): {
  readonly handler: RequestListener;
  readonly onExpect: RequestListener;
} {
  const { door, callers, rules: currentRules } = options;
  const operations = imageOperations(options);
  const versions = new Versions(options.images, options.now);

  const begin =
    (awaitsContinue: boolean) =>
    (request: IncomingMessage, response: ServerResponse): void => {
      dropIdentityHeaders(request.headers);
      const target = targetOf(request);
      const id = requestIdOf(request.headers);
      const exchange = new Exchange(door, id, routeOf(target), request, response);
      exchange.awaitsContinue = awaitsContinue && hasBody(exchange);
      exchange.restOfBodyMs = REST_OF_BODY_MS;
      void serve(exchange, target);
    };

  async function serve(exchange: Exchange, target: ImageTarget | undefined): Promise<void> {
    try {
      await answer(exchange, target);
    } catch (thrown) {
      exchange.problem(thrown);
    }
  }

  async function answer(exchange: Exchange, target: ImageTarget | undefined): Promise<void> {
    const { request } = exchange;
    if (request.method === 'OPTIONS') sendEmpty(exchange);
    else if (!target) throw pathMalformed();
    else if (target.kind === 'healthcheck') sendText(exchange, 'OK');
    else if (target.kind === 'versions') await sendVersions(exchange, target.chosen ? 200 : 300);
    else if (await isKnown(exchange, target.version)) await answerApi(exchange, target.place);
    else await sendVersions(exchange, 300);
  }

  async function answerApi(exchange: Exchange, { route, params, methods }: Place): Promise<void> {
    const { request } = exchange;
    const { method = '' } = request;
    const rules = currentRules();
    requireShortId(request.headers);
    await identified(exchange, rules);
    if (route === '/v2') throw slashMissing(`${applicationUrlOf(request)}/v2/`);
    if (methods.size === 0) throw nothingThere();
    const operation = methods.get(method);
    if (operation === undefined) throw methodNotAllowed(method, methods.keys());
    if (!TAKES_BODY.has(operation) && hasBody(exchange)) throw bodyUnexpected();
    await operations[operation]({ exchange, caller: wireCaller(exchange), params, rules });
  }

  async function identified(exchange: Exchange, { timeoutMs }: ImageRules): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      identify({ callers, timeoutMs, check: () => undefined }, exchange, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
  }

  async function isKnown(exchange: Exchange, version: string): Promise<boolean> {
    const rules = currentRules();
    return versions.isKnown(version, linksBegin(exchange, rules), toRepeat({ exchange, rules }));
  }

  async function sendVersions(exchange: Exchange, status: 200 | 300): Promise<void> {
    const rules = currentRules();
    const json = await versions.document(linksBegin(exchange, rules), toRepeat({ exchange, rules }));
    sendJson(exchange, json, { status });
  }

  return { handler: begin(false), onExpect: begin(true) };
}

const linksBegin = ({ request }: Exchange, { publicUrl }: ImageRules): string =>
  publicUrl ?? applicationUrlOf(request);

/** Undefined: the path cannot be read. */
function targetOf({ url = '', headers }: IncomingMessage): ImageTarget | undefined {
  try {
    return imageTargetOf(url, headers.accept);
  } catch (thrown) {
    if (thrown instanceof URIError) return undefined;
    throw thrown;
  }
}

function routeOf(target: ImageTarget | undefined): ImageRoute {
  switch (target?.kind) {
    case undefined:
      return 'none';
    case 'healthcheck':
      return '/healthcheck';
    case 'versions':
      return target.chosen ? '/versions' : '/';
    case 'api':
      return target.place.route;
  }
}
