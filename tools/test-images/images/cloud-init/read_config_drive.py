"""Reads the folder given on the command line, as a config drive mounted there, with cloud-init's own code.

Prints what cloud-init made of it. Bytes are printed as UTF-8 text.
"""

import json
import sys

from cloudinit.sources.helpers.openstack import ConfigDriveReader

json.dump(ConfigDriveReader(sys.argv[1]).read_v2(), sys.stdout, default=lambda value: value.decode(errors='backslashreplace'))
