"""Reads the vendor_data2.json given on the command line as cloud-init does at boot, with cloud-init's own code.

Prints the parts it found, as pairs of content type and text, and the cloud-config they merge to.
"""

import json
import sys
import tempfile

import yaml
from cloudinit import handlers, helpers, user_data
from cloudinit.handlers.cloud_config import CloudConfigPartHandler
from cloudinit.settings import PER_INSTANCE
from cloudinit.sources import DataSource, convert_vendordata

folder = tempfile.mkdtemp()
paths = helpers.Paths({'cloud_dir': folder, 'run_dir': folder})
source = DataSource({}, None, paths)
source.metadata = {'instance-id': 'i-test'}
paths.datasource = source

message = user_data.UserDataProcessor(paths).process(convert_vendordata(json.loads(sys.argv[1])))
parts = [
    (part.get_content_type(), part.get_payload(decode=True).decode())
    for part in message.walk()
    if not part.is_multipart()
]

merger = CloudConfigPartHandler(paths)
merger.cloud_fn = folder + '/cloud-config.txt'
merger.handle_part(None, handlers.CONTENT_START, None, None, PER_INSTANCE, {})
for number, (kind, text) in enumerate(parts):
    if kind in merger.list_types():
        merger.handle_part(None, kind, 'part-%d' % number, text, PER_INSTANCE, {})
merger.handle_part(None, handlers.CONTENT_END, None, None, PER_INSTANCE, {})

with open(merger.cloud_fn) as merged:
    json.dump({'parts': parts, 'cloud_config': yaml.safe_load(merged)}, sys.stdout)
