import { Connection } from '../load/connection.ts';
import { requestsOf } from '../load/requests.ts';
import { runProgram } from './run-program.ts';

/** So many connections are opened at a time: a listener's backlog is short. */
const AT_A_TIME = 100;

await runProgram('crowd', () =>
  Promise.resolve({
    ready: {},
    answer: async ({ port, path, visitors, count }) => {
      const requests = requestsOf({
        ...{ kind: 'visit', port, connections: count, paths: [path] },
        visitors: Array.from(
          { length: count },
          (_, index) => visitors[index % visitors.length] ?? { headers: {} },
        ),
      });
      let sent = 0;
      while (sent < count) {
        const connections = await Promise.all(
          Array.from({ length: Math.min(AT_A_TIME, count - sent) }, async () => Connection.open(port)),
        );
        for (const connection of connections) {
          const request = requests()();
          if (request) connection.send(request, () => undefined);
        }
        sent += connections.length;
      }
      return sent;
    },
  }),
);
