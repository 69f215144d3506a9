/** A login. */
export interface Account {
  readonly username: string;
  readonly password: string;
}

/** Gets a token for a project, as every OpenStack client does before its first request. */
export async function logIn(keystoneUrl: string, account: Account, project: string): Promise<string> {
  const response = await fetch(`${keystoneUrl}/v3/auth/tokens`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(loginOf(account, project)),
  });
  await response.body?.cancel();
  const token = response.headers.get('X-Subject-Token');
  if (token === null) {
    throw new Error(`The Keystone stand-in answered ${response.status} to the login of ${account.username}.`);
  }
  return token;
}

function loginOf({ username, password }: Account, project: string): object {
  const domain = { name: 'Default' };
  return {
    auth: {
      identity: { methods: ['password'], password: { user: { name: username, password, domain } } },
      scope: { project: { name: project, domain } },
    },
  };
}
