import { lookup } from 'node:dns/promises';
import { images } from '@hallmark/contracts';
import { Database, migrateWhenReachable, Tickets } from '@hallmark/postgres';
import { mutualTls, RpcServer } from '@hallmark/rpc';
import {
  systemClock,
  type AppContext,
  type AppDefinition,
  type Config,
  type RunningApp,
} from '@hallmark/runtime';
import { openData } from './data.ts';
import { ImagesEvents } from './events.ts';
import type { ResolveHost } from './imports/web-download/web-download.ts';
import { ImagesHandlers } from './rpc/images-handlers.ts';
import type { Workshop } from './service/workshop.ts';
import { readImagesSettings } from './settings/images-settings.ts';
import { ImageList } from './store/image-list.ts';
import { ImageRecords } from './store/image-records.ts';
import { MIGRATIONS, SCHEMA } from './store/migrations.ts';
import type { Tables } from './store/tables.ts';
import { TaskRecords } from './store/tasks.ts';

/** As this machine resolves names, with everything in its hosts file and its search path. */
const systemResolver: ResolveHost = async (name) => await lookup(name, { all: true });

/**
 * Starts the images service. Neither PostgreSQL nor a store needs to be up. `resolveHost` finds the
 * addresses of the hosts of web-download.
 */
export async function startImages(
  config: Config,
  context: AppContext,
  resolveHost: ResolveHost = systemResolver,
): Promise<RunningApp> {
  const { log, registry } = context;
  const tls = mutualTls(config.rpc);
  const events = new ImagesEvents(context);
  let settings = readImagesSettings(config);
  events.doubted(settings.warnings);
  await using open = new AsyncDisposableStack();

  const db = open.use(Database.open<Tables>(config.postgres, { schema: SCHEMA, log, registry }));
  const migrating = open.use(migrateWhenReachable(db, MIGRATIONS));
  const workshop: Workshop = {
    settings: () => settings,
    db,
    records: new ImageRecords(db),
    list: new ImageList(db),
    tasks: new TaskRecords(db),
    tickets: new Tickets(db),
    events,
    clock: systemClock,
  };

  // Closed after the RPC server: a ticket that was just given is still good.
  const data = open.use(await openData(config, context, workshop, resolveHost));

  const server = open.use(
    new RpcServer({
      app: 'images',
      listen: config.images.listen,
      allowedClients: config.images.allowed_clients,
      tls,
      log,
      registry,
    }),
  );
  server.add(images.ImagesServiceService, new ImagesHandlers(workshop, () => migrating.isDone));
  const rpc = await server.listen();

  const running = open.move();
  return {
    addresses: { rpc, data: data.addresses },
    ready: async () => migrating.isDone && (await db.isReachable()),
    reload(next) {
      // Throws before anything has changed, so that a bad file leaves the last good rules.
      settings = readImagesSettings(next);
      events.doubted(settings.warnings);
      data.reload();
      return Promise.resolve();
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

export const imagesApp: AppDefinition = { name: 'images', section: 'images', start: startImages };
