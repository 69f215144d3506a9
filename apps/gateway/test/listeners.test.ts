import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { ConfigError, parseConfig, testContext } from '@hallmark/runtime';
import {
  createTestCertificates,
  waitFor,
  type CertificateFiles,
  type TestCertificates,
} from '@hallmark/testing';
import { Agent, Pool, request } from 'undici';
import { startGateway } from '../src/index.ts';
import { aBody, House, SERVICE_TOKEN } from './house.ts';
import { RawConnection } from './raw.ts';

jest.setTimeout(30_000);

const HEADERS = { 'x-auth-token': SERVICE_TOKEN, 'content-type': 'application/json' };

const rawPost = (body: string): string =>
  `POST /vendordata HTTP/1.1\r\nHost: gateway\r\nX-Auth-Token: ${SERVICE_TOKEN}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

describe('several addresses', () => {
  test('of both families are one listener', async () => {
    await using house = await House.open({ ini: '[gateway_nova]\nlisten = 127.0.0.1:0, [::1]:0\n' });
    const addresses = house.gateway.addresses['nova'] ?? [];
    expect(addresses.map((address) => address.replace(/\d+$/, ''))).toEqual(['127.0.0.1:', '[::1]:']);
    for (const address of addresses) {
      using connection = await RawConnection.open(address);
      connection.send(rawPost(aBody()));
      expect((await connection.reply()).status).toBe(200);
    }
    expect(house.vendordata.asked).toHaveLength(1);
  });

  test('that mean everything in both families share a port', async () => {
    await using house = await House.open();
    const port = Number(house.address.split(':').at(-1));
    await house.gateway[Symbol.asyncDispose]();
    await using again = await House.open({ ini: `[gateway_nova]\nlisten = 0.0.0.0:${port}, [::]:${port}\n` });
    expect(again.gateway.addresses['nova']).toEqual([`0.0.0.0:${port}`, `[::]:${port}`]);
    for (const host of ['127.0.0.1', '[::1]']) {
      using connection = await RawConnection.open(`${host}:${port}`);
      connection.send(rawPost(aBody()));
      expect((await connection.reply()).status).toBe(200);
    }
  });

  test('of which one is taken are none', async () => {
    await using house = await House.open();
    const config = parseConfig(`[gateway_nova]\nlisten = 127.0.0.1:0, ${house.address}\n`);
    await expect(startGateway(config, testContext('gateway'))).rejects.toThrow('EADDRINUSE');
  });
});

describe('TLS', () => {
  let certificates: TestCertificates;
  let files: CertificateFiles;
  beforeAll(async () => {
    certificates = await createTestCertificates();
    files = await certificates.issue({ name: 'gateway' });
  });
  afterAll(async () => certificates[Symbol.asyncDispose]());

  const withTls = () => `[gateway_nova]\ncert_file = ${files.certFile}\nkey_file = ${files.keyFile}\n`;

  test('shows the configured certificate and answers', async () => {
    await using house = await House.open({ ini: withTls() });
    const agent = new Agent({ connect: { ca: readFileSync(files.caFile) } });
    const { statusCode } = await request(`https://${house.address}/vendordata`, {
      method: 'POST',
      headers: HEADERS,
      body: aBody(),
      dispatcher: agent,
    });
    expect(statusCode).toBe(200);
    await agent.destroy();
  });

  test('answers nobody who speaks plain HTTP', async () => {
    await using house = await House.open({ ini: withTls() });
    using connection = await RawConnection.open(house.address);
    connection.send(rawPost(aBody()));
    await connection.closed();
    expect(house.identity.asked).toHaveLength(0);
  });

  test('shows a renewed certificate after a reload, without a restart', async () => {
    await using house = await House.open({ ini: withTls() });
    const before = await serialNumber(house.address);
    files = await certificates.issue({ name: 'gateway' });
    expect(await serialNumber(house.address)).toBe(before);
    await house.gateway.reload?.(parseConfig(withTls()));
    expect(await serialNumber(house.address)).not.toBe(before);
  });

  test('with a key of another certificate stops the start, and says where', async () => {
    const other = await certificates.issue({ name: 'other' });
    const config = parseConfig(
      `[gateway_nova]\nlisten = 127.0.0.1:0\ncert_file = ${files.certFile}\nkey_file = ${other.keyFile}\n`,
    );
    await expect(startGateway(config, testContext('gateway'))).rejects.toThrow(
      /hallmark\.conf:3: \[gateway_nova\] cert_file: cannot be used/,
    );
  });

  test('with a file that is gone keeps what it has, on a reload', async () => {
    await using house = await House.open({ ini: withTls() });
    const before = await serialNumber(house.address);
    const gone = parseConfig('[gateway_nova]\ncert_file = /nowhere.pem\nkey_file = /nowhere.key\n');
    const reload = async () => house.gateway.reload?.(gone);
    await expect(reload()).rejects.toThrow(ConfigError);
    expect(await serialNumber(house.address)).toBe(before);
  });

  async function serialNumber(address: string): Promise<string> {
    const port = Number(address.split(':').at(-1));
    const socket = connectTls({
      host: '127.0.0.1',
      port,
      ca: readFileSync(files.caFile),
      servername: 'localhost',
    });
    await once(socket, 'secureConnect');
    const { serialNumber } = socket.getPeerCertificate();
    socket.destroy();
    return serialNumber;
  }
});

describe('a reload', () => {
  test('changes who may call, and where they are sent for a token', async () => {
    await using house = await House.open();
    expect((await house.post()).status).toBe(200);
    await house.gateway.reload?.(
      parseConfig(`
[vendordata_endpoint]
allowed_users = cinder
[keystone_authtoken]
www_authenticate_uri = https://new.example.test/v3
[gateway]
lost_watch_ttl = 2
`),
    );
    expect((await house.post()).status).toBe(403);
    expect((await house.post({ token: null })).headers['www-authenticate']).toContain('new.example.test');
    expect(house.lines.join('')).toContain('[gateway] lost_watch_ttl takes effect after a restart');
  });
});

describe('stopping', () => {
  test('finishes what is in flight, and says that it is the last', async () => {
    await using house = await House.open();
    const gate = Promise.withResolvers<undefined>();
    house.vendordata.gate = gate.promise;
    const slow = house.post();
    await waitFor('the question', () => house.vendordata.asked.length === 1);
    const stopped = house.gateway[Symbol.asyncDispose]();
    const refused = waitFor('the door to close', async () => !(await isOpen(house.address)));
    await refused;
    gate.resolve(undefined);
    const { status, headers } = await slow;
    expect([status, headers['connection']]).toEqual([200, 'close']);
    await stopped;
  });

  test('answers the request that an idle connection brings, and then closes it', async () => {
    await using house = await House.open();
    using connection = await RawConnection.open(house.address);
    connection.send(rawPost(aBody()));
    expect((await connection.reply()).headers.get('connection')).toBe('keep-alive');
    const stopped = house.gateway[Symbol.asyncDispose]();
    await waitFor('the door to close', async () => !(await isOpen(house.address)));
    expect(connection.isClosed).toBe(false);
    connection.send(rawPost(aBody()));
    const { status, headers } = await connection.reply();
    expect([status, headers.get('connection')]).toEqual([200, 'close']);
    await connection.closed();
    await stopped;
  });

  test('waits for the body of a request that has begun', async () => {
    await using house = await House.open();
    using connection = await RawConnection.open(house.address);
    const text = rawPost(aBody());
    connection.send(text.slice(0, -20));
    await waitFor(
      'the request',
      async () => (await house.metric('hallmark_gateway_requests_in_flight')) === 1,
    );
    const stopped = house.gateway[Symbol.asyncDispose]();
    // Longer than idle connections are left open.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    connection.send(text.slice(-20));
    expect((await connection.reply()).status).toBe(200);
    await stopped;
  });

  test('does not wait for connections that bring nothing', async () => {
    await using house = await House.open();
    using silent = await RawConnection.open(house.address);
    using idle = await RawConnection.open(house.address);
    idle.send(rawPost(aBody()));
    await idle.reply();
    const began = performance.now();
    await house.gateway[Symbol.asyncDispose]();
    expect(performance.now() - began).toBeLessThan(6_000);
    await Promise.all([silent.closed(), idle.closed()]);
  });

  test('under load fails no request', async () => {
    await using house = await House.open();
    house.vendordata.ttlMs = 20;
    const pool = new Pool(`http://${house.address}`, { connections: 16 });
    const outcomes: string[] = [];
    const post = async (hostname: string): Promise<string> => {
      const body = aBody({ hostname });
      const answer = await pool.request({ path: '/vendordata', method: 'POST', headers: HEADERS, body });
      await answer.body.dump();
      return String(answer.statusCode);
    };
    const client = async (): Promise<void> => {
      // Until nobody listens any more: what was not accepted is not lost.
      for (let i = 0; outcomes.at(-1) !== 'ECONNREFUSED'; i++) {
        outcomes.push(await post(`host-${i % 5}`).catch(codeOf));
      }
    };
    const clients = Promise.all(Array.from({ length: 16 }, client));
    await waitFor('some load', () => outcomes.length > 300);
    await house.gateway[Symbol.asyncDispose]();
    await clients;
    await pool.destroy();
    expect(new Set(outcomes)).toEqual(new Set(['200', 'ECONNREFUSED']));
  });
});

/** Errors of the system are no instances of this realm's Error under Jest. */
const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : String(error);

async function isOpen(address: string): Promise<boolean> {
  try {
    using connection = await RawConnection.open(address);
    return !connection.isClosed;
  } catch {
    return false;
  }
}
