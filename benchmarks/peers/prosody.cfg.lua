-- Prosody with BOSH for one benchmark run; the marks are filled in by prosody.py.
run_as_root = true
daemonize = false
pidfile = "@FOLDER@/prosody.pid"
data_path = "@FOLDER@"
log = { error = "@FOLDER@/prosody.log" }
modules_enabled = { "bosh", "saslauth", "roster" }
modules_disabled = { "s2s", "c2s", "offline", "tls" }
http_interfaces = { "127.0.0.1" }
http_ports = { @PORT@ }
https_ports = { }
consider_bosh_secure = true
-- Long enough for every session to be made before the first of them is polled.
bosh_max_inactivity = 300
-- Idle connections must outlive the hold of a poll and the making of the sessions.
network_settings = { read_timeout = 300, tcp_backlog = 4096, nagle = false }
-- The default collector works through the whole heap again and again, which with thousands of sessions is most of the time.
gc = { mode = "generational" }
storage = "memory"

VirtualHost "localhost"
    authentication = "anonymous"
