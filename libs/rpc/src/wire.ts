/** Answers carry whole documents; the default of 4 MiB is less than a few large targets. */
export const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

/** Key under which the request id travels in metadata. */
export const REQUEST_ID_KEY = 'x-openstack-request-id';

/** Reason of the error with which a server ends what it can no longer serve: ask another replica. */
export const SHUTTING_DOWN = 'SHUTTING_DOWN';

/** Reason of the error with which a replica that has just begun refuses what it cannot serve yet: ask another. */
export const STARTING_UP = 'STARTING_UP';
