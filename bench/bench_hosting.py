"""The policy host: what a new TLS 1.3 connection with one policy costs among 100,000 names, beside nginx with ONE certificate in
the same run; the memory of a name; the start; and how soon a new domain is served.

nginx (Debian's nginx-light) answers from its configuration with the certificate of the first name; all its workers are counted.
Both are asked by the same generator, in turns; a pair of rounds makes one ratio.
"""

import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from processes import BENCH, POSTSEAL, Program, free_port, tool

BODY = r"version: STSv1\r\nmode: enforce\r\nmx: mx1.d0.example.test\r\nmx: mx2.d0.example.test\r\nmax_age: 604800\r\n"
PATTERN = "mta-sts.d%d.example.test"


def say(text):
    print(text, flush=True)


def cpu_s(pids):
    """To the microsecond, unlike /proc: each process's CPU clock (clock_getcpuclockid(3))."""
    return sum(time.clock_gettime(~pid << 3 | 2) for pid in pids)


def rss(pid):
    return next(int(line.split()[1]) * 1024 for line in Path(f"/proc/{pid}/status").read_text().splitlines()
                if line.startswith("VmRSS:"))


class PolicyHost(Program):
    """postseal serve with the policy host alone."""

    def __init__(self, folder):
        self.port = free_port()
        config = folder / "serve.toml"
        config.write_text(f"""state_dir = "{folder}"
roles = ["policy-host"]
log_level = "error"
[hosting]
zone = "sts.bench.test"
addresses = ["192.0.2.1"]
[policy_host]
https_listen = "127.0.0.1:{self.port}"
http_listen = "127.0.0.1:0"
connections_per_address = 0
""")
        super().__init__(POSTSEAL, "serve", "--config", config, log=folder / "serve.log")

    @property
    def pids(self):
        return [self.pid]


class Nginx:
    def __init__(self, folder, certificate, key):
        self.port = free_port()
        config = folder / "nginx.conf"
        config.write_text(f"""daemon off;
worker_processes auto;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log crit;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  default_type text/plain;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_session_tickets off;
  ssl_session_cache off;
  server {{
    listen 127.0.0.1:{self.port} ssl backlog=1024;
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    location = /.well-known/mta-sts.txt {{ return 200 "{BODY}"; }}
  }}
}}
""")
        self.process = subprocess.Popen([shutil.which("nginx") or "/usr/sbin/nginx", "-c", config, "-e", folder / "nginx-start.log"])
        for _ in range(200):
            run = fetch(self.port, "mta-sts.d0.example.test", 1, count=1)
            if run["errors"] == 0:
                break
            time.sleep(0.05)
        else:
            raise RuntimeError("nginx does not answer")

    @property
    def pids(self):
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [self.process.pid, *map(int, children)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)


def fetch(port, pattern, names, **options):
    return tool("tls_load", port, pattern, names, *(f"{key}={value}" for key, value in options.items()))


def cost(server, pattern, names, count, seed):
    before = cpu_s(server.pids)
    run = fetch(server.port, pattern, names, count=count, threads=8, seed=seed)
    if run["errors"]:
        raise RuntimeError(f"{run['errors']} of {run['fetches']} fetches failed")
    return (cpu_s(server.pids) - before) / run["fetches"] * 1e6, run


def world(folder, names):
    folder.mkdir()
    subprocess.run([BENCH / "hosting_world", folder, str(names), folder / "one.pem", folder / "one.key"], check=True)
    return folder


def run(goals, quick):
    names, rounds, count = (10_000, 3, 2_000) if quick else (100_000, 7, 4_000)
    figures = {"names": names}
    with tempfile.TemporaryDirectory(prefix="postseal-bench-") as name:
        root = Path(name)
        say(f"a state with {names} names, a key and a certificate each")
        full, empty = world(root / "full", names), world(root / "empty", 1)
        starts = []
        for _ in range(3):
            with PolicyHost(full) as server:
                starts.append(server.ready_after_s)
        say(f"  start: {', '.join(f'{s:.2f}' for s in starts)} s")
        with PolicyHost(full) as ours, PolicyHost(empty) as bare, Nginx(root, full / "one.pem", full / "one.key") as nginx:
            # Warm: allocators, code, caches; the bare one for a fair difference of memory.
            cost(ours, PATTERN, names, count, 99)
            cost(bare, "mta-sts.d0.example.test", 1, count, 99)
            cost(nginx, "mta-sts.d0.example.test", 1, count, 99)
            ours_us, nginx_us, one_us, p99 = [], [], [], []
            for turn in range(rounds):
                def measure_ours(turn=turn):
                    us, done = cost(ours, PATTERN, names, count, turn + 1)
                    ours_us.append(us)
                    p99.append(done["p99_us"])

                def measure_nginx(turn=turn):
                    nginx_us.append(cost(nginx, "mta-sts.d0.example.test", 1, count, turn + 1)[0])
                for measure in (measure_ours, measure_nginx) if turn % 2 == 0 else (measure_nginx, measure_ours):
                    measure()
                one_us.append(cost(ours, "mta-sts.d0.example.test", 1, count, turn + 1)[0])
            ratio = statistics.median(a / b for a, b in zip(ours_us, nginx_us))
            per_name = (rss(ours.pid) - rss(bare.pid)) / names
        say(f"  a connection and a policy: {statistics.median(ours_us):.0f} us CPU over all names, {statistics.median(one_us):.0f} "
            f"us with one; nginx with one {statistics.median(nginx_us):.0f} us; {per_name:.0f} bytes a name")
        live = tool("hosting_live", full, names, 20)
        say(f"  a new domain is served after {statistics.median(live['milliseconds']):.1f} ms, at most "
            f"{max(live['milliseconds']):.1f}; loading took {live['load_seconds']:.2f} s")
    figures.update(start_s=starts, ours_us=ours_us, nginx_us=nginx_us, one_name_us=one_us, p99_us=p99, bytes_per_name=per_name,
                   live=live)
    goals.at_most("policy-connection-cpu", ratio, 1.0, " x nginx with one certificate")
    goals.at_most("memory-of-a-name", per_name, 3 * 1024, " bytes")
    goals.at_most("start-with-all-names", statistics.median(starts), 1, " s")
    goals.at_most("new-domain-live", max(live["milliseconds"]) / 1000, 1, " s")
    return figures
