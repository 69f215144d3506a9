/** A boot as its teller put it: nothing checked, what is empty not told. */
export interface ToldBoot {
  readonly id: string;
  readonly name: string;
  readonly hostname: string;
  readonly imageId: string;
  readonly kernelId: string;
  readonly ramdiskId: string;
  readonly flavor: string;
  readonly availabilityZone?: string | undefined;
  readonly launchIndex: number;
  readonly reservationId: string;
  readonly userData?: string | undefined;
  readonly metadata: readonly ToldItem[];
  readonly keypair?: ToldKeypair | undefined;
  readonly networkData: Buffer;
  readonly devices: Buffer;
  readonly dedicatedCpus: readonly number[];
  readonly securityGroups: readonly string[];
  readonly fixedIpv4: string;
  readonly floatingIpv4: string;
  readonly rootDevice: string;
  readonly blockDevices: readonly { readonly name: string; readonly device: string }[];
  readonly personality: readonly { readonly path: string; readonly contents: Buffer }[];
  readonly adminPass: string;
  readonly configDrive: boolean;
}

export interface ToldItem {
  readonly key: string;
  readonly value: string;
}

export interface ToldKeypair {
  readonly name: string;
  readonly type: string;
  readonly publicKey: string;
}

/** Whose boot it is. */
export interface ToldOwner {
  readonly projectId: string;
  readonly userId: string;
  readonly bootRoles: readonly string[];
}
