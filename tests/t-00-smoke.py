"""Smoke: the program that was built starts, answers and ends, for the release build as well."""

import json
import socket
import subprocess
from pathlib import Path

from lab.ca import Ca
from lab.internet import Internet
from lab.policy_host import policy
from lab.postseal import Postseal, command
from lab.process import Daemon, run
from lab.scene import expect, wait_for

LIMIT_S = 60

REPORT = {
    "organization-name": "Sender", "contact-info": "tls@sender.test", "report-id": "2026-11-23-kestrel",
    "date-range": {"start-datetime": "2026-11-23T00:00:00Z", "end-datetime": "2026-11-23T23:59:59Z"},
    "policies": [{
        "policy": {"policy-type": "sts", "policy-domain": "kestrel.test", "mx-host": ["mx.kestrel.test"],
                   "policy-string": ["version: STSv1", "mode: enforce", "mx: mx.kestrel.test", "max_age: 86400"]},
        "summary": {"total-successful-session-count": 7, "total-failure-session-count": 2},
        "failure-details": [{"result-type": "certificate-expired", "sending-mta-ip": "192.0.2.1",
                             "receiving-mx-hostname": "mx.kestrel.test", "receiving-ip": "192.0.2.2",
                             "failed-session-count": 2}],
    }],
}


def play(lab):
    with lab.step("lint: a good policy is valid and matches its MX, a bad one is refused with a place and a reason"):
        good = json.loads(command(lab, "lint", "policy", "--json", "--mx", "a.mx.kestrel.test",
                                  input=policy("enforce", "*.mx.kestrel.test")).stdout)
        expect(good["valid"] and good["policy"]["mode"] == "enforce" and good["matches"] == {"a.mx.kestrel.test": True}, f"{good}")
        bad = json.loads(command(lab, "lint", "policy", "--json", ok=(1,),
                                 input=policy("enforce", "mx.kestrel.test", max_age="soon")).stdout)
        problem = next(problem for problem in bad["problems"] if problem["severity"] == "error")
        expect(not bad["valid"] and bad["policy"] is None and problem["line"] == 4 and "max_age" in problem["message"], f"{bad}")

    with lab.step("a word that is no command is named, also where help on it is wanted"):
        for argv in (["lint", "polcy"], ["lint", "polcy", "--help"], ["serf", "--help"]):
            expect(f'"{argv[-2] if argv[-1] == "--help" else argv[-1]}" is no command' in command(lab, *argv, ok=(2,)).stderr, f"{argv}")

    with lab.step("report show: a report as JSON, garbage as an error"):
        file = lab.artefacts / "report.json"
        file.write_text(json.dumps(REPORT))
        shown = json.loads(command(lab, "report", "show", "--json", file).stdout)
        policies = shown[0]["report"]["policies"]
        expect(shown[0]["ok"] and policies[0]["failed"] == 2 and policies[0]["failures"][0]["type"] == "certificate-expired", f"{shown}")
        file.write_text('{"organization-name": ')
        shown = json.loads(command(lab, "report", "show", "--json", file, ok=(1,)).stdout)
        expect(not shown[0]["ok"] and shown[0]["error"], f"{shown}")

    with lab.step("report import: history comes in before the first start"):
        file.write_text(json.dumps(REPORT))
        fresh = lab.artefacts / "fresh.toml"
        fresh.write_text(f'state_dir = "{lab.place("fresh")}/below"\n')
        for stored, known in ((1, 0), (0, 1)):
            done = json.loads(command(lab, "report", "import", "--config", fresh, "--json", file).stdout)
            expect(done == {"read": 1, "stored": stored, "duplicates": known, "rejected": []}, f"{done}")

    with lab.step("an answer that does not fit on the disk is not taken for given"):
        with open("/dev/full", "w") as full:
            done = subprocess.run([lab.binary, "report", "show", "--json", file], stdout=full, stderr=subprocess.PIPE, text=True)
        expect(done.returncode == 2 and "standard output: No space left on device" in done.stderr, f"{done}")

    with lab.step("policyd starts with nothing but an address to listen on, answers socketmap, and ends"):
        internet = Internet(lab).start()
        daemon = Postseal(lab, internet, Ca(lab).file, {"policyd": {"listen": ["127.0.0.1:8461"]}}, verb="policyd").start()
        expect(socketmap("QUERY nobody.test") == "NOTFOUND ", "a domain that does not exist has no policy")
        expect(socketmap("QUERY [192.0.2.1]:25") == "NOTFOUND ", "an address literal has no policy")
        daemon.stop()

    with lab.step("literally: state in /var/lib, and a machine without dns-root-data"):
        for folder in ("/var/lib", "/usr/share/dns"):  # the scene's own mounts, so nobody else's
            Path(folder).mkdir(exist_ok=True)
            run(["mount", "-t", "tmpfs", "empty", folder])
        bare = lab.artefacts / "bare.toml"
        bare.write_text('[policyd]\nlisten = "127.0.0.1:8461"\n')
        daemon = Daemon(lab, "postseal-bare", [lab.binary, "policyd", "--config", bare], stdout_name="postseal-bare-stdout").start()
        daemon.stdout.wait("^ready$", within_s=60, alive=daemon.alive)
        expect(socketmap("QUERY [192.0.2.1]") == "NOTFOUND ", "it answers")
        daemon.log.wait("bare.toml: resolver.trust_anchor_file: .* is not there: the root's keys that were known")
        expect(Path("/var/lib/postseal").stat().st_mode & 0o777 == 0o700 and Path("/var/lib/postseal/postseal.db").exists(), "its state")
        refused = command(lab, "policyd", "--config", bare, ok=(2,)).stderr
        expect("another postseal is running on this state_dir" in refused, refused)
        expect(daemon.stop() == 0, "it ends")

    with lab.step("a wrong configuration is refused with file, line and key"):
        broken = lab.artefacts / "broken.toml"
        broken.write_text('[policyd]\nlisten = "127.0.0.1:8461"\nlissen = 3\n')
        done = command(lab, "policyd", "--config", broken, ok=(2,))
        expect(f"{broken}:3: policyd.lissen:" in done.stderr, f"it said: {done.stderr}")


def socketmap(request: str) -> str:
    with socket.create_connection(("127.0.0.1", 8461), timeout=30) as conn:
        conn.sendall(b"%d:%s," % (len(request), request.encode()))
        data = b""

        def whole():
            nonlocal data
            data += conn.recv(65536)
            length, _, rest = data.partition(b":")
            return length.isdigit() and len(rest) == int(length) + 1 and rest[:-1].decode()

        return wait_for(whole, f"a reply to {request}")
