import { vendordata } from '@hallmark/contracts';
import { Tickets, type Database } from '@hallmark/postgres';
import { createRpcClient, DataServer, mutualTls } from '@hallmark/rpc';
import type { AppContext, Config } from '@hallmark/runtime';
import { BuildEvents } from './build/build-events.ts';
import { BuildWorker } from './build/build-worker.ts';
import { DriveBuilder } from './build/drive-builder.ts';
import { driveSettings } from './build/drive-settings.ts';
import { DRIVES, DriveDownloads } from './rpc/drive-downloads.ts';
import { Builds } from './store/builds.ts';
import type { ChangeFeed } from './store/change-feed.ts';
import { ConfigDrives } from './store/config-drives.ts';
import type { InstanceRecords } from './store/instance-records.ts';
import type { Tables } from './store/tables.ts';

/** What this process does about config drives: it builds them and gives them out. */
export interface Drives extends AsyncDisposable {
  readonly downloads: DriveDownloads;
  /** Of the data listener. */
  readonly addresses: readonly string[];
  reload(next: Config): void;
}

export interface DriveSources {
  readonly db: Database<Tables>;
  readonly records: InstanceRecords;
  readonly feed: ChangeFeed;
}

export async function openDrives(
  config: Config,
  context: AppContext,
  { db, records, feed }: DriveSources,
): Promise<Drives> {
  const { log, registry } = context;
  const tls = mutualTls(config.rpc);
  await using open = new AsyncDisposableStack();

  const resolver = open.use(
    createRpcClient(vendordata.VendordataServiceService, {
      name: 'vendordata',
      endpoints: config.rpc.vendordata_endpoints,
      connections: config.rpc.connections,
      tls,
      registry,
    }),
  );
  let settings = driveSettings(config);
  open.use(
    new BuildWorker({
      builds: new Builds(db),
      records,
      builder: new DriveBuilder(resolver, () => settings),
      feed,
      events: new BuildEvents(context),
      limits: {
        concurrency: config.instances.build_concurrency,
        leaseSeconds: config.instances.build_lease,
        patienceSeconds: config.instances.build_timeout,
      },
    }),
  );

  const downloads = new DriveDownloads(records, new ConfigDrives(db), new Tickets(db));
  const server = open.use(
    new DataServer({
      app: 'instances',
      listen: config.instances.data_listen,
      allowedClients: config.instances.allowed_clients,
      tls,
      log,
      registry,
    }),
  );
  server.route('GET', DRIVES, (transfer) => downloads.serve(transfer));
  const addresses = await server.listen();

  const running = open.move();
  return {
    downloads,
    addresses,
    reload: (next) => {
      settings = driveSettings(next);
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
