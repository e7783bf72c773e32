"""The store on PostgreSQL: what holds on SQLite holds there, two daemons share what they learn, and a server that comes and
goes stops no lookup.
"""

from lab.ca import Ca
from lab.internet import Internet
from lab.policy_host import PolicyHost, Site, policy
from lab.postgres import Postgres
from lab.postseal import Postseal
from lab.process import run
from lab.scene import expect, wait_for
from lab.socketmap import ask

LIMIT_S = 180

POLICY_HOST, MX = "127.0.0.30", "127.0.0.21"
PROGRAMS = ["store", "hosting", "intake", "console"]


def play(lab):
    with lab.step("PostgreSQL runs, and its one user has a password"):
        server = Postgres(lab).create().start()
        server.sql("CREATE DATABASE postseal", "postgres")

    with lab.step(f"the tests of {', '.join(PROGRAMS)} pass on it"):
        for name in PROGRAMS:
            done = run([lab.binary.parent / "src" / name / f"{name}_test", "--gtest_brief=1"], within_s=120,
                       env={"POSTSEAL_TEST_POSTGRES": server.url()}, ok=None)
            (lab.artefacts / f"{name}_test.log").write_text(done.stdout + done.stderr)
            expect(done.returncode == 0, f"{name}_test: {done.stdout[-800:]}")
        schemas = int(server.sql("SELECT COUNT(*) FROM pg_namespace WHERE nspname LIKE 'test\\_%'"))
        expect(schemas > 20, f"each test had a schema of its own there: {schemas}")

    with lab.step("policyd keeps its policies in it"):
        ca = Ca(lab)
        internet = Internet(lab)
        policies = PolicyHost(lab, POLICY_HOST)
        domains = [f"{name}.test" for name in ("kestrel", "merlin", "osprey", "harrier")]
        zones = {}
        for domain in domains:
            zone = zones[domain] = internet.domain(domain, signed=False)
            zone.set("@", "MX", f"10 mx.{domain}.")
            zone.set("mx", "A", MX)
            zone.set("mta-sts", "A", POLICY_HOST)
            zone.set("_mta-sts", "TXT", '"v=STSv1; id=1;"')
            policies.sites[f"mta-sts.{domain}"] = Site(ca.leaf(f"mta-sts.{domain}"), policy("enforce", f"mx.{domain}"))
        internet.start()

        def daemon(name: str, address: tuple) -> Postseal:
            return Postseal(lab, internet, ca.file, {
                "policyd": {"listen": [f"{address[0]}:{address[1]}"], "id_recheck_min_s": 1}, "store": {"url": server.url()}},
                name=name, verb="policyd").start()
        here, there = ("127.0.0.1", 8461), ("127.0.0.1", 8462)
        one, other = daemon("postseal", here), daemon("postseal-other", there)
        kestrel, merlin, osprey, harrier = domains
        secure = {domain: f"OK secure match=mx.{domain} servername=hostname" for domain in domains}

        def kept(domain):
            return server.sql(f"SELECT COUNT(*) FROM policy_cache WHERE domain = '{domain}'") == "1"

        def fetched(domain):
            return sum(1 for host, _ in list(policies.requests) if host == f"mta-sts.{domain}")
        expect(ask(kestrel, address=here) == secure[kestrel], "fetched and answered")
        wait_for(lambda: kept(kestrel), "the row")

    with lab.step("the other daemon knows what the one has fetched, and holds it when the record is hidden from it"):
        zones[kestrel].drop("_mta-sts", "TXT")
        internet.publish(zones[kestrel])
        wait_for(lambda: ask(kestrel, address=there) == secure[kestrel], "told by the feed")
        expect(fetched(kestrel) == 1, "and fetched by one alone")

    with lab.step("what the owner changes reaches the one, and through it the other"):
        expect(ask(harrier, address=there) == secure[harrier] and ask(harrier, address=here) == secure[harrier], "enforced")
        site = policies.sites[f"mta-sts.{harrier}"]
        site.body = policy("enforce", f"mx2.{harrier}")
        zones[harrier].set("_mta-sts", "TXT", '"v=STSv1; id=2;"')
        internet.publish(zones[harrier])
        changed = f"OK secure match=mx2.{harrier} servername=hostname"
        wait_for(lambda: ask(harrier, address=here) == changed, "seen by the one")
        policies.close()  # the other could not fetch it now
        wait_for(lambda: ask(harrier, address=there) == changed, "known to the other")
        policies.listen_again()

    with lab.step("what is purged at the one is purged at the other"):
        zones[harrier].drop("_mta-sts", "TXT")
        internet.publish(zones[harrier])

        def forgotten():
            # Again where a lookup that was under way at the other has brought the policy back: it is the newer word.
            one.command("cache", "purge", harrier, "--config", one.config_file, ok=None)
            return ask(harrier, address=there) == "NOTFOUND " and not kept(harrier)
        wait_for(forgotten, "nobody remembers it")

    with lab.step("an override given to the one holds at the other, and is lifted there too"):
        one.command("cache", "override", "add", kestrel, "encrypt", "--reason", "their certificate has run out",
                    "--config", one.config_file)
        wait_for(lambda: ask(kestrel, address=there) == "OK encrypt", "told by the feed")
        expect(ask(kestrel, address=here) == "OK encrypt", "and at once at the one that was told")
        one.command("cache", "override", "remove", kestrel, "--config", one.config_file)
        wait_for(lambda: ask(kestrel, address=there) == secure[kestrel], "lifted")

    with lab.step("the server goes away: what is known and what is new is answered all the same"):
        server.stop()
        expect(ask(kestrel, address=here) == secure[kestrel], "known")
        expect(ask(merlin, address=here) == secure[merlin], "new")
        one.log.wait(r"are only in memory: database: ")

    with lab.step("it returns: what was learnt meanwhile is kept, and the other daemon hears of it"):
        zones[merlin].drop("_mta-sts", "TXT")
        internet.publish(zones[merlin])
        server.start()
        wait_for(lambda: kept(merlin), "the row")
        one.log.wait("the store takes changes again")
        wait_for(lambda: ask(merlin, address=there) == secure[merlin], "known to the other, which could not have fetched it")
        expect(ask(osprey, address=there) == secure[osprey], "new again")
        wait_for(lambda: kept(osprey), "the row")

    with lab.step("kill -9 and a start with every policy host dead: enforcement holds"):
        policies.close()
        one.kill()
        one.start()
        for domain in (kestrel, merlin, osprey):
            expect(ask(domain, address=here) == secure[domain], f"{domain} from the database")

    with lab.step("no database at the start is an error that names it, and no password is in it"):
        one.stop()
        server.stop()
        done = one.command("policyd", "--config", one.config_file, ok=None)
        expect(done.returncode != 0 and "127.0.0.1" in done.stderr and "5432" in done.stderr, f"{done.returncode}: {done.stderr}")
        text = "".join(path.read_text(errors="replace") for path in lab.artefacts.glob("postseal*.log"))
        expect("correct horse" not in text, "no log has the password")
