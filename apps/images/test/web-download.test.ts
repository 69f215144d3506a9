import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseConfig } from '@hallmark/runtime';
import { startFakeTarget, type FakeTarget } from '@hallmark/testing';
import { WebDownload, type ResolveHost } from '../src/imports/web-download/web-download.ts';
import { readImagesSettings } from '../src/settings/images-settings.ts';
import { failure } from './house.ts';

// What a user may make the service ask for. Names are resolved by a table that stands in for the DNS.

let mirror: FakeTarget;
let inside: FakeTarget;
beforeAll(async () => {
  mirror = await startFakeTarget({ body: 'image' });
  inside = await startFakeTarget({ body: 'secret' });
});
afterAll(async () => {
  await mirror[Symbol.asyncDispose]();
  await inside[Symbol.asyncDispose]();
});

const NAMES: Readonly<Record<string, readonly string[]>> = {
  'mirror.example': ['127.0.0.7'],
  'public.example': ['203.0.114.7'],
  'loopback.example': ['127.0.0.1'],
  'private.example': ['10.0.0.5'],
  'metadata.example': ['169.254.169.254'],
  'mixed.example': ['203.0.114.7', '192.168.1.1'],
  'mapped.example': ['::ffff:10.0.0.5'],
  'six.example': ['fd00::5'],
  'nowhere.example': [],
};

/** Asked once for each hop, and counted. */
function resolver(): ResolveHost & { readonly asked: string[] } {
  const asked: string[] = [];
  const resolve = (name: string): Promise<{ address: string; family: number }[]> => {
    asked.push(name);
    const addresses = NAMES[name];
    if (!addresses) return Promise.reject(new Error('ENOTFOUND'));
    return Promise.resolve(addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })));
  };
  return Object.assign(resolve, { asked });
}

function download(ini: string, resolve: ResolveHost = resolver()): WebDownload {
  const settings = readImagesSettings(parseConfig(ini));
  return new WebDownload(() => settings.download, resolve);
}

const ANY_PORT = '[import_filtering_opts]\nallowed_ports = []\n';
/** Lets the mirror through, which can only be on loopback here; nothing else of it. */
const MIRROR = `[images]\ndownload_allowed_networks = 127.0.0.7/32\ndownload_connect_timeout = 2\n${ANY_PORT}`;

async function read(web: WebDownload, uri: string): Promise<string> {
  const { data } = await web.open(uri, AbortSignal.timeout(20_000));
  const received: Uint8Array[] = [];
  for await (const piece of data) received.push(piece);
  return Buffer.concat(received).toString();
}

const REFUSED = /^invalid URI_REFUSED /;

describe('addresses that are not global', () => {
  test.each([
    // IPv4 as it is written, and as it can be written
    'http://127.0.0.1/x',
    'http://127.1/x',
    'http://2130706433/x',
    'http://0x7f000001/x',
    'http://0x7f.0.0.1/x',
    'http://0177.0.0.1/x',
    'http://017700000001/x',
    'http://127.0.0.1./x',
    'http://①②⑦.⓪.⓪.①/x',
    'http://127。0。0。1/x',
    'http://%31%32%37.0.0.1/x',
    'http://0/x',
    'http://0.0.0.0/x',
    'http://10.0.0.1/x',
    'http://172.16.0.1/x',
    'http://172.31.255.255/x',
    'http://192.168.0.1/x',
    'http://3232235521/x',
    'http://169.254.169.254/latest/meta-data/',
    'http://2852039166/latest/meta-data/',
    'http://0xa9fea9fe/latest/meta-data/',
    'http://0251.0376.0251.0376/latest/meta-data/',
    'http://169.254.0.1/x',
    'http://100.64.0.1/x',
    'http://100.100.100.200/x',
    'http://192.0.0.1/x',
    'http://192.0.2.1/x',
    'http://198.18.0.1/x',
    'http://198.51.100.1/x',
    'http://203.0.113.1/x',
    'http://224.0.0.1/x',
    'http://239.255.255.250/x',
    'http://240.0.0.1/x',
    'http://255.255.255.255/x',
    // IPv6
    'http://[::]/x',
    'http://[::1]/x',
    'http://[0:0:0:0:0:0:0:1]/x',
    'http://[::ffff:127.0.0.1]/x',
    'http://[::ffff:7f00:1]/x',
    'http://[::ffff:169.254.169.254]/x',
    'http://[::127.0.0.1]/x',
    'http://[::ffff:0:127.0.0.1]/x',
    'http://[64:ff9b::127.0.0.1]/x',
    'http://[64:ff9b::a9fe:a9fe]/x',
    'http://[64:ff9b:1::10.0.0.1]/x',
    'http://[2002:7f00:1::]/x',
    'http://[2002:a9fe:a9fe::]/x',
    'http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/x',
    'http://[fe80::1]/x',
    'http://[fec0::1]/x',
    'http://[fc00::1]/x',
    'http://[fd00:ec2::254]/x',
    'http://[ff02::1]/x',
    'http://[100::1]/x',
    'http://[2001:db8::1]/x',
    // Names
    'http://loopback.example/x',
    'http://private.example/x',
    'http://metadata.example/x',
    'http://mixed.example/x',
    'http://mapped.example/x',
    'http://six.example/x',
  ])('%s', async (uri) => {
    expect(await failure(read(download(ANY_PORT), uri))).toMatch(REFUSED);
  });
});

describe('URLs that are none for this', () => {
  test.each([
    'file:///etc/passwd',
    'filesystem:///etc/passwd',
    'ftp://public.example/x',
    'gopher://public.example:70/_x',
    'data:text/plain,x',
    'javascript:alert(1)',
    'http://',
    '',
    '//public.example/x',
    'http://public.example:22/x',
    'http://public.example:6379/x',
    'http://public.example:0/x',
    'http://public.example:65536/x',
    'http://[::1/x',
    'http://256.256.256.256/x',
    'http://127.0.0.1.2/x',
  ])('%j', async (uri) => {
    expect(await failure(read(download(''), uri))).toMatch(REFUSED);
  });

  test.each([
    ['allowed_hosts = [mirror.example]', 'http://public.example/x'],
    ['disallowed_hosts = [public.example]', 'http://public.example/x'],
    ['disallowed_hosts = [public.example]', 'http://PUBLIC.example./x'],
    ['disallowed_hosts = [203.0.114.7]', 'http://0xcb007207/x'],
    ['allowed_schemes = [https]', 'http://public.example/x'],
  ])('under %s: %s', async (option, uri) => {
    expect(await failure(read(download(`[import_filtering_opts]\n${option}\n`), uri))).toMatch(REFUSED);
  });
});

describe('a download', () => {
  test('comes from the address that was looked at', async () => {
    mirror.answer({ body: 'image' });
    const resolve = resolver();
    const uri = `http://mirror.example:${mirror.port}/disk.raw`;
    // Listening on 127.0.0.1 only, the mirror is not found under 127.0.0.7: the pinned address was used.
    expect(await failure(read(download(MIRROR, resolve), uri))).toMatch(/^unavailable DOWNLOAD_FAILED /);
    expect(resolve.asked).toEqual(['mirror.example']);
    const allowed = MIRROR.replace('127.0.0.7/32', '127.0.0.1/32');
    const local: ResolveHost = () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]);
    expect(await read(download(allowed, local), uri)).toBe('image');
    expect(mirror.requests.at(-1)?.headers['host']).toBe(`mirror.example:${mirror.port}`);
  });

  test('is not moved by a name that changes its address between check and connection', async () => {
    let times = 0;
    const rebinding: ResolveHost = () => {
      times += 1;
      return Promise.resolve([{ address: times === 1 ? '127.0.0.1' : '127.0.0.9', family: 4 }]);
    };
    mirror.answer({ body: 'image' });
    const web = download(MIRROR.replace('127.0.0.7/32', '127.0.0.1/32'), rebinding);
    expect(await read(web, `http://rebinding.example:${mirror.port}/x`)).toBe('image');
    expect(times).toBe(1);
  });

  describe('that is redirected', () => {
    const local: ResolveHost = (name) =>
      Promise.resolve([{ address: name === 'inside.example' ? '10.0.0.5' : '127.0.0.1', family: 4 }]);
    const web = (): WebDownload => download(MIRROR.replace('127.0.0.7/32', '127.0.0.1/32'), local);
    const start = (): string => `http://mirror.example:${mirror.port}/x`;

    test('is followed where it may go', async () => {
      inside.answer({ body: 'moved' });
      mirror.answer({ redirectTo: `http://other.example:${inside.port}/y` });
      expect(await read(web(), start().replace('//', '//bob:hunter2@'))).toBe('moved');
      expect(mirror.requests.at(-1)?.headers['authorization']).toBeDefined();
      expect(inside.requests.at(-1)?.headers['authorization']).toBeUndefined();
    });

    test.each([
      'http://169.254.169.254/latest/meta-data/',
      'http://2852039166/',
      'http://[::ffff:a9fe:a9fe]/',
      'http://inside.example/',
      'http://user:hunter2@inside.example/?key=s3cret',
      'file:///etc/passwd',
      '//10.0.0.1/x',
      'ftp://mirror.example/',
    ])('is not followed to %s', async (location) => {
      mirror.answer({ redirectTo: location });
      const told = await failure(read(web(), start()));
      expect(told).toMatch(REFUSED);
      expect(told).not.toMatch(/hunter2|s3cret/);
    });

    test('is followed no further than to the last host that it may go to', async () => {
      mirror.answerNext({ redirectTo: `http://other.example:${mirror.port}/1` });
      mirror.answerNext({ redirectTo: `http://third.example:${mirror.port}/2`, status: 307 });
      mirror.answerNext({ redirectTo: 'http://0xa9fea9fe/latest/meta-data/', status: 308 });
      const asked = mirror.requests.length;
      expect(await failure(read(web(), start()))).toMatch(REFUSED);
      expect(mirror.requests.slice(asked).map(({ headers }) => headers['host']?.split(':')[0])).toEqual([
        'mirror.example',
        'other.example',
        'third.example',
      ]);
    });

    test('is not followed to a name that has become another since the first hop', async () => {
      let times = 0;
      const rebinding: ResolveHost = () => {
        times += 1;
        return Promise.resolve([{ address: times === 1 ? '127.0.0.1' : '10.0.0.5', family: 4 }]);
      };
      mirror.answer({ redirectTo: '/again' });
      const asked = mirror.requests.length;
      const told = await failure(
        read(download(MIRROR.replace('127.0.0.7/32', '127.0.0.1/32'), rebinding), start()),
      );
      expect(told).toMatch(REFUSED);
      expect(times).toBe(2);
      expect(mirror.requests).toHaveLength(asked + 1);
    });

    test('is not followed for ever', async () => {
      mirror.answer({ redirectTo: start() });
      expect(await failure(read(web(), start()))).toMatch(
        /DOWNLOAD_FAILED .* redirects more than 5 times\.$/,
      );
    });
  });

  describe('that does not go on', () => {
    const local: ResolveHost = () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]);
    const ini = MIRROR.replace('127.0.0.7/32', '127.0.0.1/32');

    test.each(['hang', 'hang-in-body'] as const)('%s: ends in time', async (fault) => {
      mirror.answer({ body: 'image', fault });
      const web = download(ini.replace('[images]', '[images]\ndownload_read_timeout = 0.3'), local);
      expect(await failure(read(web, `http://mirror.example:${mirror.port}/x`))).toMatch(
        /^timeout DOWNLOAD_TIMEOUT /,
      );
    });

    test('drips: ends in time', async () => {
      mirror.answer({ body: 'x'.repeat(10_000), fault: 'slow-drip', dripMs: 20 });
      const web = download(ini.replace('[images]', '[images]\ndownload_timeout = 1'), local);
      expect(await failure(read(web, `http://mirror.example:${mirror.port}/x`))).toMatch(
        /^timeout DOWNLOAD_TIMEOUT .* took too long\.$/,
      );
    });
  });
});
