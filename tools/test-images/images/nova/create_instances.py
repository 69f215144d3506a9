"""Writes instances with Nova's own objects, as the compute API and nova-compute leave them after a boot.

Takes a JSON array on the command line: uuid, project_id, user_id, hostname, image_ref, user_data,
metadata, boot_roles of each; fixed_ip and keypair, with name and public_key, of those that have them.
"""

import json
import sys

from nova import config, context, objects
from nova.network import model as network_model

config.parse_args(['create_instances'], default_config_files=['/etc/nova/nova.conf'])
objects.register_all()

admin = context.get_admin_context()
cell = next(c for c in objects.CellMappingList.get_all(admin) if c.name == 'cell1')


def flavor(ctxt):
    return objects.Flavor(
        ctxt, id=1, flavorid='1', name='m1.small', memory_mb=2048, vcpus=1, root_gb=20, ephemeral_gb=0,
        swap=0, rxtx_factor=1.0, vcpu_weight=0, is_public=True, disabled=False, extra_specs={}, description=None)


def network_info(fixed_ip):
    if not fixed_ip:
        return network_model.NetworkInfo([])
    subnet = network_model.Subnet(
        cidr='10.1.0.0/24', dns=[network_model.IP('10.1.0.2', type='dns')],
        gateway=network_model.IP('10.1.0.1', type='gateway'), ips=[network_model.FixedIP(address=fixed_ip)],
        routes=[], version=4)
    network = network_model.Network(
        id='33333333-3333-4333-8333-333333333333', bridge='br-int', label='private', subnets=[subnet], mtu=1450)
    return network_model.NetworkInfo([network_model.VIF(
        id='22222222-2222-4222-8222-222222222222', address='fa:16:3e:00:00:01', network=network, type='ovs',
        devname='tap22222222-22')])


def keypairs(ctxt, wanted):
    key = wanted.get('keypair')
    return objects.KeyPairList(objects=[objects.KeyPair(
        ctxt, name=key['name'], user_id=wanted['user_id'], type='ssh', public_key=key['public_key'],
        fingerprint='')] if key else [])


def create(ctxt, wanted):
    key = wanted.get('keypair') or {}
    instance = objects.Instance(
        ctxt,
        uuid=wanted['uuid'],
        project_id=wanted['project_id'],
        user_id=wanted['user_id'],
        hostname=wanted['hostname'],
        display_name=wanted['hostname'],
        image_ref=wanted['image_ref'],
        user_data=wanted['user_data'],
        metadata=wanted['metadata'],
        system_metadata={'boot_roles': ','.join(wanted['boot_roles'])},
        vm_state='active',
        power_state=1,
        host='compute',
        node='compute',
        launch_index=0,
        availability_zone='nova',
        reservation_id='r-hallmark',
        flavor=flavor(ctxt),
        old_flavor=None,
        new_flavor=None,
        key_name=key.get('name'),
        key_data=key.get('public_key'),
        keypairs=keypairs(ctxt, wanted),
        info_cache=objects.InstanceInfoCache(ctxt, network_info=network_info(wanted.get('fixed_ip'))),
    )
    instance.create()
    objects.InstanceMapping(
        admin, instance_uuid=instance.uuid, project_id=instance.project_id, user_id=instance.user_id,
        cell_mapping=cell, queued_for_delete=False).create()


with context.target_cell(admin, cell) as in_cell:
    for wanted in json.loads(sys.argv[1]):
        create(in_cell, wanted)
