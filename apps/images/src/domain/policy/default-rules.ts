/** Glance's rules about images, as its documentation gives them; an operator's file replaces any. */

const ADMIN = 'rule:context_is_admin';
const OWNER = 'project_id:%(project_id)s';
const MEMBER = 'project_id:%(member_id)s';
const VISIBLE = `(${OWNER} or ${MEMBER} or 'community':%(visibility)s or 'public':%(visibility)s or 'shared':%(visibility)s)`;
const ADMIN_OR_PROJECT_MEMBER = `${ADMIN} or (role:member and ${OWNER})`;
const ADMIN_OR_PROJECT_READER = `${ADMIN} or (role:reader and ${OWNER})`;
const ADMIN_OR_SHARING_READER = `${ADMIN} or (role:reader and (${OWNER} or ${MEMBER}))`;
const SERVICE = 'rule:service_api';

export const DEFAULT_RULES = {
  default: '',
  context_is_admin: 'role:admin',
  service_api: 'role:service or role:admin',

  get_images: ADMIN_OR_PROJECT_READER,
  get_image: `${ADMIN} or (role:reader and ${VISIBLE})`,
  add_image: ADMIN_OR_PROJECT_MEMBER,
  modify_image: ADMIN_OR_PROJECT_MEMBER,
  delete_image: ADMIN_OR_PROJECT_MEMBER,
  publicize_image: ADMIN,
  communitize_image: ADMIN_OR_PROJECT_MEMBER,
  deactivate: ADMIN_OR_PROJECT_MEMBER,
  reactivate: ADMIN_OR_PROJECT_MEMBER,
  upload_image: ADMIN_OR_PROJECT_MEMBER,
  download_image: `${ADMIN} or (role:member and ${VISIBLE})`,
  download_from_store: `${ADMIN} or (role:member and ${VISIBLE})`,
  copy_image: ADMIN,

  get_image_location: ADMIN_OR_PROJECT_READER,
  set_image_location: ADMIN_OR_PROJECT_MEMBER,
  delete_image_location: ADMIN,
  add_image_location: `${SERVICE} or (role:member and ${OWNER})`,
  fetch_image_location: SERVICE,

  get_member: ADMIN_OR_SHARING_READER,
  get_members: ADMIN_OR_SHARING_READER,
  add_member: ADMIN_OR_PROJECT_MEMBER,
  delete_member: ADMIN_OR_PROJECT_MEMBER,
  modify_member: `${ADMIN} or (role:member and ${MEMBER})`,

  stores_info_detail: `${ADMIN} or ${SERVICE}`,
  tasks_api_access: ADMIN,
  get_task: 'rule:default',
  get_tasks: 'rule:default',
  add_task: 'rule:default',
  modify_task: 'rule:default',

  cache_image: ADMIN,
  cache_list: ADMIN,
  cache_delete: ADMIN,
  cache_clean: ADMIN,
  cache_prune: ADMIN,
  manage_image_cache: ADMIN,
  list_cached_nodes: ADMIN,
} as const satisfies Readonly<Record<string, string>>;

export type ImageRule = keyof typeof DEFAULT_RULES;
