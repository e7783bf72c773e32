"""The policy host against those who come: senders of many names, a load balancer, slow and greedy clients, names that are
not ours, and a restart under load. Who has fetched which policy is known afterwards, and who may still hold it.

The clients are curl, openssl s_client and plain sockets. The balancer is an address, 127.0.0.60, from which every connection
begins with a PROXY header; as with systemd, the listening sockets are held outside the program, so that a restart closes none.
"""

import contextlib
import socket
import ssl
import struct
import threading

from lab.installation import INTAKE, POLICY_HOST, Customer, Installation
from lab.poller import fetch_policy
from lab.process import run
from lab.scene import expect, wait_for

LIMIT_S = 300

MX = "127.0.0.21"
BALANCER = "127.0.0.60"
PATH = "/.well-known/mta-sts.txt"
PER_ADDRESS, CONNECTIONS = 20, 60
METRICS = "127.0.0.50"


def listening(port: int) -> socket.socket:
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind((POLICY_HOST, port))
    held.listen(1024)
    return held


def curl(place, domain: str, *more, agent: str = "", source: str = "") -> str:
    """The policy as curl fetches it, with a User-Agent and from an address."""
    host = f"mta-sts.{domain}"
    words = ["curl", "--silent", "--show-error", "--fail", "--cacert", place.roots, "--resolve", f"{host}:443:{POLICY_HOST}"]
    words += ["--user-agent", agent] if agent else []
    words += ["--interface", source] if source else []
    return run([*words, *more, f"https://{host}{PATH}"]).stdout


def proxied(place, domain: str, header: bytes, agent: str) -> str:
    """The policy through the balancer: a PROXY header, then TLS."""
    host = f"mta-sts.{domain}"
    context = ssl.create_default_context(cafile=str(place.roots))
    raw = socket.create_connection((POLICY_HOST, 443), timeout=20, source_address=(BALANCER, 0))
    raw.sendall(header)
    with context.wrap_socket(raw, server_hostname=host) as tls:
        tls.sendall(f"GET {PATH} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: tls.recv(4096), b"")).decode()


def v2_header(client: str) -> bytes:
    addresses = socket.inet_aton(client) + socket.inet_aton(POLICY_HOST) + struct.pack(">HH", 40000, 443)
    return b"\r\n\r\n\0\r\nQUIT\n\x21\x11" + struct.pack(">H", len(addresses)) + addresses


def metrics() -> dict:
    with socket.create_connection((METRICS, 9464), timeout=10) as conn:
        conn.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        text = b"".join(iter(lambda: conn.recv(65536), b"")).decode()
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
            if line.startswith("postseal_policy_host")}


def of_https(name: str) -> float:
    return metrics()[f'postseal_policy_host_{name}{{listener="https"}}']


def rss_kib(pid: int) -> int:
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def sanitized(pid: int) -> bool:
    with open(f"/proc/{pid}/maps") as maps:
        return "libasan" in maps.read()


def closed(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


class Load:
    """Senders that fetch without a pause; every failure is kept."""

    def __init__(self, place, domain: str, threads: int = 3):
        self.failures, self.fetched = [], 0
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(place, domain), daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def _run(self, place, domain):
        while not self._stop.is_set():
            try:
                fetch_policy(domain, POLICY_HOST, place.roots)
                with self._lock:
                    self.fetched += 1
            except Exception as error:
                self.failures.append(repr(error))

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join(60)


def play(lab):
    with lab.step("an installation whose sockets are held outside takes two domains in"):
        place = Installation(lab)
        domains = [Customer(place.internet, name, MX) for name in ("kestrel.test", "merlin.test")]
        domain = domains[0].name
        place.start(held=[listening(443), listening(80)], policy_host={
            "https_listen": [f"{POLICY_HOST}:443"], "http_listen": [f"{POLICY_HOST}:80", f"{INTAKE}:80"],
            "proxy_protocol_from": [BALANCER], "connections_per_address": PER_ADDRESS, "connections_max": CONNECTIONS,
            "fetch_log_addresses": "full"}, metrics={"listen": [f"{METRICS}:9464"]})
        postseal = place.postseal
        for customer in domains:
            place.move_in(customer)

    def fetches(name: str = domain) -> dict:
        return postseal.json("domain", "fetches", name)

    def senders(name: str = domain) -> dict:
        return {sender["sender"]: sender for version in fetches(name)["versions"] for sender in version["senders"]}

    with lab.step("HTTPS-017, HTTPS-018: each name has its own certificate and policy; another's name, or none, is an alert"):
        for customer in domains:
            body = curl(place, customer.name, agent="mox/v0.0.15")
            expect(f"mx: mx.{customer.name}" in body, f"the policy of {customer.name}: {body}")
        for words in (["-servername", "mta-sts.nobody.test"], ["-noservername"]):
            refused = run(["openssl", "s_client", "-connect", f"{POLICY_HOST}:443", *words], ok=None)
            expect(refused.returncode != 0 and "unrecognized name" in refused.stderr + refused.stdout,
                   f"s_client {words}: {refused.stderr[-300:]}")
        for version, good in (("-tls1_1", False), ("-tls1_2", True), ("-tls1_3", True)):
            done = run(["openssl", "s_client", "-connect", f"{POLICY_HOST}:443", "-servername", f"mta-sts.{domain}", version,
                        "-CAfile", place.roots, "-verify_return_error", "-cipher", "DEFAULT@SECLEVEL=0"], ok=None, input="")
            expect((done.returncode == 0) == good, f"s_client {version}: {done.stderr[-300:]}")
            expect(not good or "New, TLSv1" in done.stdout, f"a new session, no resumption: {done.stdout[-400:]}")

    with lab.step("STS-025, HTTPS-019: one resource, text/plain, without cookies and redirects; the rest is 404"):
        head = curl(place, domain, "--head", agent="Hardenize")
        expect("content-type: text/plain" in head.lower() and "max-age=60" in head, f"headers: {head}")
        expect("set-cookie" not in head.lower() and "location" not in head.lower(), f"no cookie, no redirect: {head}")
        host = f"mta-sts.{domain}"
        for path in ("/", PATH + "?x", "/.well-known/MTA-STS.txt", "/.well-known/acme-challenge/x"):
            status = run(["curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "--path-as-is", "--cacert",
                          place.roots, "--resolve", f"{host}:443:{POLICY_HOST}", f"https://{host}{path}"]).stdout
            expect(status == "404", f"{path}: {status}")
        # Another customer's Host in this one's connection.
        context = ssl.create_default_context(cafile=str(place.roots))
        with context.wrap_socket(socket.create_connection((POLICY_HOST, 443), timeout=10), server_hostname=host) as tls:
            tls.sendall(f"GET {PATH} HTTP/1.1\r\nHost: mta-sts.{domains[1].name}\r\nConnection: close\r\n\r\n".encode())
            expect(b" 404 " in tls.recv(4096).split(b"\r\n")[0], "not within this name's connection")

    with lab.step("who has fetched it is known by name, address and version; a HEAD and our own reading back are no fetch"):
        curl(place, domain, agent="postfix-tlspol/1.8.0", source="127.0.0.71")
        curl(place, domain, agent="postfix-tlspol/1.8.0", source="127.0.0.72")
        curl(place, domain, agent="Google-SMTP-STS", source="127.0.0.73")
        curl(place, domain, agent="Some-Thing_2/1", source="127.0.0.74")
        seen = wait_for(lambda: found if "some-thing_2" in (found := senders()) else None, "the fetches in the log")
        expect({"mox", "postfix-tlspol", "google", "some-thing_2"} <= set(seen), f"senders: {sorted(seen)}")
        expect(not {"hardenize", "postseal-read-back", "postseal"} & set(seen), f"no fetch: {sorted(seen)}")
        expect((seen["google"]["name"], seen["google"]["kind"]) == ("Google", "provider"), f"{seen['google']}")
        expect(seen["google"]["networks"] == ["127.0.0.73"], f"{seen['google']}")
        log = fetches()
        tlspol = [s for v in log["versions"] for s in v["senders"] if s["sender"] == "postfix-tlspol"]
        expect(len(tlspol) == 2 and all(s["fetches"] == 1 for s in tlspol), f"two servers, two senders: {tlspol}")
        expect(log["complete_since"] and not log["gaps"] and log["versions"][0]["complete"], f"complete: {log}")
        expect(set(senders(domains[1].name)) == {"mox"}, "another domain's fetches stay apart")
        text = postseal.command("domain", "fetches", domain, "--config", postseal.config_file).stdout
        expect("Google" in text and "127.0.0.73" in text and "every fetch is known" in text, f"domain fetches: {text}")

    with lab.step("behind the balancer the client is who the PROXY header says; without a header there is no connection"):
        for header, agent in ((b"PROXY TCP4 192.0.2.11 198.51.100.2 4000 443\r\n", "kumomta/1"), (v2_header("192.0.2.12"), "maddy/1")):
            answer = proxied(place, domain, header, agent)
            expect(" 200 " in answer.splitlines()[0], f"through the balancer: {answer[:200]}")
        seen = wait_for(lambda: found if "maddy" in (found := senders()) else None, "the client's address in the log")
        expect(seen["kumomta"]["networks"] == ["192.0.2.11"] and seen["maddy"]["networks"] == ["192.0.2.12"], f"{seen}")
        for header in (b"", b"PROXY nonsense\r\n"):
            try:
                proxied(place, domain, header, "x")
                expect(False, f"let in with {header!r}")
            except OSError:
                pass
        expect(of_https("bad_proxy_headers_total") == 2, f"counted: {metrics()}")
        forged = socket.create_connection((POLICY_HOST, 443), timeout=10)
        forged.sendall(b"PROXY TCP4 192.0.2.99 198.51.100.2 4000 443\r\n")
        expect(wait_for(lambda: closed(forged), "nobody else may say whom he speaks for"), "")

    with lab.step("a client that opens too many connections loses the newest, and nobody else any"):
        greedy = [socket.create_connection((POLICY_HOST, 443), timeout=10, source_address=("127.0.0.81", 0))
                  for _ in range(PER_ADDRESS + 10)]
        wait_for(lambda: sum(closed(one) for one in greedy) == 10, "those over the limit are closed, and no more")
        expect(of_https("refused_by_address_total") == 10, f"counted: {metrics()}")
        expect("STSv1" in curl(place, domain, agent="mox/1", source="127.0.0.82"), "another address is served")
        for one in greedy:
            one.close()

    with lab.step("slow clients that hold every connection give way to whoever wants a policy"):
        slow = []
        for number in range(CONNECTIONS + 20):
            with contextlib.suppress(OSError):
                one = socket.create_connection((POLICY_HOST, 443), timeout=10, source_address=(f"127.0.1.{number + 1}", 0))
                one.sendall(b"\x16\x03\x01\x02")  # the beginning of a ClientHello that never ends
                slow.append(one)
        for _ in range(5):
            expect("STSv1" in curl(place, domain, agent="mox/1", source="127.0.0.82"), "served at once")
        expect(of_https("gave_way_total") > 0 and of_https("refused_full_total") == 0, f"{metrics()}")
        for one in slow:
            one.close()

    with lab.step("a flood of names that are not ours orders nothing and costs no memory"):
        failed, resident = of_https("handshakes_failed_total"), 0
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

        def flood(begin: int, count: int):
            for number in range(begin, begin + count):
                with contextlib.suppress(OSError):
                    context.wrap_socket(socket.create_connection((POLICY_HOST, 443), timeout=20),
                                        server_hostname=f"mta-sts.n{number}.flood.test")
        flood(0, 300)
        resident = rss_kib(postseal.pid)
        flood(300, 1200)
        expect(of_https("handshakes_failed_total") - failed >= 1500, "each is an alert")
        grown = rss_kib(postseal.pid) - resident
        # A sanitizer keeps what was freed.
        expect(grown < 8 * 1024 or sanitized(postseal.pid), f"{grown} KiB more after 1,200 unknown names")
        wait_for(lambda: metrics()["postseal_policy_host_names"] == 3, "three names have certificates: two domains and the intake")
        expect(lab.log("pebble").lines(r"mta-sts\.kestrel\.test") and not lab.log("pebble").lines(r"flood\.test"), "no order")

    with lab.step("a restart under load: not one fetch fails, and the log stays complete"):
        load = Load(place, domain)
        wait_for(lambda: load.fetched > 20, "the load runs", 60)
        for _ in range(2):
            before = load.fetched
            postseal.stop()
            postseal.start()
            wait_for(lambda before=before: load.fetched > before + 20, "fetches after the restart", 60)
        load.stop()
        expect(not load.failures, f"{len(load.failures)} of {load.fetched} failed: {load.failures[:3]}")
        fetched = wait_for(lambda: found if (found := senders().get("unknown")) and found["fetches"] >= load.fetched else None,
                           "every fetch of the load is in the log")
        expect(fetched["fetches"] == load.fetched, f"{load.fetched} fetched, {fetched['fetches']} in the log")
        expect(not fetches()["gaps"], f"no gap: {fetches()['gaps']}")

    with lab.step("who may still hold the old policy: what was fetched, until its max_age has run out"):
        postseal.command("domain", "mode", domain, "enforce", "--override", "the scene does not wait", "--config",
                         postseal.config_file, within_s=90)
        place.wait_state(domain, "enforce")
        curl(place, domain, agent="Google-SMTP-STS", source="127.0.0.73")
        enforce = wait_for(lambda: found if (found := fetches()["versions"][0])["senders"] else None, "the new version is fetched")
        expect(enforce["mode"] == "enforce" and [s["sender"] for s in enforce["senders"]] == ["google"], f"{enforce}")
        held = postseal.json("domain", "show", domain)["holding"]
        expect(held["senders"] == 1 and held["enforce_until"], f"one sender may enforce: {held}")
        postseal.command("domain", "mode", domain, "none", "--config", postseal.config_file, within_s=90)

        def left():
            log = fetches()
            return log["versions"][1]["served_until"] and log["versions"][1]
        old = wait_for(left, "the version is replaced")
        expect(old["senders"][0]["may_hold_until"] == old["held_until"] or not old["complete"], f"held until: {old}")
        old = wait_for(lambda: found if (found := fetches()["versions"][1])["complete"] else None, "its time is fully logged", 60)
        expect(old["held_until"] == old["senders"][0]["may_hold_until"], f"proven by the last fetch: {old}")

    with lab.step("a killed process leaves a gap, and the log says so"):
        postseal.kill()
        postseal.start()
        log = wait_for(lambda: found if (found := fetches())["gaps"] else None, "a gap")
        expect(len(log["gaps"]) == 1 and log["gaps"][0]["lost"] is None, f"{log['gaps']}")
        expect(not log["versions"][0]["complete"], "the version that was being served may have been fetched meanwhile")
