import { ChangeClock, Tickets, type Migration } from '@hallmark/postgres';

/** The schema of this app and the channel on which its replicas tell each other of changes. */
export const SCHEMA = 'instances';
export const CHANGES_CHANNEL = 'instances_changes';

const RECORDS: Migration = {
  name: 'instances-1',
  sql: `
    -- What EC2 calls images, kernels and ramdisks: one row of numbers for all three, as in Nova.
    CREATE TABLE ec2_images (
      image_id uuid PRIMARY KEY,
      number integer GENERATED ALWAYS AS IDENTITY
    );
    CREATE SEQUENCE ec2_instance_numbers AS integer;

    CREATE TABLE instances (
      id uuid PRIMARY KEY,
      project_id text NOT NULL,
      user_id text NOT NULL,
      -- Nova's system metadata: the roles in the token of the boot request.
      boot_roles text[] NOT NULL,
      name text NOT NULL,
      hostname text NOT NULL,
      image_id uuid,
      kernel_id uuid,
      ramdisk_id uuid,
      flavor text NOT NULL,
      availability_zone text,
      launch_index integer NOT NULL,
      reservation_id text NOT NULL,
      user_data text,
      -- An array of {key, value}: an object would lose the user's order.
      metadata jsonb NOT NULL,
      keypair jsonb,
      -- Forwarded as written, so not jsonb, which would round and reorder.
      network_data bytea NOT NULL,
      devices bytea NOT NULL,
      dedicated_cpus integer[] NOT NULL,
      security_groups text[] NOT NULL,
      fixed_ipv4 text,
      floating_ipv4 text,
      root_device text,
      block_devices jsonb NOT NULL,
      personality_paths text[] NOT NULL,
      personality_contents bytea[] NOT NULL,
      admin_pass text,
      config_drive boolean NOT NULL,
      random_seed bytea NOT NULL,
      ec2_number integer NOT NULL UNIQUE DEFAULT nextval('ec2_instance_numbers'),
      ec2_image integer,
      ec2_kernel integer,
      ec2_ramdisk integer,
      -- Bytes, because text takes no NUL.
      password bytea,
      status text NOT NULL CHECK (status IN ('BUILD', 'ACTIVE', 'ERROR', 'DELETED')),
      fault_reason text,
      fault_message text,
      fault_at timestamptz(3),
      -- Milliseconds, so that a time that has been in JavaScript still compares equal.
      created_at timestamptz(3) NOT NULL DEFAULT now(),
      updated_at timestamptz(3) NOT NULL DEFAULT now(),
      deleted_at timestamptz(3),
      CHECK ((status = 'ERROR') = (fault_reason IS NOT NULL)),
      CHECK ((status = 'DELETED') = (deleted_at IS NOT NULL))
    );
    ALTER SEQUENCE ec2_instance_numbers OWNED BY instances.ec2_number;

    -- Pages, by project and for all; and those of a status of which there are few among many.
    CREATE INDEX instances_by_project ON instances (project_id, created_at DESC, id DESC) WHERE status <> 'DELETED';
    CREATE INDEX instances_by_time ON instances (created_at DESC, id DESC) WHERE status <> 'DELETED';
    CREATE INDEX instances_building ON instances (created_at DESC, id DESC) WHERE status = 'BUILD';
    CREATE INDEX instances_in_error ON instances (created_at DESC, id DESC) WHERE status = 'ERROR';
    CREATE INDEX instances_deleted ON instances (deleted_at) WHERE status = 'DELETED';

    CREATE FUNCTION refuse_other_origin() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        RAISE EXCEPTION 'whose an instance is, and with which roles it was booted, never changes'
          USING ERRCODE = 'integrity_constraint_violation';
      END
    $$;
    CREATE TRIGGER origin_never_changes BEFORE UPDATE ON instances FOR EACH ROW
      WHEN ((OLD.id, OLD.project_id, OLD.user_id, OLD.boot_roles, OLD.created_at)
        IS DISTINCT FROM (NEW.id, NEW.project_id, NEW.user_id, NEW.boot_roles, NEW.created_at))
      EXECUTE FUNCTION refuse_other_origin();

    CREATE TABLE idempotency_keys (
      project_id text NOT NULL,
      key text NOT NULL,
      fingerprint bytea NOT NULL,
      -- Checked at the commit: the key is taken before the instance is there.
      instance_id uuid NOT NULL REFERENCES instances ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
      created_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (project_id, key)
    );
    CREATE INDEX idempotency_keys_by_instance ON idempotency_keys (instance_id);
    CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

    -- Config drives to be built. A build belongs to its owner until lease_until.
    CREATE TABLE builds (
      instance_id uuid PRIMARY KEY REFERENCES instances ON DELETE CASCADE,
      attempt integer NOT NULL DEFAULT 0,
      owner uuid,
      lease_until timestamptz NOT NULL DEFAULT '-infinity',
      created_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE INDEX builds_by_age ON builds (created_at);

    -- Everything on a drive, frozen when it was built; its bytes are a pure function of that.
    CREATE TABLE config_drives (
      instance_id uuid PRIMARY KEY REFERENCES instances ON DELETE CASCADE,
      format text NOT NULL CHECK (format IN ('iso9660', 'vfat')),
      size bigint NOT NULL,
      sha256 text NOT NULL,
      short_lived_targets text[] NOT NULL,
      frozen bytea NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now()
    );
  `,
};

export const MIGRATIONS: readonly Migration[] = [ChangeClock.migration, Tickets.migration, RECORDS];
