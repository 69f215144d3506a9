import { identity, instances } from '@hallmark/contracts';
import { Database, migrateWhenReachable } from '@hallmark/postgres';
import { createRpcClient, mutualTls, RpcServer } from '@hallmark/rpc';
import {
  systemClock,
  type AppContext,
  type AppDefinition,
  type Config,
  type RunningApp,
} from '@hallmark/runtime';
import { openDrives } from './drives.ts';
import { InstancesEvents } from './events.ts';
import { Neutron } from './neutron/neutron.ts';
import { PortLookup } from './neutron/port-lookup.ts';
import { readNeutronSettings } from './neutron/settings.ts';
import { InstancesHandlers, type Terms } from './rpc/instances-handlers.ts';
import { Boots } from './store/boots.ts';
import { ChangeFeed } from './store/change-feed.ts';
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
  // Closed after the RPC server: a ticket that was just given is still good.
  const drives = open.use(await openDrives(config, context, { db, records, feed }));

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
  const handlers = new InstancesHandlers({
    boots: new Boots(db),
    records,
    downloads: drives.downloads,
    feed,
    events,
    clock: systemClock,
    isMigrated: () => migrating.isDone,
    terms: () => terms,
  });
  server.add(instances.InstancesServiceService, handlers);
  const rpc = await server.listen();
  // Before the server closes, which waits for the calls that wait.
  open.defer(() => feed.close());

  const running = open.move();
  return {
    addresses: { rpc, data: drives.addresses },
    ready: async () => migrating.isDone && (await db.isReachable()),
    async reload(next) {
      const before = neutron;
      neutron = new Neutron(readNeutronSettings(next), issuer);
      terms = termsOf(next);
      drives.reload(next);
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
