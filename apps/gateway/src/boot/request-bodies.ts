/** What the schemas of the same names let through. */
export interface RequestBodies {
  readonly BootRequest: BootBody;
  readonly MetadataChange: { readonly metadata: object };
  readonly RebuildRequest: RebuildBody;
  readonly ListQuery: ListQuery;
}

export interface KeypairBody {
  readonly name: string;
  readonly type?: string;
  readonly public_key: string;
}

/** `metadata`, `network_data` and `devices` are not read from here but from the text: see `membersOf`. */
export interface BootBody {
  readonly id?: string;
  readonly name: string;
  readonly hostname?: string;
  readonly image_id?: string;
  readonly kernel_id?: string;
  readonly ramdisk_id?: string;
  readonly flavor?: string;
  readonly availability_zone?: string;
  readonly launch_index?: number;
  readonly reservation_id?: string;
  readonly user_data?: string;
  readonly keypair?: KeypairBody;
  readonly dedicated_cpus?: readonly number[];
  readonly security_groups?: readonly string[];
  readonly fixed_ipv4?: string;
  readonly floating_ipv4?: string;
  readonly root_device?: string;
  readonly block_devices?: readonly { readonly name: string; readonly device: string }[];
  readonly personality?: readonly { readonly path: string; readonly contents: string }[];
  readonly admin_pass?: string;
  readonly config_drive?: boolean;
}

export interface RebuildBody {
  readonly image_id: string;
  readonly user_data?: string | null;
  readonly keypair?: KeypairBody;
}

export interface ListQuery {
  readonly limit?: number;
  readonly marker?: string;
  readonly status?: 'BUILD' | 'ACTIVE' | 'ERROR';
  readonly all_projects?: boolean;
}
