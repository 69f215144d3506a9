import { describe, expect, test } from '@jest/globals';
import { unavailable } from '@hallmark/errors';
import { parseConfig } from '../config/load.ts';
import { linesForOperator } from './start-faults.ts';

const config = parseConfig('[identity]\nlisten = 127.0.0.1:8781, [::]:8799\n[gateway_nova]\nlisten = :8780');

/** As grpc-js words it. */
const grpc = (text: string): Error =>
  new Error(`No address added out of total 1 resolved errors: [listen ${text}]`);
/** As Node reports it. */
const node = (code: string, address: string, port: number): Error =>
  Object.assign(new Error(`listen ${code}: ${address}:${port}`), { code, address, port, syscall: 'listen' });

const IN_USE = 'is in use by another process; stop that, or listen elsewhere';

describe('what the operator reads about a start that failed', () => {
  const cases: { it: string; error: unknown; lines: string[] | undefined }[] = [
    {
      it: 'names the option of a port in use',
      error: node('EADDRINUSE', '127.0.0.1', 8781),
      lines: [`hallmark.conf:2: [identity] listen: 127.0.0.1:8781 ${IN_USE}`],
    },
    {
      it: 'knows what grpc-js says as text',
      error: grpc('EADDRINUSE: address already in use 127.0.0.1:8781'),
      lines: [`hallmark.conf:2: [identity] listen: 127.0.0.1:8781 ${IN_USE}`],
    },
    {
      it: 'knows IPv6 as text',
      error: grpc('EADDRINUSE: address already in use :::8799'),
      lines: [`hallmark.conf:2: [identity] listen: [::]:8799 ${IN_USE}`],
    },
    {
      it: 'knows an address that was written short',
      error: node('EADDRINUSE', '::', 8780),
      lines: [`hallmark.conf:4: [gateway_nova] listen: [::]:8780 ${IN_USE}`],
    },
    {
      it: 'finds the option of a default',
      error: node('EACCES', '127.0.0.1', 8790),
      lines: [
        'default: [gateway] ops_listen: 127.0.0.1:8790 may not be opened by this user; choose a port above 1023 or allow it',
      ],
    },
    {
      it: 'looks into causes and gathered errors',
      error: new Error('wrapped', {
        cause: new AggregateError([new Error('x'), node('EADDRNOTAVAIL', '10.9.8.7', 1)]),
      }),
      lines: ['10.9.8.7:1 is no address of this machine; name one of its own.'],
    },
    {
      it: 'takes the sentence of an error that has one',
      error: unavailable('KEY_FILE_UNREADABLE', 'The key file cannot be read.'),
      lines: ['The key file cannot be read.'],
    },
    {
      it: 'takes what the system says about a file',
      error: Object.assign(new Error("ENOENT: no such file or directory, open '/k'"), {
        code: 'ENOENT',
        syscall: 'open',
      }),
      lines: ["ENOENT: no such file or directory, open '/k'"],
    },
    { it: 'leaves a bug to the log', error: new TypeError('x is not a function'), lines: undefined },
    { it: 'leaves what is no error to the log', error: 'thrown', lines: undefined },
  ];
  test.each(cases)('$it', ({ error, lines }) => {
    expect(linesForOperator(error, config)).toEqual(lines);
  });
});
