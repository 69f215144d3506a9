import { cpus } from 'node:os';
import type { Account } from './measure/accounting.ts';
import type { Row } from './sample.ts';
import type { Verdict } from './verdict.ts';

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

/** One table. */
export interface Table {
  /** The first is the title. */
  readonly heads: readonly string[];
  /** Text stands left and numbers right. */
  readonly lines: readonly (readonly string[])[];
}

/** A table of loads. */
export function loadTable(title: string, rows: readonly Row[]): Table {
  return {
    heads: [title, 'requests', 'req/s', 'seconds', 'p50 ms', 'p99 ms', 'CPU ms per request'],
    lines: rows.map((row) => [
      row.name,
      String(row.requests),
      row.perSecond.toFixed(0),
      row.seconds.toFixed(2),
      row.p50Ms.toFixed(2),
      row.p99Ms.toFixed(2),
      Object.entries(row.cpuMsPerRequest)
        .map(([name, ms]) => `${name} ${ms.toFixed(3)}`)
        .join(', '),
    ]),
  };
}

/** What a bench tells, beside its figures. */
export interface Report {
  readonly tables: readonly Table[];
  /** Lines of what no table holds. */
  readonly notes: readonly string[];
  readonly verdicts: readonly Verdict[];
  readonly account: Account;
}

/** The tables, for a terminal and for docs/performance.md. */
export function renderReport({ tables, notes, verdicts, account }: Report, machine: Machine): string {
  const memory = Object.entries(account.rssMiB).map(([name, mib]) => `${name} ${Math.round(mib)} MiB`);
  return [
    describeConditions(machine, account.othersShare),
    '',
    ...tables.map(renderTable),
    `memory at the end: ${memory.join(', ') || 'unknown on this system'}`,
    '',
    ...verdicts.map(renderVerdict),
    ...notes,
  ].join('\n');
}

function describeConditions(machine: Machine, othersShare: number | undefined): string {
  const others = othersShare === undefined ? 'unknown' : `${Math.round(othersShare * 100)} %`;
  return `${machine.cpus} x ${machine.model}, Node ${machine.node}; CPU time that others took meanwhile: ${others}`;
}

function renderTable({ heads, lines }: Table): string {
  const widths = heads.map((_, column) =>
    Math.max(...[heads, ...lines].map((line) => (line[column] ?? '').length)),
  );
  const isText = heads.map((_, column) => lines.some((line) => !/^(-?[\d.]+|NaN)$/.test(line[column] ?? '')));
  const rendered = [heads, ...lines].map((line) =>
    line
      .map((cell, column) =>
        isText[column] ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
  return `${rendered.join('\n')}\n`;
}

function renderVerdict({ letter, what, measured, goal, reached }: Verdict): string {
  const value = Number.isInteger(measured) ? String(measured) : measured.toFixed(2);
  return `(${letter}) ${what}: ${value}, goal ${goal}: ${reached ? 'reached' : 'NOT reached'}`;
}
