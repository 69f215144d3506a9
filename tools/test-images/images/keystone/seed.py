"""Makes what every cloud has before Hallmark comes: the service project and its users.

Speaks to Keystone's own public API, in this process instead of through a port.
"""

import json

from keystone.server.wsgi import initialize_public_application
from werkzeug.test import Client

keystone = Client(initialize_public_application())


def call(method, path, body=None, token=None):
    headers = {'X-Auth-Token': token} if token else {}
    answer = keystone.open(path, method=method, json=body, headers=headers)
    if answer.status_code >= 300:
        raise SystemExit('%s %s: %s' % (method, path, answer.get_data(as_text=True)))
    return answer


def login(user, password, project):
    domain = {'id': 'default'}
    body = {
        'auth': {
            'identity': {
                'methods': ['password'],
                'password': {'user': {'name': user, 'domain': domain, 'password': password}},
            },
            'scope': {'project': {'name': project, 'domain': domain}},
        }
    }
    return call('POST', '/v3/auth/tokens', body).headers['X-Subject-Token']


admin = login('admin', 'admin-password', 'admin')


def create(kind, **fields):
    answer = call('POST', '/v3/%ss' % kind, {kind: fields}, admin)
    return json.loads(answer.get_data())[kind]['id']


def role_id(name):
    found = json.loads(call('GET', '/v3/roles?name=' + name, token=admin).get_data())['roles']
    return found[0]['id'] if found else create('role', name=name)


def grant(project, user, role):
    call('PUT', '/v3/projects/%s/users/%s/roles/%s' % (project, user, role_id(role)), token=admin)


service = create('project', name='service', domain_id='default')
demo = create('project', name='demo', domain_id='default')

# Nova's service account, the one that Hallmark logs in with, and an ordinary member of a project.
for project, name, role in ((service, 'nova', 'service'), (service, 'hallmark', 'service'), (demo, 'member', 'member')):
    user = create('user', name=name, password=name + '-password', domain_id='default')
    grant(project, user, role)
