import { describe, expect, test } from '@jest/globals';
import { parseTargetUrl } from './target-address.ts';

describe('a URL is taken apart', () => {
  test.each([
    ['http://10.0.0.5:8888/', 'http', 'http://10.0.0.5:8888/', undefined],
    ['http://h', 'http', 'http://h/', undefined],
    ['http://h/v1/?key=a%20b@c#part', 'http', 'http://h/v1/?key=a%20b@c', undefined],
    ['HTTPS://Host.Example/', 'https', 'https://host.example/', undefined],
    [' http://h/', 'http', 'http://h/', undefined],
    ['http://[::1]:80/x', 'http', 'http://[::1]/x', undefined],
    ['grpc://h:50051', 'grpc', 'grpc://h:50051', undefined],
    ['GRPCS://[::1]:443/', 'grpcs', 'grpcs://[::1]:443', undefined],
    ['grpc://h:80', 'grpc', 'grpc://h:80', undefined],
    ['http://user:pw@h/', 'http', 'http://h/', 'user:pw'],
    ['http://user:p%40s%3As@h/', 'http', 'http://h/', 'user:p@s:s'],
    ['http://us%3Aer:p@w@h/', 'http', 'http://h/', 'us:er:p@w'],
    ['http://user:100%@h/', 'http', 'http://h/', 'user:100%'],
    ['http://user:@h/', 'http', 'http://h/', 'user:'],
    ['http://user@h/', 'http', 'http://h/', undefined],
    ['http://:@h/', 'http', 'http://h/', undefined],
  ])('%s', (text, scheme, url, credentials) => {
    const authorization = credentials && `Basic ${Buffer.from(credentials).toString('base64')}`;
    expect(parseTargetUrl(text)).toEqual({ address: { scheme, url, authorization } });
  });

  test('with credentials in the encoding of Nova, or in UTF-8 where that cannot write them', () => {
    const authorizationOf = (text: string) => {
      const parsed = parseTargetUrl(text);
      return 'address' in parsed ? parsed.address.authorization : parsed.fault;
    };
    expect(authorizationOf('http://j%C3%B6rg:x@h/')).toBe(
      `Basic ${Buffer.from('j\u00f6rg:x', 'latin1').toString('base64')}`,
    );
    expect(authorizationOf('http://%E2%82%AC:x@h/')).toBe(
      `Basic ${Buffer.from('\u20ac:x').toString('base64')}`,
    );
  });
});

test.each([
  ['notaurl', 'the URL has no host; it must be SCHEME://HOST…'],
  ['h:9100/x', 'the URL has no host; it must be SCHEME://HOST…'],
  ['http:/h/', 'the URL has no host; it must be SCHEME://HOST…'],
  ['b@http://h/', 'the URL has no host; it must be SCHEME://HOST…'],
  ['http:///x', 'the URL has no host'],
  ['http://user:pw@/x', 'the URL has no host'],
  ['http://:8080/', 'the URL has no host'],
  ['ftp://h/', 'the scheme is none of http, https, grpc, grpcs'],
  ['http://h:99999/', 'the host or port is unusable'],
  ['http://h:0/', 'the host or port is unusable'],
  ['http://h:port/', 'the host or port is unusable'],
  ['http://a b/', 'the host or port is unusable'],
  ['grpc://h', 'a gRPC target needs a port'],
  ['grpc://h:1/path', 'a gRPC target takes no path and no query'],
  ['grpc://h:1?x', 'a gRPC target takes no path and no query'],
  ['grpc://u:p@h:1', 'a gRPC target takes no user name and password'],
])('%s: %s', (text, fault) => {
  expect(parseTargetUrl(text)).toEqual({ fault });
});
