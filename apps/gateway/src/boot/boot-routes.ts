import { forbidden } from '@hallmark/errors';
import type { Caller, Callers } from '../http/callers.ts';
import type { Exchange } from '../http/exchange.ts';
import { identify } from '../http/identify.ts';
import { requireJson } from '../http/media-type.ts';
import type { HttpRoute } from '../http/routes.ts';
import { sendJson, type Asked } from './asked.ts';
import { bootHandlers, noProject, type BootServices, type Handler } from './handlers.ts';
import { openApiDocument } from './openapi.ts';
import { OPERATION_LIST, type Operation, type OperationId } from './operations.ts';
import { mayDo, type Action, type BootRule, type Verdict } from './who-may.ts';

/** What a new configuration may change while the listener is up. */
export interface BootRules {
  readonly callers: BootRule;
  /** Longest wait for identity, and then for instances. */
  readonly timeoutMs: number;
}

export interface BootApiOptions extends BootServices {
  readonly callers: Callers;
  readonly rules: () => BootRules;
}

/** The boot API, made of the table of its operations. GET serves HEAD too. */
export function bootRoutes(options: BootApiOptions): HttpRoute[] {
  const handlers: Readonly<Record<OperationId, Handler>> = {
    ...bootHandlers(options),
    ...documents(),
  };
  return OPERATION_LIST.flatMap(([operationId, operation]) => {
    const route: HttpRoute = {
      method: operation.method,
      path: operation.path,
      admit: admission(options, operation),
      serve: serving(options, operation, handlers[operationId]),
    };
    return operation.method === 'GET' ? [route, { ...route, method: 'HEAD' as const }] : [route];
  });
}

/** The same for everybody, and made once. */
function documents() {
  const openApi = JSON.stringify(openApiDocument());
  const about = JSON.stringify({
    version: {
      id: 'v1.0',
      status: 'CURRENT',
      links: [
        { rel: 'self', href: '/v1' },
        { rel: 'describedby', href: '/openapi.json' },
      ],
    },
  });
  const saying =
    (json: string): Handler =>
    ({ exchange }) => {
      sendJson(exchange, 200, json);
      return Promise.resolve();
    };
  return { showVersion: saying(about), showDocument: saying(openApi) };
}

function admission({ callers, rules }: BootApiOptions, { action, body }: Operation): HttpRoute['admit'] {
  if (action === undefined) {
    return (_exchange, done) => {
      done();
    };
  }
  return (exchange, done) => {
    const check = (caller: Caller): void => {
      requireAllowed(rules().callers, caller, action);
      if (body !== undefined) requireJson(exchange.request.headers);
    };
    identify({ callers, timeoutMs: rules().timeoutMs, check }, exchange, done);
  };
}

function serving({ rules }: BootApiOptions, { action }: Operation, handler: Handler): HttpRoute['serve'] {
  return (exchange, { id = '' }) => {
    const { callers: rule, timeoutMs } = rules();
    const scope = { projectId: '', othersToo: false };
    const { projectId, othersToo } = action ? requireAllowed(rule, callerOf(exchange), action) : scope;
    void answer(handler, { exchange, id, projectId, othersToo, timeoutMs });
  };
}

async function answer(handler: Handler, asked: Asked): Promise<void> {
  try {
    await handler(asked);
  } catch (thrown) {
    asked.exchange.problem(thrown);
  }
}

function callerOf({ caller }: Exchange): Caller {
  if (!caller) throw new Error('A request was let in without a caller.');
  return caller;
}

/** @throws HallmarkError `forbidden` that names the rule, so that an operator knows what to change. */
function requireAllowed(
  rule: BootRule,
  caller: Caller,
  action: Action,
): Extract<Verdict, { kind: 'allowed' }> {
  const verdict = mayDo(rule, caller, action);
  switch (verdict.kind) {
    case 'allowed':
      return verdict;
    case 'role-missing': {
      const roles = [...(action === 'read' ? rule.readerRoles : rule.writerRoles), ...rule.adminRoles];
      throw forbidden(
        'ROLE_MISSING',
        `This token has none of the roles that may do this: ${[...new Set(roles)].join(', ')}.`,
      );
    }
    case 'project-missing':
      throw noProject();
  }
}
