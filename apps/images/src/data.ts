import { LeaseWorker, Notifications } from '@hallmark/postgres';
import { DataServer, mutualTls } from '@hallmark/rpc';
import type { AppContext, Config } from '@hallmark/runtime';
import { BytesEvents } from './bytes/bytes-events.ts';
import { DigestThreads } from './bytes/digest-threads.ts';
import { Downloads } from './bytes/downloads.ts';
import { Intake } from './bytes/intake.ts';
import { Sweeper } from './bytes/sweeper.ts';
import { Uploads } from './bytes/uploads.ts';
import { ImportEvents } from './imports/import-events.ts';
import { ImportRunner } from './imports/import-runner.ts';
import { TaskJobs } from './imports/task-jobs.ts';
import { WebDownload, type ResolveHost } from './imports/web-download/web-download.ts';
import type { Workshop } from './service/workshop.ts';
import { TASKS_CHANNEL, TaskWork } from './store/task-work.ts';
import { StoreSet } from './stores/store-set.ts';
import { DOWNLOADS, STAGES, UPLOADS } from './transfer.ts';

/** What this process does with the bytes of images: it takes, gives, imports and removes them. */
export interface Data extends AsyncDisposable {
  /** Of the data listener. */
  readonly addresses: readonly string[];
  /** After the workshop has its new settings. */
  reload(): void;
}

/** Data that is taken for left behind too late costs room for a while; too early, it costs somebody's upload. */
const BLOB_LEASES = 3;
/** Clean-up is in no hurry, but with short leases tests and operators want to see it. */
const LONGEST_PAUSE_MS = 10_000;

export async function openData(
  config: Config,
  context: AppContext,
  shop: Workshop,
  resolveHost: ResolveHost,
): Promise<Data> {
  const { log, registry } = context;
  const { db, settings, tickets, clock } = shop;
  const { import_lease: leaseSeconds, import_concurrency: concurrency } = config.images;
  await using open = new AsyncDisposableStack();

  const stores = open.use(new StoreSet(settings().stores));
  const events = new BytesEvents(context);
  const digestThreads = open.use(new DigestThreads());
  const intake = new Intake(db, stores, leaseSeconds * BLOB_LEASES);
  open.use(new Sweeper(db, stores, events, Math.min(LONGEST_PAUSE_MS, leaseSeconds * 1_000)));

  const importEvents = new ImportEvents(context);
  const work = new TaskWork(db);
  const web = new WebDownload(() => settings().download, resolveHost);
  const runner = new ImportRunner({
    db,
    work,
    stores,
    intake,
    digestThreads,
    web,
    settings,
    events: importEvents,
  });
  const worker = open.use(
    new LeaseWorker({
      jobs: new TaskJobs(work),
      run: (task, signal) => runner.run(task, signal),
      events: importEvents,
      concurrency,
      leaseSeconds,
    }),
  );
  const look = (): void => {
    worker.wake();
    void worker.renewAll();
  };
  open.use(
    Notifications.start(db, TASKS_CHANNEL, {
      onNotification: look,
      onListening: look,
      onLost: () => undefined,
    }),
  );

  const uploads = new Uploads({
    db,
    tickets,
    stores,
    intake,
    digestThreads,
    settings,
    leaseSeconds,
    events,
    clock,
  });
  const downloads = new Downloads(tickets, stores, events);
  const server = open.use(
    new DataServer({
      app: 'images',
      listen: config.images.data_listen,
      allowedClients: config.images.allowed_clients,
      idleTimeoutMs: config.images.upload_timeout * 1_000,
      tls: mutualTls(config.rpc),
      log,
      registry,
    }),
  );
  server
    .route('PUT', UPLOADS, (transfer) => uploads.upload(transfer))
    .route('PUT', STAGES, (transfer) => uploads.stage(transfer))
    .route('GET', DOWNLOADS, (transfer) => downloads.serve(transfer));
  const addresses = await server.listen();

  const running = open.move();
  return {
    addresses,
    reload: () => stores.reload(settings().stores),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
