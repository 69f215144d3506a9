"""Prints what Nova writes onto the config drive of the instance given on the command line.

A JSON object from path to contents in base64, made by the code that nova-compute runs.
"""

import base64
import json
import sys

from nova import config, context, objects
from nova.api.metadata import base

config.parse_args(['read_config_drive'], default_config_files=['/etc/nova/nova.conf'])
objects.register_all()

admin = context.get_admin_context()
cell = next(c for c in objects.CellMappingList.get_all(admin) if c.name == 'cell1')

with context.target_cell(admin, cell) as in_cell:
    instance = objects.Instance.get_by_uuid(
        in_cell, sys.argv[1],
        expected_attrs=['ec2_ids', 'flavor', 'info_cache', 'metadata', 'system_metadata', 'security_groups',
                        'keypairs', 'device_metadata'])
    metadata = base.InstanceMetadata(instance, network_info=instance.info_cache.network_info)
    files = {path: base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()
             for path, data in metadata.metadata_for_config_drive()}

json.dump(files, sys.stdout)
