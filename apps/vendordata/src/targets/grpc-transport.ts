import {
  connectivityState,
  credentials,
  Metadata,
  type ChannelCredentials,
  type ClientOptions,
  type ServiceError,
} from '@grpc/grpc-js';
import { vendordata } from '@hallmark/contracts';
import type { TargetReply } from '../domain/answer.ts';
import type { Instance } from '../domain/instance.ts';
import { readJsonText } from '../domain/json-text.ts';
import type { TargetSettings } from '../domain/target-settings.ts';
import { trustedAuthorities } from './authorities.ts';
import { failureFromServiceError } from './grpc-failure.ts';
import { brokenOff, failed, inSeconds, type Exchange, type Transport } from './transport.ts';

/** What a message holds beside the JSON: its tags and a `Cache-Control`. */
const MESSAGE_OVERHEAD_BYTES = 4_096;
const NO_HEADERS: Readonly<Record<string, string>> = {};

/** A target that implements `hallmark.vendordata.v1.VendordataProvider`. */
export class GrpcTransport implements Transport {
  readonly requestHeaders = NO_HEADERS;
  readonly #settings: TargetSettings;
  #client: vendordata.VendordataProviderClient;
  #isClosed = false;

  constructor(settings: TargetSettings) {
    this.#settings = settings;
    this.#client = connect(settings);
  }

  async send({ instance, token, signal }: Exchange): Promise<TargetReply> {
    if (signal.aborted) return brokenOff(signal);
    // A closed client would throw.
    if (this.#isClosed) return failed('CANCELLED', 'The target was taken out of use meanwhile.');
    const client = this.#client;
    const metadata = new Metadata();
    if (token !== undefined) metadata.set('x-auth-token', token);
    const reply = await this.#call(client, requestFor(instance), metadata, signal);
    if (reply.kind === 'failed' && reply.failure.reason === 'TIMEOUT') this.#reconnect(client);
    return reply;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#client.close();
    return Promise.resolve();
  }

  async #call(
    client: vendordata.VendordataProviderClient,
    request: vendordata.GetVendordataRequest,
    metadata: Metadata,
    signal: AbortSignal,
  ): Promise<TargetReply> {
    const { connectTimeoutMs, readTimeoutMs, totalTimeoutMs } = this.#settings;
    const channel = client.getChannel();
    const isReady = (): boolean => channel.getConnectivityState(false) === connectivityState.READY;
    // One message comes back, so there is one wait for bytes, after the connection is made.
    const waitMs = readTimeoutMs + (isReady() ? 0 : connectTimeoutMs);
    const deadline = Date.now() + Math.min(totalTimeoutMs, waitMs);
    return await new Promise((resolve) => {
      const call = client.getVendordata(request, metadata, { deadline }, (error, response) => {
        clearTimeout(connecting);
        signal.removeEventListener('abort', cancel);
        resolve(signal.aborted ? brokenOff(signal) : this.#read(error, response));
      });
      function cancel(): void {
        call.cancel();
      }
      // grpc-js would try for 20 s.
      const connecting = setTimeout(() => {
        if (isReady()) return;
        resolve(failed('CONNECT_FAILED', `No connection within ${inSeconds(connectTimeoutMs)}.`));
        call.cancel();
      }, connectTimeoutMs);
      signal.addEventListener('abort', cancel);
    });
  }

  #read(error: ServiceError | null, response: vendordata.GetVendordataResponse): TargetReply {
    if (error) return failureFromServiceError(error, Date.now());
    const { maxResponseBytes } = this.#settings;
    if (response.json.length > maxResponseBytes) {
      return failed('TOO_LARGE', `The answer has more than ${maxResponseBytes} bytes.`);
    }
    const text = readJsonText(response.json, undefined);
    if ('fault' in text) return failed('NOT_JSON', `The answer ${text.fault}.`);
    const { cacheControl } = response;
    return {
      kind: 'answered',
      status: 200,
      headers: cacheControl === '' ? NO_HEADERS : { 'cache-control': cacheControl },
      json: text.json,
    };
  }

  /**
   * A connection to a host that vanished would look alive for a quarter of an hour, and pings
   * are something many servers punish. So a time-out costs the connection, as it does with HTTP.
   */
  #reconnect(client: vendordata.VendordataProviderClient): void {
    if (this.#client !== client || this.#isClosed) return;
    this.#client = connect(this.#settings);
    client.close();
  }
}

function connect(settings: TargetSettings): vendordata.VendordataProviderClient {
  const { host } = new URL(settings.url);
  const options: ClientOptions = {
    'grpc.max_receive_message_length': settings.maxResponseBytes + MESSAGE_OVERHEAD_BYTES,
    // A client made anew must not be given the connection of the old one.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.initial_reconnect_backoff_ms': 500,
    // The breaker decides when a target is tried again; the channel must be ready by then.
    'grpc.max_reconnect_backoff_ms': Math.max(1_000, settings.breakerResetMs / 2),
    'grpc.enable_retries': 0,
    'grpc.enable_http_proxy': 0,
  };
  return new vendordata.VendordataProviderClient(host, channelCredentials(settings), options);
}

function channelCredentials(settings: TargetSettings): ChannelCredentials {
  if (settings.scheme === 'grpc') return credentials.createInsecure();
  const { clientCertificate } = settings;
  return credentials.createSsl(
    Buffer.from(settings.authorities ?? trustedAuthorities().join('\n')),
    clientCertificate ? Buffer.from(clientCertificate.key) : null,
    clientCertificate ? Buffer.from(clientCertificate.certificate) : null,
  );
}

function requestFor(instance: Instance): vendordata.GetVendordataRequest {
  const { projectId, instanceId, imageId, userData, hostname, metadata, bootRoles } = instance;
  return {
    ...{ projectId, instanceId, imageId, userData, hostname },
    metadata: metadata.map(([key, value]) => ({ key, value })),
    bootRoles: [...bootRoles],
  };
}
