"""seed|fetch PORT TORRENT FOLDER [PEER]: one session of libtorrent that shares one torrent."""

import os
import sys

import libtorrent as lt

role, port, torrent, folder = sys.argv[1:5]
session = lt.session({
    "listen_interfaces": f"0.0.0.0:{port}",
    "alert_mask": lt.alert.category_t.status_notification
    | lt.alert.category_t.error_notification
    | lt.alert.category_t.storage_notification,
    # TCP only, in the clear, nothing else looked for.
    "enable_dht": False,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "enable_incoming_utp": False,
    "enable_outgoing_utp": False,
    "in_enc_policy": 2,
    "out_enc_policy": 2,
    "mixed_mode_algorithm": 0,
    "rate_limit_ip_overhead": False,
    "allow_multiple_connections_per_ip": True,
    # What measured best on two cores. The seeder does not trust the file blindly (seed_mode): it
    # would hash each piece when it is first asked for.
    "aio_threads": 1,
    "hashing_threads": 1,
    "tick_interval": 100,
    "max_queued_disk_bytes": 16 << 20,
    "send_socket_buffer_size": 4 << 20,
    "recv_socket_buffer_size": 4 << 20,
    "send_buffer_watermark": 1 << 20,
    "send_buffer_low_watermark": 512 << 10,
    "send_buffer_watermark_factor": 150,
    "max_out_request_queue": 1500,
    "max_allowed_in_request_queue": 4000,
    "request_queue_time": 10,
    "unchoke_slots_limit": 16,
})
params = lt.add_torrent_params()
params.ti = lt.torrent_info(torrent)
params.save_path = folder
if role == "fetch":
    params.peers = [(sys.argv[5], int(port))]
print("began", flush=True)
handle = session.add_torrent(params)


def wait_for(kind):
    while True:
        session.wait_for_alert(60_000)
        for alert in session.pop_alerts():
            if isinstance(alert, kind):
                return
            if isinstance(alert, (lt.torrent_error_alert, lt.file_error_alert)):
                sys.exit(alert.message())


if role == "seed":
    while not handle.status().is_seeding:
        session.wait_for_alert(10)
        session.pop_alerts()
    print("seeding", flush=True)
    while True:
        session.wait_for_alert(60_000)
        session.pop_alerts()
wait_for(lt.torrent_finished_alert)
handle.flush_cache()
wait_for(lt.cache_flushed_alert)
os._exit(0)
