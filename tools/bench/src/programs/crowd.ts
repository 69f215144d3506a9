import { Connection } from '../load/connection.ts';
import { requestsOf } from '../load/requests.ts';
import { runProgram } from './run-program.ts';

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
      const connections = await Promise.all(Array.from({ length: count }, async () => Connection.open(port)));
      for (const connection of connections) {
        const request = requests()();
        if (request) connection.send(request, () => undefined);
      }
      return connections.length;
    },
  }),
);
