"""Reads the metadata service as cloud-init does at boot, with cloud-init's own code and addresses.

The container must say `product_name=OpenStack Nova` in the environment of its first process, which is how
cloud-init knows an OpenStack guest without DMI, and `http_proxy` must lead to what answers for
169.254.169.254. Prints what cloud-init made of it; bytes are printed as UTF-8 text, what is none as escapes.
"""

import json
import sys

from cloudinit import distros, helpers, log
from cloudinit.sources.DataSourceOpenStack import DataSourceOpenStack
from cloudinit.sources.helpers.openstack import MetadataReader


def parts(message):
    return [
        (part.get_content_type(), part.get_payload(decode=True).decode())
        for part in message.walk()
        if not part.is_multipart()
    ]


log.setupBasicLogging(log.WARNING)
paths = helpers.Paths({'cloud_dir': '/var/lib/cloud', 'run_dir': '/run/cloud-init'})
distro = distros.fetch('debian')('debian', {}, paths)
config = {'datasource_list': ['OpenStack'], 'datasource': {'OpenStack': {'max_wait': 30, 'timeout': 10}}}
source = DataSourceOpenStack(config, distro, paths)
paths.datasource = source
if not source.get_data():
    sys.exit('cloud-init found no data source')

json.dump(
    {
        'reader': MetadataReader('http://169.254.169.254').read_v2(),
        'source': {
            'metadata': source.metadata,
            'ec2_metadata': source.ec2_metadata,
            'userdata_raw': source.userdata_raw,
            'vendordata_raw': source.vendordata_raw,
            'vendordata2_raw': source.vendordata2_raw,
            'network_json': source.network_json,
            'files': source.files,
            'version': source.version,
            'dsmode': source.dsmode,
            'instance_id': source.get_instance_id(),
            'hostname': source.get_hostname().hostname,
            'availability_zone': source.availability_zone,
            'public_ssh_keys': source.get_public_ssh_keys(),
        },
        'vendordata': parts(source.get_vendordata()),
        'vendordata2': parts(source.get_vendordata2()),
    },
    sys.stdout,
    default=lambda value: value.decode(errors='backslashreplace'),
)
