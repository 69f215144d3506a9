import { Tickets, type Migration } from '@hallmark/postgres';

/** The schema of this app. */
export const SCHEMA = 'images';

const RECORDS: Migration = {
  name: 'images-1',
  sql: `
    CREATE TABLE images (
      -- Text, because a caller's own id keeps its case.
      id text COLLATE "C" PRIMARY KEY,
      name text COLLATE "C",
      status text COLLATE "C" NOT NULL CHECK (status IN ('queued', 'saving', 'active', 'killed', 'deleted', 'uploading',
        'importing', 'pending_delete', 'deactivated')),
      visibility text NOT NULL CHECK (visibility IN ('community', 'public', 'private', 'shared')),
      protected boolean NOT NULL,
      hidden boolean NOT NULL,
      owner text,
      container_format text COLLATE "C",
      disk_format text COLLATE "C",
      min_disk integer NOT NULL CHECK (min_disk >= 0),
      min_ram integer NOT NULL CHECK (min_ram >= 0),
      size bigint,
      virtual_size bigint,
      checksum text,
      hash_algo text,
      hash_value text,
      -- Where staged data waits for its import.
      staged_key text,
      -- Who receives data for it, and until when that counts without a sign of life.
      transfer_owner uuid,
      transfer_until timestamptz,
      -- Milliseconds, so that a time that has been in JavaScript still compares equal.
      created_at timestamptz(3) NOT NULL DEFAULT now(),
      updated_at timestamptz(3) NOT NULL DEFAULT now(),
      -- Kept, because an id is never given twice.
      deleted_at timestamptz(3),
      CHECK ((status = 'deleted') = (deleted_at IS NOT NULL))
    );

    -- Pages, in either direction: of a project, of a visibility, of all; and by what they may be sorted and
    -- looked for. What has no value counts as empty, so that rows compare.
    CREATE INDEX images_by_owner ON images (owner, created_at, id) WHERE deleted_at IS NULL;
    CREATE INDEX images_by_visibility ON images (visibility, created_at, id) WHERE deleted_at IS NULL;
    CREATE INDEX images_by_time ON images (created_at, id) WHERE deleted_at IS NULL;
    CREATE INDEX images_by_update ON images (updated_at, created_at, id) WHERE deleted_at IS NULL;
    CREATE INDEX images_by_name ON images (coalesce(name, ''), created_at, id) WHERE deleted_at IS NULL;
    CREATE INDEX images_by_status ON images (status, created_at, id) WHERE deleted_at IS NULL;
    CREATE INDEX images_by_container ON images (coalesce(container_format, ''), created_at, id) WHERE deleted_at IS NULL;
    CREATE INDEX images_by_disk ON images (coalesce(disk_format, ''), created_at, id) WHERE deleted_at IS NULL;
    CREATE INDEX images_by_size ON images (coalesce(size, -1), created_at, id) WHERE deleted_at IS NULL;
    -- Few, and looked for in every list.
    CREATE INDEX images_ownerless ON images (created_at, id) WHERE deleted_at IS NULL AND owner IS NULL;
    CREATE INDEX images_hidden ON images (created_at, id) WHERE deleted_at IS NULL AND hidden;
    CREATE INDEX images_by_hash ON images (hash_value) WHERE deleted_at IS NULL;
    CREATE INDEX images_by_checksum ON images (checksum) WHERE deleted_at IS NULL;
    CREATE INDEX images_in_transfer ON images (transfer_until) WHERE transfer_until IS NOT NULL;

    CREATE TABLE properties (
      image_id text COLLATE "C" NOT NULL REFERENCES images ON DELETE CASCADE,
      name text COLLATE "C" NOT NULL,
      value text NOT NULL,
      -- Set by an import, not by a user.
      injected boolean NOT NULL DEFAULT false,
      -- The order in which they are shown.
      seq bigint GENERATED ALWAYS AS IDENTITY,
      PRIMARY KEY (image_id, name)
    );
    -- A value may be longer than an index takes.
    CREATE INDEX properties_by_value ON properties (name, left(value, 255), image_id);
    CREATE STATISTICS properties_together (mcv) ON name, (left(value, 255)) FROM properties;

    CREATE TABLE tags (
      image_id text COLLATE "C" NOT NULL REFERENCES images ON DELETE CASCADE,
      tag text COLLATE "C" NOT NULL,
      seq bigint GENERATED ALWAYS AS IDENTITY,
      PRIMARY KEY (image_id, tag)
    );
    CREATE INDEX tags_by_tag ON tags (tag, image_id);

    CREATE TABLE members (
      image_id text COLLATE "C" NOT NULL REFERENCES images ON DELETE CASCADE,
      member_id text NOT NULL,
      status text NOT NULL CHECK (status IN ('pending', 'accepted', 'rejected')),
      created_at timestamptz(3) NOT NULL DEFAULT now(),
      updated_at timestamptz(3) NOT NULL DEFAULT now(),
      PRIMARY KEY (image_id, member_id)
    );
    CREATE INDEX members_by_project ON members (member_id, status, image_id);

    CREATE TABLE locations (
      image_id text COLLATE "C" NOT NULL REFERENCES images ON DELETE CASCADE,
      store_id text NOT NULL,
      url text NOT NULL,
      seq bigint GENERATED ALWAYS AS IDENTITY,
      PRIMARY KEY (image_id, store_id)
    );

    -- Data that no image has any more and that is still in its store.
    CREATE TABLE removals (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      store_id text NOT NULL,
      url text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now()
    );

    CREATE TABLE tasks (
      id uuid PRIMARY KEY,
      -- No reference: what became of an image can be read when it is gone.
      image_id text COLLATE "C" NOT NULL,
      status text NOT NULL CHECK (status IN ('pending', 'processing', 'success', 'failure')),
      owner text,
      user_id text NOT NULL,
      request_id text NOT NULL,
      -- Shown as it was written, so not jsonb, which would reorder.
      input json NOT NULL,
      caller json NOT NULL,
      message text NOT NULL DEFAULT '',
      reason text NOT NULL DEFAULT '',
      bytes_done bigint NOT NULL DEFAULT 0,
      bytes_total bigint,
      injection json,
      cancel_requested boolean NOT NULL DEFAULT false,
      attempt integer NOT NULL DEFAULT 0,
      lease_owner uuid,
      lease_until timestamptz NOT NULL DEFAULT '-infinity',
      created_at timestamptz(3) NOT NULL DEFAULT now(),
      updated_at timestamptz(3) NOT NULL DEFAULT now(),
      expires_at timestamptz(3),
      CHECK ((status IN ('success', 'failure')) = (expires_at IS NOT NULL))
    );
    -- One import of an image at a time.
    CREATE UNIQUE INDEX tasks_one_open ON tasks (image_id) WHERE status IN ('pending', 'processing');
    CREATE INDEX tasks_by_image ON tasks (image_id, created_at);
    CREATE INDEX tasks_by_time ON tasks (created_at DESC, id DESC);
    CREATE INDEX tasks_open ON tasks (lease_until) WHERE status IN ('pending', 'processing');
    CREATE INDEX tasks_by_expiry ON tasks (expires_at) WHERE expires_at IS NOT NULL;
  `,
};

const WORK: Migration = {
  name: 'images-2',
  sql: `
    -- Written before the data is: what a process that dies has begun to write is found here. Removing it is
    -- due at this time, unless whoever writes puts it off or the data becomes an image's.
    ALTER TABLE removals ADD COLUMN due_at timestamptz NOT NULL DEFAULT now();
    ALTER TABLE removals ADD COLUMN holder uuid;
    CREATE INDEX removals_due ON removals (due_at);

    -- Where web-download takes the data, with what the user shows there; only while the task is open.
    ALTER TABLE tasks ADD COLUMN source_uri text;
  `,
};

const LISTS: Migration = {
  name: 'images-3',
  sql: `
    -- With all that a list may be sorted and filtered by: what belongs to one project, or to everybody, is sorted
    -- and looked through without a look at the rows.
    CREATE INDEX images_of_owner ON images (owner, created_at, id)
      INCLUDE (name, status, visibility, hidden, protected, container_format, disk_format, size, min_disk, min_ram,
        updated_at)
      WHERE deleted_at IS NULL;
    CREATE INDEX images_of_visibility ON images (visibility, created_at, id)
      INCLUDE (name, status, owner, hidden, protected, container_format, disk_format, size, min_disk, min_ram,
        updated_at)
      WHERE deleted_at IS NULL;
    DROP INDEX images_by_owner, images_by_visibility;

    -- What is shared with a project, in the order of a list. By a trigger, because processes of an older release
    -- may still add members; an image's own time never changes.
    ALTER TABLE members ADD COLUMN image_created_at timestamptz(3);
    UPDATE members m SET image_created_at = i.created_at FROM images i WHERE i.id = m.image_id;
    ALTER TABLE members ALTER COLUMN image_created_at SET NOT NULL;
    CREATE FUNCTION set_image_created_at() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
      BEGIN
        SELECT created_at INTO NEW.image_created_at FROM images WHERE id = NEW.image_id;
        RETURN NEW;
      END
    $$;
    CREATE TRIGGER members_image_created_at BEFORE INSERT ON members
      FOR EACH ROW EXECUTE FUNCTION set_image_created_at();
    CREATE INDEX members_in_order ON members (member_id, image_created_at, image_id);
  `,
};

const ORDERS: Migration = {
  name: 'images-4',
  sql: `
    -- Every order within a visibility: what is public is few among many, and who walked all images in the order of
    -- their sizes would look at hundreds for each that is. Who may see all of them merges the visibilities.
    CREATE INDEX images_by_visibility_update ON images (visibility, updated_at, created_at, id)
      WHERE deleted_at IS NULL;
    CREATE INDEX images_by_visibility_name ON images (visibility, coalesce(name, ''), created_at, id)
      WHERE deleted_at IS NULL;
    CREATE INDEX images_by_visibility_status ON images (visibility, status, created_at, id)
      WHERE deleted_at IS NULL;
    CREATE INDEX images_by_visibility_container ON images (visibility, coalesce(container_format, ''), created_at, id)
      WHERE deleted_at IS NULL;
    CREATE INDEX images_by_visibility_disk ON images (visibility, coalesce(disk_format, ''), created_at, id)
      WHERE deleted_at IS NULL;
    CREATE INDEX images_by_visibility_size ON images (visibility, coalesce(size, -1), created_at, id)
      WHERE deleted_at IS NULL;
    -- And what a project has much of, in the orders that people choose.
    CREATE INDEX images_by_owner_update ON images (owner, updated_at, created_at, id) WHERE deleted_at IS NULL;
    CREATE INDEX images_by_owner_name ON images (owner, coalesce(name, ''), created_at, id) WHERE deleted_at IS NULL;
    CREATE INDEX images_by_owner_size ON images (owner, coalesce(size, -1), created_at, id) WHERE deleted_at IS NULL;
    DROP INDEX images_by_time, images_by_update, images_by_name, images_by_status, images_by_container,
      images_by_disk, images_by_size;

    -- With the status first, what a project has accepted is walked in the order of a list too.
    CREATE INDEX members_of_project ON members (member_id, status, image_created_at, image_id);
    DROP INDEX members_by_project, members_in_order;
  `,
};

export const MIGRATIONS: readonly Migration[] = [Tickets.migration, RECORDS, WORK, LISTS, ORDERS];
