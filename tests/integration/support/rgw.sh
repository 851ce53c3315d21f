#!/bin/bash
# rgw.sh up|down FOLDER PORT: one real object store (Ceph's radosgw over an in-memory OSD) on
# loopback. No root needed; ports PORT, PORT+1 and PORT+2.
set -eu
act=$1 base=$(realpath -m "$2") port=$3 mon=$(($3 + 1))
if [ "$act" = down ]; then
  for name in client.rgw osd.0 mon.a; do
    [ -s "$base/run/$name.pid" ] || continue
    pid=$(cat "$base/run/$name.pid")
    kill "$pid" 2>/dev/null || continue
    for _ in $(seq 50); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    kill -9 "$pid" 2>/dev/null || true
  done
  exit 0
fi
mkdir -p "$base"/{mon,osd,run,log,rgw}
conf=$base/ceph.conf
fsid=$(cat /proc/sys/kernel/random/uuid) osd=$(cat /proc/sys/kernel/random/uuid)
# Without "crc secure" radosgw waits for keys that nobody has.
cat >"$conf" <<CONF
[global]
fsid = $fsid
mon_host = [v2:127.0.0.1:$((mon + 1)),v1:127.0.0.1:$mon]
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
ms_bind_ipv6 = false
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
ms_mon_client_mode = crc secure
run_dir = $base/run
admin_socket = $base/run/\$name.\$pid.asok
log_file = $base/log/\$name.log
mon_cluster_log_file = $base/log/cluster.log
pid_file = $base/run/\$name.pid
keyring = $base/keyring
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 2
osd_pool_default_pgp_num = 2
osd_pool_default_pg_autoscale_mode = off
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 2000
osd_crush_chooseleaf_type = 0
osd_class_load_list = *
osd_class_default_list = *
[mon.a]
mon_data = $base/mon
[osd.0]
osd_data = $base/osd
osd_objectstore = memstore
memstore_device_bytes = 2147483648
[client.rgw]
rgw_data = $base/rgw
rgw_frontends = beast endpoint=127.0.0.1:$port
rgw_dns_name = s3.localhost
CONF
: >"$base/keyring"
ceph() { timeout --foreground 60 ceph -c "$conf" --connect-timeout 20 "$@"; }
monmaptool --create --fsid "$fsid" --addv a "[v2:127.0.0.1:$((mon + 1)),v1:127.0.0.1:$mon]" \
  "$base/monmap" >/dev/null
timeout --foreground 60 ceph-mon -c "$conf" --mkfs -i a --monmap "$base/monmap" --keyring "$base/keyring"
timeout --foreground 60 ceph-mon -c "$conf" -i a
id=$(ceph osd new "$osd")
timeout --foreground 60 ceph-osd -c "$conf" -i "$id" --mkfs --osd-uuid "$osd" 2>/dev/null
timeout --foreground 60 ceph-osd -c "$conf" -i "$id" >/dev/null 2>&1
for _ in $(seq 60); do ceph osd stat 2>/dev/null | grep -q '1 up' && break; sleep 0.5; done
timeout --foreground 60 radosgw-admin -c "$conf" -n client.rgw user create --uid telecine \
  --display-name telecine --access-key "$RGW_ACCESS_KEY" --secret "$RGW_SECRET_KEY" \
  >"$base/user.json" 2>"$base/log/admin.err"
timeout --foreground 60 radosgw -c "$conf" -n client.rgw </dev/null >"$base/log/rgw.out" 2>&1
for _ in $(seq 120); do
  (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && exit 0
  sleep 0.5
done
echo "radosgw does not answer" >&2
exit 1
