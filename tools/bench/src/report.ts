import { cpus } from 'node:os';
import type { Row } from './sample.ts';
import type { VendordataResult } from './vendordata.ts';
import type { Verdict } from './verdicts.ts';

/** What the figures were taken on. */
export interface Machine {
  readonly cpus: number;
  readonly model: string;
  readonly node: string;
}

export function describeMachine(): Machine {
  const all = cpus();
  return {
    cpus: all.length,
    model: all[0]?.model.trim() ?? 'unknown',
    node: process.version,
  };
}

/** The tables, for a terminal and for docs/performance.md. */
export function renderReport(
  result: VendordataResult,
  verdicts: readonly Verdict[],
  machine: Machine,
): string {
  const { cached, cold, storm, inFlight, rssMiB } = result;
  const memory = Object.entries(rssMiB).map(([name, mib]) => `${name} ${Math.round(mib)} MiB`);
  return [
    describeConditions(machine, result.othersShare),
    '',
    renderRows('(a) cached POST, 32 connections', cached.rows),
    renderRows('(b) cold POST, one at a time, targets of 50 ms', cold.rows),
    renderRows(`(c) boot storm, 3 targets of 50 ms; ideal ${storm.idealSeconds.toFixed(2)} s`, storm.rows),
    renderRows('(d) identical in flight, 3 targets of 50 ms', inFlight.rows),
    `memory at the end: ${memory.join(', ') || 'unknown on this system'}`,
    '',
    ...verdicts.map(renderVerdict),
    `(a) by CPU time per request, for comparison: ${cached.shareOfBareByCpu.toFixed(2)}`,
  ].join('\n');
}

function describeConditions(machine: Machine, othersShare: number | undefined): string {
  const others = othersShare === undefined ? 'unknown' : `${Math.round(othersShare * 100)} %`;
  return `${machine.cpus} x ${machine.model}, Node ${machine.node}; CPU time that others took meanwhile: ${others}`;
}

function renderRows(title: string, rows: readonly Row[]): string {
  const heads = [title, 'requests', 'req/s', 'seconds', 'p50 ms', 'p99 ms', 'CPU ms per request'];
  const cells = rows.map((row) => [
    row.name,
    String(row.requests),
    row.perSecond.toFixed(0),
    row.seconds.toFixed(2),
    row.p50Ms.toFixed(2),
    row.p99Ms.toFixed(2),
    Object.entries(row.cpuMsPerRequest)
      .map(([name, ms]) => `${name} ${ms.toFixed(3)}`)
      .join(', '),
  ]);
  const widths = heads.map((_, column) =>
    Math.max(...[heads, ...cells].map((line) => (line[column] ?? '').length)),
  );
  const lines = [heads, ...cells].map((line) =>
    line
      .map((cell, column) => {
        const isText = column === 0 || column === heads.length - 1;
        return isText ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0);
      })
      .join('  ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}

function renderVerdict({ letter, what, measured, goal, reached }: Verdict): string {
  const value = Number.isInteger(measured) ? String(measured) : measured.toFixed(2);
  return `(${letter}) ${what}: ${value}, goal ${goal}: ${reached ? 'reached' : 'NOT reached'}`;
}
