import type { Config } from '@hallmark/runtime';
import type { DriveSettings } from './drive-builder.ts';

export const driveSettings = ({ api, config_drive, DEFAULT }: Config): DriveSettings => ({
  format: DEFAULT.config_drive_format,
  dhcpDomain: api.dhcp_domain,
  skipVersions: api.config_drive_skip_versions,
  freeze: { minLifetimeSeconds: config_drive.min_lifetime, shortLived: config_drive.short_lived },
});
