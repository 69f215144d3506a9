import { collectDefaultMetrics, Gauge, type Registry } from 'prom-client';
import { VERSION } from './version.ts';

/** What every process tells about itself: memory, CPU, event loop lag, and which app it is. */
export function registerProcessMetrics(registry: Registry, app: string): void {
  collectDefaultMetrics({ register: registry });
  const info = new Gauge({
    name: 'hallmark_info',
    help: 'Always 1; the labels say which app this is, and which version.',
    labelNames: ['app', 'version'],
    registers: [registry],
    aggregator: 'first',
  });
  info.set({ app, version: VERSION }, 1);
}
