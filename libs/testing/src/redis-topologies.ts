import { Container } from './containers.ts';
import { freePort, freePorts } from './ports.ts';

// Clients of Sentinel and Cluster are told addresses by the servers themselves, so each port must have the
// same number inside the container and outside. All servers of one topology share a container, in which
// 127.0.0.1 means to them what it means to the tests.
const HOST = '127.0.0.1';

/** How soon a node that says nothing counts as down. Redis's own defaults are 15 to 30 s. */
const DOWN_AFTER_MS = 1_000;

export interface RedisNode {
  readonly host: string;
  readonly port: number;
}

const nodesAt = (ports: readonly number[]): readonly RedisNode[] =>
  ports.map((port) => ({ host: HOST, port }));

const serverLine = (port: number, ...more: readonly string[]): string =>
  ['redis-server', '--bind 0.0.0.0 --protected-mode no --save ""', `--port ${port}`, ...more, '&'].join(' ');

/** `true` when the process was there: `shutdown` answers nothing but a closed connection. */
const shutDown = (port: number): readonly string[] => [
  'sh',
  '-c',
  `redis-cli -p ${port} shutdown nosave; true`,
];

/** A master with a replica, and three sentinels that watch them. */
export class RedisSentinels implements AsyncDisposable {
  readonly container: Container;
  /** The name of the master, as `[vendordata_cache] redis_sentinel_name` takes it. */
  readonly name = 'hallmark';
  readonly sentinels: readonly RedisNode[];

  private constructor(container: Container, sentinelPorts: readonly number[]) {
    this.container = container;
    this.sentinels = nodesAt(sentinelPorts);
  }

  static async start(): Promise<RedisSentinels> {
    const master = await freePort();
    const replica = await freePort();
    const sentinels = await freePorts(3);
    const watch = `sentinel monitor hallmark ${HOST} ${master} 2
sentinel down-after-milliseconds hallmark ${DOWN_AFTER_MS}
sentinel failover-timeout hallmark 5000
`;
    const script = [
      serverLine(master, `--replica-announce-ip ${HOST}`),
      serverLine(replica, `--replica-announce-ip ${HOST} --replicaof ${HOST} ${master}`),
      ...sentinels.map(
        (port) => `(printf '${watch}' > /tmp/${port}.conf
          redis-server /tmp/${port}.conf --sentinel --port ${port} --sentinel announce-ip ${HOST}) &`,
      ),
      'wait',
    ].join('\n');
    const container = await Container.start({
      image: 'redis',
      ports: [],
      samePorts: [master, replica, ...sentinels],
      command: ['bash', '-c', script],
      ready: async (started) => {
        for (const port of sentinels) {
          const known = await started.exec([
            'redis-cli',
            '-p',
            `${port}`,
            '-e',
            'sentinel',
            'ckquorum',
            'hallmark',
          ]);
          if (!known.includes('3 usable')) throw new Error(known);
          const seen = await started.exec([
            'redis-cli',
            '-p',
            `${port}`,
            '-e',
            'sentinel',
            'replicas',
            'hallmark',
          ]);
          if (!seen.includes('master-link-status\nok')) throw new Error('The replica is not in step.');
        }
      },
    });
    return new RedisSentinels(container, sentinels);
  }

  /** Where the sentinels say the master is. */
  async master(): Promise<RedisNode> {
    const [sentinel] = this.sentinels;
    const words = ['sentinel', 'get-master-addr-by-name', this.name];
    const answer = await this.container.exec(['redis-cli', '-p', `${sentinel?.port}`, '-e', ...words]);
    const [host = '', port = ''] = answer.split('\n');
    return { host, port: Number(port) };
  }

  /** Ends the master for good; the sentinels promote the replica within seconds. */
  async loseMaster(): Promise<void> {
    await this.container.exec(shutDown((await this.master()).port));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.container[Symbol.asyncDispose]();
  }
}

/** A cluster of three masters, each with a replica. */
export class RedisCluster implements AsyncDisposable {
  readonly container: Container;
  readonly nodes: readonly RedisNode[];

  private constructor(container: Container, ports: readonly number[]) {
    this.container = container;
    this.nodes = nodesAt(ports);
  }

  static async start(): Promise<RedisCluster> {
    const ports = await freePorts(6);
    const script = [
      ...ports.map((port, index) =>
        serverLine(
          port,
          `--cluster-enabled yes --cluster-config-file /tmp/${port}.conf --cluster-node-timeout ${DOWN_AFTER_MS}`,
          // The bus is only spoken inside the container, and `port + 10000` may be no port.
          `--cluster-port ${10_000 + index} --cluster-announce-ip ${HOST}`,
        ),
      ),
      `until redis-cli --cluster create ${ports.map((port) => `${HOST}:${port}`).join(' ')} \\
         --cluster-replicas 1 --cluster-yes; do sleep 0.2; done`,
      'wait',
    ].join('\n');
    const container = await Container.start({
      image: 'redis',
      ports: [],
      samePorts: ports,
      command: ['bash', '-c', script],
      ready: async (started) => {
        for (const port of ports) {
          const state = await started.exec(['redis-cli', '-p', `${port}`, '-e', 'cluster', 'info']);
          if (!state.includes('cluster_state:ok')) throw new Error(state);
        }
      },
    });
    return new RedisCluster(container, ports);
  }

  /** Ends one node for good; if it was a master, its replica takes over within seconds. */
  async loseNode(node: RedisNode): Promise<void> {
    await this.container.exec(shutDown(node.port));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.container[Symbol.asyncDispose]();
  }
}
