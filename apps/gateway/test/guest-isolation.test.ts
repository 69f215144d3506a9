import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { notReady } from '@hallmark/errors';
import {
  bytesOf,
  DB,
  GuestHouse,
  linesOf,
  OTHER,
  OTHER_PROJECT,
  PROJECT,
  proxied,
  signatureOf,
  WEB,
  type GuestRequest,
  type Lines,
  type Said,
} from './guest-house.ts';
import { RawConnection } from './raw.ts';

jest.setTimeout(30_000);

const PATH = '/openstack/latest/meta_data.json';
const PROVIDER = '9a3c1c52-6b8e-4f0e-8d7e-0b6f5a2f7c11';
/** The attacker: an instance of another project, as its proxy introduces it. Its victim is WEB. */
const own = (given: Said = {}): Lines => proxied(OTHER, { 'X-Tenant-ID': OTHER_PROJECT, ...given });
const balanced = (given: Said = {}): Lines =>
  linesOf({
    'X-Metadata-Provider': PROVIDER,
    'X-Metadata-Provider-Signature': signatureOf(PROVIDER),
    'X-Forwarded-For': '10.9.0.5',
    ...given,
  });

let house: GuestHouse;
beforeAll(async () => {
  house = await GuestHouse.open();
  const { places } = house.guests;
  places.set(`10.9.0.5 ${PROVIDER}`, { instanceId: OTHER, projectId: OTHER_PROJECT });
  places.set(`10.9.0.6 ${PROVIDER}`, { instanceId: WEB, projectId: PROJECT });
  // A port that says it is of the attacker's project, on the victim.
  places.set(`10.9.0.7 ${PROVIDER}`, { instanceId: WEB, projectId: OTHER_PROJECT });
  places.set(`10.9.0.6 ${OTHER}`, notReady('NO_SUBNETS', 'No subnet has this provider.'));
});
afterAll(async () => house[Symbol.asyncDispose]());

const without = (lines: Lines, ...names: readonly string[]): Lines =>
  lines.filter(([name]) => !names.includes(name));

/** Each: what is tried, with which status it fails, and the request. */
const REFUSED: readonly (readonly [string, number, GuestRequest])[] = [
  ['the id of the victim under the own signature', 403, { lines: own({ 'X-Instance-ID': WEB }) }],
  ['the victim’s id after the own', 403, { lines: own(), more: [['X-Instance-ID', WEB]] }],
  ['the victim’s id before the own', 403, { lines: [['X-Instance-ID', WEB], ...own()] }],
  ['the own id twice', 403, { lines: own(), more: [['X-Instance-ID', OTHER]] }],
  ['both ids in one header', 403, { lines: own({ 'X-Instance-ID': `${OTHER},${WEB}` }) }],
  ['both ids, the signed one last', 403, { lines: own({ 'X-Instance-ID': `${WEB}, ${OTHER}` }) }],
  ['a second id in capitals', 403, { lines: own(), more: [['X-INSTANCE-ID', WEB]] }],
  ['a second id in mixed case', 403, { lines: own(), more: [['x-InStAnCe-Id', WEB]] }],
  ['the signature twice', 403, { lines: own(), more: [['X-Instance-ID-Signature', signatureOf(OTHER)]] }],
  ['a guessed signature first', 403, { lines: [['X-Instance-ID-Signature', 'a'], ...own()] }],
  [
    'a signature in capital hex',
    403,
    { lines: own({ 'X-Instance-ID-Signature': signatureOf(OTHER).toUpperCase() }) },
  ],
  [
    'a signature with a prefix',
    403,
    { lines: own({ 'X-Instance-ID-Signature': `sha256=${signatureOf(OTHER)}` }) },
  ],
  [
    'a signature cut short',
    403,
    { lines: own({ 'X-Instance-ID-Signature': signatureOf(OTHER).slice(0, -1) }) },
  ],
  ['a signature with more', 403, { lines: own({ 'X-Instance-ID-Signature': `${signatureOf(OTHER)}00` }) }],
  ['an empty signature', 403, { lines: own({ 'X-Instance-ID-Signature': '' }) }],
  ['a signature beyond ASCII', 403, { lines: own({ 'X-Instance-ID-Signature': 'é'.repeat(64) }) }],
  [
    'a signature with bytes of UTF-8',
    403,
    { lines: own({ 'X-Instance-ID-Signature': '\u00c3\u00a9'.repeat(32) }) },
  ],
  [
    'the victim’s id signed with no secret',
    403,
    { lines: proxied(WEB, { 'X-Instance-ID-Signature': signatureOf(WEB, '') }) },
  ],
  [
    'the victim’s id signed with another secret',
    403,
    { lines: proxied(WEB, { 'X-Instance-ID-Signature': signatureOf(WEB, 'guess') }) },
  ],
  [
    'the plain digest of the id',
    403,
    { lines: proxied(WEB, { 'X-Instance-ID-Signature': createHash('sha256').update(WEB).digest('hex') }) },
  ],
  [
    'the signature of the id in capitals',
    403,
    { lines: proxied(WEB, { 'X-Instance-ID-Signature': signatureOf(WEB.toUpperCase()) }) },
  ],
  [
    'the victim’s id in capitals under the own signature',
    403,
    { lines: own({ 'X-Instance-ID': WEB.toUpperCase() }) },
  ],
  ['no signature', 400, { lines: without(proxied(), 'X-Instance-ID-Signature') }],
  ['no id', 400, { lines: without(own(), 'X-Instance-ID') }],
  ['no project', 400, { lines: without(proxied(), 'X-Tenant-ID') }],
  [
    'an id spelt with underscores',
    400,
    { lines: without(own(), 'X-Instance-ID'), more: [['X_Instance_ID', OTHER]] },
  ],
  ['nothing', 400, { lines: [] }],
  ['an empty id, signed', 404, { lines: proxied('') }],
  ['an id without dashes, signed', 404, { lines: proxied(WEB.replaceAll('-', '')) }],
  ['an id with a path, signed', 404, { lines: proxied(`../${WEB}`) }],
  ['an id with SQL, signed', 404, { lines: proxied(`${WEB}' OR '1'='1`) }],
  [
    'an id in full-width bytes, signed',
    404,
    {
      lines: proxied('\u00ef\u00bc\u0092ae914e9-f5ab-44ce-b2a2-dcf8373d899d', {
        'X-Instance-ID-Signature': signatureOf('\u00ef\u00bc\u0092ae914e9-f5ab-44ce-b2a2-dcf8373d899d'),
      }),
    },
  ],
  ['a captured triple under the own project', 404, { lines: proxied(WEB, { 'X-Tenant-ID': OTHER_PROJECT }) }],
  ['the project in capitals', 404, { lines: proxied(WEB, { 'X-Tenant-ID': PROJECT.toUpperCase() }) }],
  ['an empty project', 404, { lines: proxied(WEB, { 'X-Tenant-ID': '' }) }],
  [
    'two projects',
    404,
    { lines: proxied(WEB, { 'X-Tenant-ID': OTHER_PROJECT }), more: [['X-Tenant-ID', PROJECT]] },
  ],
  [
    'two projects in one header',
    404,
    { lines: proxied(WEB, { 'X-Tenant-ID': `${PROJECT},${OTHER_PROJECT}` }) },
  ],
  ['the same project twice', 404, { lines: own(), more: [['X-Tenant-ID', OTHER_PROJECT]] }],
  [
    'a project that looks alike',
    404,
    { lines: proxied(WEB, { 'X-Tenant-ID': PROJECT.replace('a', '\u00e0') }) },
  ],
  ['the own id under the victim’s project', 404, { lines: own({ 'X-Tenant-ID': PROJECT }) }],
  ['an unknown id', 404, { lines: proxied('00000000-0000-4000-8000-000000000000') }],
  [
    'a load balancer’s header without signature',
    403,
    {
      lines: own(),
      more: [
        ['X-Metadata-Provider', PROVIDER],
        ['X-Forwarded-For', '10.9.0.6'],
      ],
    },
  ],
  [
    'a provider under another’s signature',
    403,
    { lines: balanced({ 'X-Metadata-Provider-Signature': signatureOf(OTHER) }) },
  ],
  ['a provider twice', 403, { lines: balanced(), more: [['X-Metadata-Provider', PROVIDER]] }],
  [
    'the own id and signature as a provider’s',
    400,
    {
      lines: balanced({
        'X-Metadata-Provider': OTHER,
        'X-Metadata-Provider-Signature': signatureOf(OTHER),
        'X-Forwarded-For': '10.9.0.6',
      }),
    },
  ],
  [
    'the victim’s address before the own',
    400,
    { lines: balanced({ 'X-Forwarded-For': '10.9.0.6, 10.9.0.5' }) },
  ],
  [
    'the victim’s address in a header before the load balancer’s',
    400,
    { lines: [['X-Forwarded-For', '10.9.0.6'], ...balanced()] },
  ],
  [
    'the victim’s address in a header after it',
    400,
    { lines: balanced(), more: [['X-Forwarded-For', '10.9.0.6']] },
  ],
  ['no address', 400, { lines: balanced({ 'X-Forwarded-For': undefined }) }],
  ['an empty address', 400, { lines: balanced({ 'X-Forwarded-For': '' }) }],
  ['an unknown address', 404, { lines: balanced({ 'X-Forwarded-For': '10.9.0.99' }) }],
  ['a port that lies about its project', 404, { lines: balanced({ 'X-Forwarded-For': '10.9.0.7' }) }],
  ['the victim’s id as a version', 404, { path: `/openstack/${WEB}/meta_data.json`, lines: own() }],
  ['the victim’s id before the path', 404, { path: `/${WEB}/openstack/latest/meta_data.json`, lines: own() }],
  ['dots out of the tree', 404, { path: `/openstack/latest/../../../${WEB}/meta_data.json`, lines: own() }],
  [
    'escaped dots out of the tree',
    404,
    { path: '/openstack/content/%2e%2e/%2e%2e/%2e%2e/etc/passwd', lines: own() },
  ],
  ['dots escaped twice', 404, { path: '/openstack/content/%252e%252e/latest', lines: own() }],
  ['a backslash', 404, { path: '/openstack\\..\\latest', lines: own() }],
  ['a made-up session token', 401, { lines: own(), more: [['X-aws-ec2-metadata-token', 'A'.repeat(64)]] }],
  [
    'a signature as a session token',
    401,
    { lines: own(), more: [['X-aws-ec2-metadata-token', signatureOf(OTHER)]] },
  ],
  ['an empty session token', 401, { lines: own(), more: [['X-aws-ec2-metadata-token', '']] }],
  [
    'waiting for the victim’s change',
    404,
    {
      path: `${PATH}?wait_for_change=true`,
      lines: own({ 'X-Instance-ID': WEB, 'X-Instance-ID-Signature': signatureOf(WEB) }),
    },
  ],
  [
    'a header name with a blank',
    400,
    { lines: [...without(own(), 'X-Instance-ID'), ['X-Instance-ID ', WEB]] },
  ],
  ['a folded header', 400, { lines: [...own(), ['X-Note', 'a\r\n X-Instance-ID: b']] }],
  [
    'a length and chunks',
    400,
    {
      method: 'POST',
      lines: own(),
      more: [
        ['Content-Length', '4'],
        ['Transfer-Encoding', 'chunked'],
      ],
    },
  ],
];

describe('is refused, and nothing of anybody is told', () => {
  test('more than forty ways are tried', () => {
    expect(REFUSED.length).toBeGreaterThan(60);
  });

  test.each(REFUSED)('%s: %i', async (_what, status, request) => {
    const reply = await house.ask({ path: PATH, ...request });
    expect(reply.status).toBe(status);
    expect(reply.body).not.toMatch(/"name"|echo|novalocal/);
  });
});

/** What the attacker adds to its own request without moving anything. */
const IGNORED: readonly (readonly [string, GuestRequest])[] = [
  ['an id spelt with underscores', { more: [['X_Instance_ID', WEB]] }],
  ['the victim’s address', { more: [['X-Forwarded-For', '10.9.0.6']] }],
  [
    'the victim’s address, by other names',
    {
      more: [
        ['Forwarded', 'for=10.9.0.6'],
        ['X-Real-IP', '10.9.0.6'],
        ['Client-IP', '10.9.0.6'],
      ],
    },
  ],
  ['an empty provider', { more: [['X-Metadata-Provider', '']] }],
  [
    'another path by header',
    {
      more: [
        ['X-Original-URL', `/${WEB}`],
        ['X-Rewrite-URL', `/${WEB}`],
      ],
    },
  ],
  ['another method by header', { more: [['X-HTTP-Method-Override', 'DELETE']] }],
  ['an id in the query', { path: `${PATH}?instance_id=${WEB}&X-Instance-ID=${WEB}` }],
  ['an id as the user of the URL', { path: `http://${WEB}@metadata${PATH}` }],
  [
    'headers of Keystone',
    {
      more: [
        ['X-Project-Id', PROJECT],
        ['X-Roles', 'admin'],
        ['X-Identity-Status', 'Confirmed'],
      ],
    },
  ],
  ['the victim’s ETag', { more: [['If-None-Match', '"0"']] }],
  ['a body that names the victim', { method: 'POST', body: `X-Instance-ID: ${WEB}` }],
];

describe('changes nothing', () => {
  test.each(IGNORED)('%s', async (_what, request) => {
    const reply = await house.ask({ path: PATH, lines: own(), ...request });
    expect(reply).toMatchObject({ status: 200, body: '{"name": "other"}' });
  });

  test('a trailer that names the victim', async () => {
    using connection = await RawConnection.open(house.address);
    const head = bytesOf({
      method: 'POST',
      path: PATH,
      lines: own(),
      more: [['Transfer-Encoding', 'chunked']],
    });
    connection.send(Buffer.concat([head, Buffer.from(`0\r\nX-Instance-ID: ${WEB}\r\n\r\n`)]));
    expect((await connection.reply()).body).toBe('{"name": "other"}');
  });

  test('who asked before on the same connection', async () => {
    using connection = await RawConnection.open(house.address);
    const asked = [proxied(), own(), [], proxied(DB)].map((lines) => bytesOf({ path: PATH, lines }));
    connection.send(Buffer.concat(asked));
    const bodies: string[] = [];
    while (bodies.length < asked.length) bodies.push((await connection.reply()).body.slice(0, 17));
    expect(bodies).toEqual(['{"name": "web"}', '{"name": "other"}', '400 Bad Request\n\n', '{"name": "db"}']);
  });
});

test('instances that are unknown, deleted or another project’s cannot be told apart', async () => {
  const deleted = 'c0ffee00-0000-4000-8000-000000000000';
  const replies = [
    await house.get(PATH, proxied('00000000-0000-4000-8000-000000000000')),
    await house.get(PATH, proxied(deleted)),
    await house.get(PATH, proxied(WEB, { 'X-Tenant-ID': OTHER_PROJECT })),
    await house.get(PATH, proxied('no-id')),
    await house.get('/openstack/latest/nothing', own()),
  ].map(({ status, head, body }) => ({ status, head, body }));
  expect(new Set(replies.map((reply) => JSON.stringify(reply))).size).toBe(1);
  const reasons = house.house.requests.slice(-5).map(({ reason }) => reason);
  expect(reasons).toEqual([
    'INSTANCE_UNKNOWN',
    'INSTANCE_UNKNOWN',
    'PROJECT_MISMATCH',
    'INSTANCE_UNKNOWN',
    'PATH_UNKNOWN',
  ]);
});

test('nobody sets a password for another', async () => {
  for (const lines of [own({ 'X-Instance-ID': WEB }), proxied(WEB, { 'X-Tenant-ID': OTHER_PROJECT })]) {
    const reply = await house.ask({
      method: 'POST',
      path: '/openstack/latest/password',
      lines,
      body: 'mine',
    });
    expect([403, 404]).toContain(reply.status);
  }
  expect(house.guests.passwords.size).toBe(0);
});

test('an upper-case id, signed as sent, is the same instance', async () => {
  const reply = await house.get(PATH, proxied(WEB.toUpperCase()));
  expect(reply).toMatchObject({ status: 200, body: '{"name": "web"}' });
});

test('no signature, secret or document is in the log', () => {
  const log = house.house.lines.join('');
  expect(log).toContain(WEB);
  expect(log).not.toContain(signatureOf(WEB));
  expect(log).not.toContain('s3cr3t');
  expect(log).not.toContain('echo');
});
