import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, loadConfig } from '@hallmark/runtime';
import { readImagesSettings, type ImagesSettings } from './images-settings.ts';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hallmark-settings-'));
});
afterAll(async () => rm(directory, { recursive: true }));

/** Reads files as an operator has them, later ones over earlier ones. */
async function read(files: Readonly<Record<string, string>>): Promise<ImagesSettings> {
  const argv: string[] = [];
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(directory, name), text);
    if (name.endsWith('.conf') && !name.startsWith('property'))
      argv.push('--config-file', join(directory, name));
  }
  return readImagesSettings(loadConfig(argv, {}));
}

async function faults(files: Readonly<Record<string, string>>): Promise<string[]> {
  try {
    await read(files);
  } catch (error) {
    if (error instanceof ConfigError)
      return error.faults.map(({ message }) => message.replaceAll(`${directory}/`, ''));
    throw error;
  }
  return [];
}

const caller = { userId: 'u', projectId: 'p', roles: ['member'], serviceRoles: [], systemScope: false };

describe("Glance's files, used as they are", () => {
  test('import, protections and policy', async () => {
    const settings = await read({
      'glance-image-import.conf':
        '[image_import_opts]\nimage_import_plugins = [inject_image_metadata]\n[inject_metadata_properties]\nignore_user_roles = admin,Operator\ninject = owner_kind:user,batch:b-42\n',
      'glance-api.conf':
        '[DEFAULT]\nenabled_backends = fast:file\nproperty_protection_file = property-protections.conf\n[glance_store]\ndefault_backend = fast\n[fast]\nfilesystem_store_datadir = /srv/fast\n',
      'property-protections.conf': '[^x_]\ncreate = member\nread = @\nupdate = !\ndelete = !\n',
      'policy.yaml': '"upload_image": "role:uploader"\n',
    });
    expect(Object.fromEntries(settings.injection.settings.properties)).toEqual({
      owner_kind: 'user',
      batch: 'b-42',
    });
    expect([...settings.injection.settings.ignoreRoles]).toEqual(['admin', 'operator']);
    expect(settings.injection.injects).toBe(true);
    expect(settings.stores).toMatchObject({ isMultiStore: true, defaultStore: 'fast' });
    expect(settings.protections.allows('create', 'x_1', caller)).toBe(true);
    expect(settings.protections.allows('update', 'x_1', caller)).toBe(false);
    const image = { id: 'i', owner: 'p', visibility: 'private' as const };
    expect(settings.policy.allowsOn('upload_image', caller, image)).toBe(false);
    await rm(join(directory, 'policy.yaml'));
  });

  test('the policy.yaml of another service beside its configuration is left alone', async () => {
    const settings = await read({
      'policy.yaml': '"default": "!"\n"add_image": "!"\n',
      'nova.conf': '[api]\n',
    });
    expect(settings.policy.allows('add_image', caller, { project_id: 'p' })).toBe(true);
    await rm(join(directory, 'policy.yaml'));
  });
});

describe('What cannot be right stops the start', () => {
  test('all of it at once, with its places', async () => {
    const files = {
      'glance-api.conf':
        '[DEFAULT]\nenabled_backends = fast:rbd,os_glance_x:file\nproperty_protection_file = property-protections.conf\nenabled_import_methods = [glance-direct, glance-download]\nuse_keystone_limits = true\n[oslo_policy]\npolicy_file = rules.yaml\n[image_import_opts]\nimage_import_plugins = [inject_metadata]\n[import_filtering_opts]\nallowed_ports = [80, http]\n[inject_metadata_properties]\ninject = "property1":"value1"\n',
      'property-protections.conf': '[a]\ncreate = @\nread = @,!\nupdate = @\ndelete = @\n',
      'rules.yaml': 'get_image: "role:a and"\nadd_image: ["x"]\n',
    };
    expect(await faults(files)).toEqual([
      'rules.yaml:2: add_image: is no text, such as "role:admin"',
      'rules.yaml:1: get_image: it ends where a check should stand',
      'glance-api.conf:13: [inject_metadata_properties] inject: "property1":"value1" has quotes, which would become part of it; leave them out, or write JSON',
      'glance-api.conf:9: [image_import_opts] image_import_plugins: there is no plugin "inject_metadata"; there are no_op and inject_image_metadata',
      'property-protections.conf:3: [a] read: @, everyone, and ! , nobody, exclude each other',
      'glance-api.conf:2: [DEFAULT] enabled_backends: fast: Hallmark has stores of type file and s3, not rbd',
      "glance-api.conf:2: [DEFAULT] enabled_backends: os_glance_x: names that begin with os_glance_ are Glance's own",
      'default: [glance_store] default_backend: must be one of fast, os_glance_x',
      "glance-api.conf:5: [DEFAULT] use_keystone_limits: Hallmark does not know Keystone's limits; set it to false",
      'glance-api.conf:4: [DEFAULT] enabled_import_methods: "glance-download" is none of glance-direct, web-download, copy-image',
      'glance-api.conf:11: [import_filtering_opts] allowed_ports: "http" is no port',
    ]);
  });

  test('files that are not there', async () => {
    expect(
      await faults({
        'glance-api.conf':
          '[DEFAULT]\nproperty_protection_file = property-none.conf\n[oslo_policy]\npolicy_file = none.yaml\n',
      }),
    ).toEqual([
      expect.stringMatching(
        /^glance-api\.conf:4: \[oslo_policy\] policy_file: none\.yaml cannot be read: ENOENT/,
      ),
      expect.stringMatching(
        /^glance-api\.conf:2: \[DEFAULT\] property_protection_file: property-none\.conf cannot be read: ENOENT/,
      ),
    ]);
  });
});
