import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { vendordata } from '@hallmark/contracts';
import { notReady, unavailable } from '@hallmark/errors';
import { aRecord, filesOf, HTML, JSON_TYPE, Source, TEXT, type GuestFile } from './fake-guests.ts';
import { GuestHouse, OTHER_PROJECT, PROJECT, proxied, signatureOf, WEB } from './guest-house.ts';

jest.setTimeout(30_000);

interface Recorded {
  readonly instance: 'web' | 'bare';
  readonly path: string;
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

/** Of nova 26.2, whose random seed, new on every read, is made the same everywhere. */
const RECORDED = JSON.parse(
  readFileSync(`${import.meta.dirname}/fixtures/nova-guest.json`, 'utf8'),
) as readonly Recorded[];
const IDS = { web: 'c816c437-3a39-4e0f-bfc6-4bc0e64238b2', bare: 'ccc17f2d-4149-41cd-9d70-11b9c6bce071' };
const { ResolveRequest_Document: Document } = vendordata;

let house: GuestHouse;
beforeAll(async () => {
  house = await GuestHouse.open();
});
afterAll(async () => house[Symbol.asyncDispose]());
beforeEach(() => {
  house.guests.failure = undefined;
  house.house.vendordata.failure = undefined;
});

/** A document as it was recorded, where instances would have it. */
function fileOf({ path, headers, body }: Recorded): GuestFile[] {
  const [, tree, version, file] = /^(?:\/(openstack))?\/([^/?]+)\/?([a-z_/.0-9-]*?)\/?$/.exec(path) ?? [];
  if (version === undefined || version === 'openstack') return [];
  const source = new Map([
    ['vendor_data.json', Source.VENDOR_DATA],
    ['vendor_data2.json', Source.VENDOR_DATA2],
    ['password', Source.PASSWORD],
  ]).get(file ?? '');
  const contentType = headers.find(([name]) => name === 'Content-Type')?.[1] ?? '';
  return [
    {
      tree: tree === undefined ? 'ec2' : 'openstack',
      version,
      path: file ?? '',
      body,
      contentType,
      source: source ?? Source.UNSPECIFIED,
    },
  ];
}

describe('what Nova answered is answered here, byte for byte', () => {
  beforeAll(() => {
    for (const [name, id] of Object.entries(IDS)) {
      const exchanges = RECORDED.filter(({ instance, status }) => instance === name && status === 200);
      const record = aRecord(id, OTHER_PROJECT, exchanges.flatMap(fileOf));
      const listing = RECORDED.find(({ path }) => path === '/openstack')?.body ?? '';
      const ec2 = RECORDED.find(({ path }) => path === '/')?.body ?? '';
      house.guests.records.set(id, {
        ...record,
        contentTree: { entries: [] },
        contents: [Buffer.from(listing), Buffer.from(ec2), ...record.contents.slice(2)],
      });
    }
    const bodyOf = (file: string) => RECORDED.find(({ path }) => path === `/openstack/latest/${file}`)?.body;
    const { documents } = house.house.vendordata;
    documents.set(Document.VENDOR_DATA, bodyOf('vendor_data.json') ?? '');
    documents.set(Document.VENDOR_DATA2, bodyOf('vendor_data2.json') ?? '');
  });

  test.each(RECORDED.map((recorded) => [recorded.instance, recorded.path, recorded] as const))(
    '%s %s',
    async (instance, path, { status, headers, body }) => {
      const reply = await house.get(path, proxied(IDS[instance], { 'X-Tenant-ID': OTHER_PROJECT }));
      expect(reply.status).toBe(status);
      expect(reply.head).toEqual(headers.map(([name, value]) => `${name}: ${value}`));
      expect(reply.body).toBe(Buffer.from(body).toString('latin1'));
    },
  );
});

const PLAIN = 'text/plain; charset=UTF-8';
const html = (status: string, text: string): string =>
  `<html>\n <head>\n  <title>${status}</title>\n </head>\n <body>\n  <h1>${status}</h1>\n  ${text}<br /><br />\n\n\n\n </body>\n</html>`;
const json = (status: string, text: string): string =>
  `{"message": "${text}<br /><br />\\n\\n\\n", "code": "${status}", "title": "${status.slice(4)}"}`;
const plain = (status: string, text: string): string => `${status}\n\n${text}\n\n   `;

const FAILURES = {
  '404 Not Found': {
    path: '/openstack/latest/nothing',
    lines: proxied(),
    text: 'The resource could not be found.',
    bytes: [52, 154, 112],
  },
  '403 Forbidden': {
    path: '/openstack',
    lines: proxied(WEB, { 'X-Instance-ID-Signature': 'no' }),
    text: 'Invalid proxy request signature.',
    bytes: [52, 154, 112],
  },
  '409 Conflict': {
    path: '/openstack/latest/password',
    lines: proxied(),
    text: 'There was a conflict when trying to complete your request.',
    bytes: [77, 178, 136],
  },
} as const;

describe('a failure is told in what the guest reads', () => {
  const ask = async (status: keyof typeof FAILURES, accept: string | undefined) => {
    const { path, lines } = FAILURES[status];
    house.guests.passwords.set(WEB, 'set');
    return house.ask({
      path,
      lines,
      ...(status === '409 Conflict' && { method: 'POST', body: 'again' }),
      more: accept === undefined ? [] : [['Accept', accept]],
    });
  };

  for (const [status, { text, bytes }] of Object.entries(FAILURES)) {
    const about = status as keyof typeof FAILURES;
    test.each([undefined, '', 'text/plain', 'image/png', 'application/xml', 'application/json;q=0'])(
      `${status} as text for Accept: %s`,
      async (accept) => {
        const reply = await ask(about, accept);
        expect(reply.status).toBe(Number(status.slice(0, 3)));
        expect(reply.body).toBe(plain(status, text));
        expect(reply.head).toEqual([`Content-Length: ${bytes[0]}`, `Content-Type: ${PLAIN}`]);
      },
    );
    test.each([
      'text/html',
      'text/*',
      '*/*',
      'json',
      'application/json, */*',
      '*/*, application/json',
      'text/html;q=nonsense',
      'TEXT/HTML',
    ])(`${status} as HTML for Accept: %s`, async (accept) => {
      const reply = await ask(about, accept);
      expect(reply.body).toBe(html(status, text));
      expect(reply.head).toEqual([`Content-Length: ${bytes[1]}`, `Content-Type: ${HTML}`]);
    });
    test.each([
      'application/json',
      'application/*',
      'text/html;q=0.5, application/json',
      'application/json, */*;q=0.5',
    ])(`${status} as JSON for Accept: %s`, async (accept) => {
      const reply = await ask(about, accept);
      expect(reply.body).toBe(json(status, text));
      expect(reply.head).toEqual([`Content-Length: ${bytes[2]}`, `Content-Type: ${JSON_TYPE}`]);
    });
  }

  test('HEAD is told of its status only', async () => {
    const reply = await house.ask({
      method: 'HEAD',
      path: '/nothing',
      more: [['Accept', 'application/json']],
    });
    expect(reply.status).toBe(404);
    expect(reply.head).toEqual(['Content-Length: 0', `Content-Type: ${HTML}`]);
  });

  test('what a caller said is escaped where it is told back', async () => {
    const provider = '<b>"é"';
    house.guests.places.set(`10.1.0.7 ${provider}`, notReady('NO_SUBNETS', 'No subnet has this provider.'));
    const lines = [
      ['X-Metadata-Provider', provider],
      ['X-Metadata-Provider-Signature', signatureOf(provider)],
      ['X-Forwarded-For', '10.1.0.7'],
    ] as const;
    const bodyFor = async (accept: string) =>
      (await house.ask({ path: '/latest', lines, more: [['Accept', accept]] })).body;
    const said = 'Could not find any subnets for provider';
    expect(await bodyFor('text/html')).toBe(html('400 Bad Request', `${said} &lt;b&gt;&quot;&#233;&quot;`));
    expect(await bodyFor('application/json')).toBe(json('400 Bad Request', `${said} <b>\\"\\u00e9\\"`));
    expect(await bodyFor('text/plain')).toContain(Buffer.from(`${said} "é"`).toString('latin1'));
  });
});

describe('statuses and their sentences', () => {
  const NOT_FOUND = 'The resource could not be found.';
  const UNAVAILABLE = 'The server is currently unavailable. Please try again at a later time.';

  test.each([
    ['X-Instance-ID', 'X-Instance-ID header is missing from request.'],
    ['X-Instance-ID-Signature', 'X-Instance-ID-Signature header is missing from request.'],
    ['X-Tenant-ID', 'X-Tenant-ID header is missing from request.'],
  ])('400 without %s', async (name, text) => {
    const reply = await house.get('/openstack', proxied(WEB, { [name]: undefined }));
    expect(reply).toMatchObject({ status: 400, body: plain('400 Bad Request', text) });
  });

  test('headers are missed in Nova’s order', async () => {
    const reply = await house.get('/openstack', []);
    expect(reply.body).toContain('X-Instance-ID header');
    const next = await house.get('/openstack', [['X-Instance-ID', WEB]]);
    expect(next.body).toContain('X-Instance-ID-Signature header');
  });

  test('503 and when to come back when instances cannot be asked', async () => {
    house.guests.failure = unavailable('DATABASE_UNAVAILABLE', 'PostgreSQL does not answer.');
    const id = '00000000-0000-4000-8000-000000000001';
    const reply = await house.get('/openstack', proxied(id));
    expect(reply).toMatchObject({ status: 503, body: plain('503 Service Unavailable', UNAVAILABLE) });
    expect(reply.headers.get('retry-after')).toBe('5');
    expect(house.house.requests.at(-1)).toMatchObject({ reason: 'DATABASE_UNAVAILABLE' });
  });

  test('503 and when to come back when a target that must answer does not', async () => {
    const { vendordata: fake } = house.house;
    fake.failure = unavailable('VENDORDATA_TARGET_FAILED', 'Target rack gave no answer.', {
      retryAfterSeconds: 7,
    });
    const id = '00000000-0000-4000-8000-000000000002';
    house.guests.records.set(id, aRecord(id, PROJECT, filesOf('fatal')));
    const reply = await house.get('/openstack/latest/vendor_data2.json', proxied(id));
    expect(reply.status).toBe(503);
    expect(reply.headers.get('retry-after')).toBe('7');
    expect(reply.body).toBe(plain('503 Service Unavailable', UNAVAILABLE));
    expect((await house.get('/openstack/latest/meta_data.json', proxied(id))).status).toBe(200);
  });

  test.each([
    '/openstack/2013-01-01',
    '/OPENSTACK',
    '/openstack/LATEST',
    '/openstack/latest/meta_data.json/x',
    '/openstack/2012-08-10/password',
    '/openstack/2012-08-10/vendor_data2.json',
    '/openstack/content',
    '/openstack/content/0001',
    '/openstack/content/0000/x',
    '/openstack/latest/content',
    '/openstack/latest/content/0000',
    '/9999-99-99',
    '/latest/meta-data/hostname/x',
    '/latest/user-data/x',
    '/latest/api/token',
    '/latest/dynamic',
    '/ec2/ec2/latest',
    '/openstack/__proto__',
    '/openstack/constructor/name',
    '/%zz',
    '/openstack/latest/meta_data.json%00',
    '*',
  ])('404 for %s', async (path) => {
    expect(await house.get(path)).toMatchObject({ status: 404, body: plain('404 Not Found', NOT_FOUND) });
  });

  test.each([
    ['/openstack', '2012-08-10\nlatest'],
    ['/openstack/', '2012-08-10\nlatest'],
    ['//openstack', '1.0\nlatest'],
    ['///openstack', '2012-08-10\nlatest'],
    ['/ec2', '1.0\nlatest'],
    ['/ec2/', '1.0\nlatest'],
    ['//', '1.0\nlatest'],
    ['/openstack/latest/version', 'meta_data.json\nuser_data'],
    ['/openstack/../latest/meta-data/', 'hostname\nlocal-ipv4'],
    ['/openstack/./latest//meta_data.json?x=1', '{"name": "web"}'],
    ['/%6Fpenstack/latest%2Fmeta_data.json/', '{"name": "web"}'],
    ['/openstack/%2e%2e/openstack/latest/meta_data.json', '{"name": "web"}'],
    ['http://169.254.169.254/openstack/latest/meta_data.json', '{"name": "web"}'],
    ['/openstack/content/0000', '2012-08-10\nlatest'],
    ['/latest/meta-data', 'hostname\nlocal-ipv4'],
    ['/ec2/latest/meta-data/hostname/', 'web.novalocal'],
    ['/openstack/2012-08-10/network_data.json', '{}'],
    ['/latest/meta-data/local-ipv4', '10.1.0.7'],
  ])('200 for %s', async (path, body) => {
    expect(await house.get(path)).toMatchObject({ status: 200, body });
  });

  test.each(['/', '/./', '/openstack/..', '///', '/%2e', 'http://metadata'])(
    '%s is answered to anybody',
    async (path) => {
      const reply = await house.get(path, []);
      expect(reply.head).toEqual(['Content-Length: 98', `Content-Type: ${TEXT}`]);
      expect(reply.body.split('\n')).toHaveLength(10);
    },
  );

  test('who has no fixed address is told the one that the proxy told', async () => {
    const tell = async (forwarded: string | undefined) =>
      (await house.get('/latest/meta-data/local-ipv4', proxied(WEB, { 'X-Forwarded-For': forwarded }))).body;
    expect(await tell('1.2.3.4, 5.6.7.8')).toBe('1.2.3.4, 5.6.7.8');
    expect(await tell(undefined)).toBe('None');
  });

  test.each(['PUT', 'POST', 'DELETE', 'PATCH', 'OPTIONS'])('%s of a document is GET', async (method) => {
    const reply = await house.ask({ method, path: '/openstack/latest/meta_data.json', body: 'ignored' });
    expect(reply).toMatchObject({ status: 200, body: '{"name": "web"}' });
  });

  test('HEAD of a document gives the headers of GET', async () => {
    const path = '/openstack/latest/meta_data.json';
    const get = await house.get(path);
    const head = await house.ask({ method: 'HEAD', path });
    expect(head.status).toBe(200);
    expect(head.head).toEqual(get.head);
  });
});
