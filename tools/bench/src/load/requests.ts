import { randomUUID } from 'node:crypto';
import { OWN_INSTANCE, type LoadPlan, type PostPlan, type VisitPlan } from './plan.ts';

/** What one connection sends, one after the other. Undefined: nothing more. */
export type Requests = () => Buffer | undefined;

/** For each connection, what it sends. */
export function requestsOf(plan: LoadPlan): () => Requests {
  if (plan.kind === 'visit') return visits(plan);
  const post = posts(plan);
  return () => post;
}

/** Made once where all are the same. */
function posts(plan: PostPlan): Requests {
  const { path, headers, body } = plan;
  const ofBody = { ...headers, 'Content-Length': String(Buffer.byteLength(body)) };
  const request = `${headOf(plan.port, 'POST', path, ofBody)}${body}`;
  if (!body.includes(OWN_INSTANCE)) {
    const bytes = Buffer.from(request);
    return () => bytes;
  }
  return () => Buffer.from(request.replaceAll(OWN_INSTANCE, randomUUID()));
}

/** A visitor keeps its connection until it has read everything. */
function visits({ port, paths, visitors, durationMs }: VisitPlan): () => Requests {
  const reads = (visitor: number): Buffer[] => {
    const { path: prefix = '', headers } = visitors[visitor] ?? { headers: {} };
    return paths.map((path) => Buffer.from(headOf(port, 'GET', `${prefix}${path}`, headers)));
  };
  // Those who come again send the same bytes again.
  const known = durationMs === undefined ? undefined : visitors.map((_, index) => reads(index));
  let next = 0;
  return () => {
    let left: Iterator<Buffer> = [].values();
    return () => {
      const request = left.next();
      if (!request.done) return request.value;
      if (next >= visitors.length) {
        if (!known) return undefined;
        next = 0;
      }
      left = (known?.[next] ?? reads(next)).values();
      next += 1;
      const first = left.next();
      return first.done ? undefined : first.value;
    };
  };
}

export function headOf(
  port: number,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return [`${method} ${path} HTTP/1.1`, `Host: 127.0.0.1:${port}`, ...lines, '', ''].join('\r\n');
}
