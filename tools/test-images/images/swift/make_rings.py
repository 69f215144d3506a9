# Lays the rings of a Swift with one replica on one device.

from swift.common.ring import RingBuilder

for name, port in (("account", 6202), ("container", 6201), ("object", 6200)):
    builder = RingBuilder(part_power=4, replicas=1, min_part_hours=1)
    address = {"ip": "127.0.0.1", "port": port, "replication_ip": "127.0.0.1", "replication_port": port}
    builder.add_dev({"id": 0, "region": 1, "zone": 1, "weight": 1.0, "device": "disk", "meta": "", **address})
    builder.rebalance()
    builder.get_ring().save(f"/etc/swift/{name}.ring.gz")
