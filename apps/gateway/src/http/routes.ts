import type { Route } from '../events.ts';
import type { Exchange } from './exchange.ts';
import { HttpFailure } from './http-failure.ts';

/** What a listener does with one method at one path. */
export interface HttpRoute {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  /** As Fastify writes it, and as metrics name it. */
  readonly path: Route;
  /** Lets the request in, before anything of its body is read, or gives `done` the reason why not. */
  readonly admit: (exchange: Exchange, done: (error?: Error) => void) => void;
  /** Answers it. What it throws becomes the answer too. */
  readonly serve: (exchange: Exchange, params: Readonly<Record<string, string>>) => void;
}

/** Says of a request that no route fits whether it is for the path or for the method. */
export class UnknownRoutes {
  readonly #known: readonly { readonly path: RegExp; readonly method: string }[];

  constructor(routes: readonly HttpRoute[]) {
    this.#known = routes.map(({ method, path }) => ({
      method,
      path: new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/:[a-z]+/g, '[^/?]*')}(?:\\?|$)`),
    }));
  }

  failureOf(method: string, url: string): HttpFailure {
    const allowed = this.#known.filter(({ path }) => path.test(url)).map((route) => route.method);
    if (allowed.length === 0) {
      return new HttpFailure(404, 'PATH_UNKNOWN', 'There is nothing at this path.');
    }
    const allow = allowed.join(', ');
    const message = `${method} means nothing here; what does: ${allow}.`;
    return new HttpFailure(405, 'METHOD_NOT_ALLOWED', message, { allow });
  }
}
