import { vendordata } from '@hallmark/contracts';
import { HallmarkError } from '@hallmark/errors';
import type { RpcClient } from '@hallmark/rpc';

/** What becomes of an answer that is good for a short time only: `[config_drive] short_lived`. */
export type ShortLivedPolicy = 'warn' | 'omit' | 'fatal';

export interface FreezePolicy {
  readonly minLifetimeSeconds: number;
  readonly shortLived: ShortLivedPolicy;
}

/** What vendordata services say for the life of an instance. */
export interface DriveVendordata {
  /** Undefined: static vendordata is not among the providers. */
  readonly vendorData: Buffer | undefined;
  readonly vendorData2: Buffer;
  readonly shortLivedTargets: readonly string[];
}

/** The work that a call is part of. */
export interface Work {
  readonly requestId: string;
  readonly signal: AbortSignal;
}

type Client = Pick<RpcClient<typeof vendordata.VendordataServiceService>, 'resolve'>;

const { Freeze_ShortLived: ShortLived, ResolveRequest_Document: Document } = vendordata;

const SHORT_LIVED = {
  warn: ShortLived.WARN,
  omit: ShortLived.OMIT,
  fatal: ShortLived.FATAL,
} satisfies Record<ShortLivedPolicy, vendordata.Freeze_ShortLived>;

/** Longer than the vendordata service gives its targets, so that it is the one to say who was slow. */
const CALL_TIMEOUT_MS = 30_000;

/** Asks for both documents, each target once. Fails as `VendordataService.Resolve` does. */
export async function resolveForDrive(
  client: Client,
  instanceJson: Buffer,
  { minLifetimeSeconds, shortLived }: FreezePolicy,
  { requestId, signal }: Work,
): Promise<DriveVendordata> {
  const options = { requestId, signal, timeoutMs: CALL_TIMEOUT_MS };
  // First what asks no target: if it fails, no target has been asked in vain.
  const vendorData = await staticDocument(client, instanceJson, options);
  const { document, shortLivedTargets } = await client.resolve(
    {
      instanceJson,
      target: '',
      document: Document.VENDOR_DATA2,
      freeze: { minLifetime: durationFrom(minLifetimeSeconds), shortLived: SHORT_LIVED[shortLived] },
    },
    options,
  );
  return { vendorData, vendorData2: document, shortLivedTargets };
}

async function staticDocument(
  client: Client,
  instanceJson: Buffer,
  options: Parameters<Client['resolve']>[1],
): Promise<Buffer | undefined> {
  try {
    const request = { instanceJson, target: '', document: Document.VENDOR_DATA };
    return (await client.resolve(request, options)).document;
  } catch (error) {
    if (error instanceof HallmarkError && error.reason === 'NO_STATIC_VENDORDATA') return undefined;
    throw error;
  }
}

function durationFrom(seconds: number): NonNullable<vendordata.Freeze['minLifetime']> {
  const whole = Math.floor(seconds);
  return { seconds: whole, nanos: Math.round((seconds - whole) * 1e9) };
}
