import { identity, instances, vendordata } from '@hallmark/contracts';
import { Database, migrateWhenReachable, Tickets } from '@hallmark/postgres';
import { createRpcClient, DataServer, mutualTls, RpcServer } from '@hallmark/rpc';
import {
  systemClock,
  type AppContext,
  type AppDefinition,
  type Config,
  type RunningApp,
} from '@hallmark/runtime';
import { BuildEvents } from './build/build-events.ts';
import { BuildWorker } from './build/build-worker.ts';
import { DriveBuilder } from './build/drive-builder.ts';
import { driveSettings } from './build/drive-settings.ts';
import { InstancesEvents } from './events.ts';
import { Neutron } from './neutron/neutron.ts';
import { PortLookup } from './neutron/port-lookup.ts';
import { readNeutronSettings } from './neutron/settings.ts';
import { DRIVES, DriveDownloads } from './rpc/drive-downloads.ts';
import { InstancesHandlers, type Terms } from './rpc/instances-handlers.ts';
import { Boots } from './store/boots.ts';
import { Builds } from './store/builds.ts';
import { ChangeFeed } from './store/change-feed.ts';
import { ConfigDrives } from './store/config-drives.ts';
import { InstanceRecords } from './store/instance-records.ts';
import { MIGRATIONS, SCHEMA } from './store/migrations.ts';
import { sweep } from './store/sweeping.ts';
import type { Tables } from './store/tables.ts';
import { Sweeper } from './sweeper.ts';
import { epochOf } from './terms.ts';

/** Starts the instances service. Neither PostgreSQL nor another service needs to be up. */
export async function startInstances(config: Config, context: AppContext): Promise<RunningApp> {
  const { log, registry } = context;
  const tls = mutualTls(config.rpc);
  await using open = new AsyncDisposableStack();

  const db = open.use(Database.open<Tables>(config.postgres, { schema: SCHEMA, log, registry }));
  const migrating = open.use(migrateWhenReachable(db, MIGRATIONS));
  const feed = open.use(new ChangeFeed(db, epochOf(config)));
  const events = new InstancesEvents(context, feed);

  const issuer = open.use(
    createRpcClient(identity.IdentityServiceService, {
      name: 'identity',
      endpoints: config.rpc.identity_endpoints,
      connections: config.rpc.connections,
      tls,
      registry,
    }),
  );
  let neutron = new Neutron(readNeutronSettings(config), issuer);
  open.defer(() => neutron[Symbol.asyncDispose]());
  const termsOf = (next: Config): Terms => ({
    dhcpDomain: next.api.dhcp_domain,
    forceConfigDrive: next.DEFAULT.force_config_drive,
    ports: new PortLookup(neutron),
  });
  let terms = termsOf(config);

  const records = new InstanceRecords(db);
  const resolver = open.use(
    createRpcClient(vendordata.VendordataServiceService, {
      name: 'vendordata',
      endpoints: config.rpc.vendordata_endpoints,
      connections: config.rpc.connections,
      tls,
      registry,
    }),
  );
  let drives = driveSettings(config);
  open.use(
    new BuildWorker({
      builds: new Builds(db),
      records,
      builder: new DriveBuilder(resolver, () => drives),
      feed,
      events: new BuildEvents(context),
      limits: {
        concurrency: config.instances.build_concurrency,
        leaseSeconds: config.instances.build_lease,
        patienceSeconds: config.instances.build_timeout,
      },
    }),
  );

  let retentionSeconds = config.instances.deleted_retention;
  const sweepOnce = async (): Promise<void> => events.swept(await sweep(db, retentionSeconds));
  open.use(new Sweeper(sweepOnce, () => retentionSeconds * 1_000, log));

  const server = open.use(
    new RpcServer({
      app: 'instances',
      listen: config.instances.listen,
      allowedClients: config.instances.allowed_clients,
      tls,
      log,
      registry,
    }),
  );
  const downloads = new DriveDownloads(records, new ConfigDrives(db), new Tickets(db));
  const handlers = new InstancesHandlers({
    boots: new Boots(db),
    records,
    downloads,
    feed,
    events,
    clock: systemClock,
    isMigrated: () => migrating.isDone,
    terms: () => terms,
  });
  server.add(instances.InstancesServiceService, handlers);
  const rpc = await server.listen();
  const dataServer = open.use(
    new DataServer({
      app: 'instances',
      listen: config.instances.data_listen,
      allowedClients: config.instances.allowed_clients,
      tls,
      log,
      registry,
    }),
  );
  dataServer.route('GET', DRIVES, (transfer) => downloads.serve(transfer));
  const data = await dataServer.listen();
  // Before the server closes, which waits for the calls that wait.
  open.defer(() => feed.close());

  const running = open.move();
  return {
    addresses: { rpc, data },
    ready: async () => migrating.isDone && (await db.isReachable()),
    async reload(next) {
      const before = neutron;
      neutron = new Neutron(readNeutronSettings(next), issuer);
      terms = termsOf(next);
      drives = driveSettings(next);
      retentionSeconds = next.instances.deleted_retention;
      await feed.begin(epochOf(next));
      await before.retire();
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

export const instancesApp: AppDefinition = {
  name: 'instances',
  section: 'instances',
  start: startInstances,
};
