"""The store on PostgreSQL: what holds on SQLite holds there, and a server that comes and goes stops no lookup."""

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
        domains = [f"{name}.test" for name in ("kestrel", "merlin", "osprey")]
        for domain in domains:
            zone = internet.domain(domain, signed=False)
            zone.set("@", "MX", f"10 mx.{domain}.")
            zone.set("mx", "A", MX)
            zone.set("mta-sts", "A", POLICY_HOST)
            zone.set("_mta-sts", "TXT", '"v=STSv1; id=1;"')
            policies.sites[f"mta-sts.{domain}"] = Site(ca.leaf(f"mta-sts.{domain}"), policy("enforce", f"mx.{domain}"))
        internet.start()
        daemon = Postseal(lab, internet, ca.file, {
            "policyd": {"listen": ["127.0.0.1:8461"]}, "store": {"url": server.url()}}, verb="policyd").start()
        kestrel, merlin, osprey = domains
        secure = {domain: f"OK secure match=mx.{domain} servername=hostname" for domain in domains}

        def kept(domain):
            return server.sql(f"SELECT COUNT(*) FROM policy_cache WHERE domain = '{domain}'") == "1"
        expect(ask(kestrel) == secure[kestrel], "fetched and answered")
        wait_for(lambda: kept(kestrel), "the row")
        expect(server.sql("SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'") > "0", "its tables")

    with lab.step("the server goes away: what is known and what is new is answered all the same"):
        server.stop()
        expect(ask(kestrel) == secure[kestrel], "known")
        expect(ask(merlin) == secure[merlin], "new")
        daemon.log.wait(r"database: .*in: ")

    with lab.step("it returns: what comes is kept"):
        server.start()
        expect(ask(osprey) == secure[osprey], "new again")
        wait_for(lambda: kept(osprey), "the row")

    with lab.step("kill -9 and a start with every policy host dead: enforcement holds"):
        policies.close()
        daemon.kill()
        daemon.start()
        for domain in (kestrel, osprey):
            expect(ask(domain) == secure[domain], f"{domain} from the database")

    with lab.step("no database at the start is an error that names it, and no password is in it"):
        daemon.stop()
        server.stop()
        done = daemon.command("policyd", "--config", daemon.config_file, ok=None)
        expect(done.returncode != 0 and "127.0.0.1" in done.stderr and "5432" in done.stderr, f"{done.returncode}: {done.stderr}")
        text = "".join(path.read_text(errors="replace") for path in lab.artefacts.glob("postseal*.log"))
        expect("correct horse" not in text, "no log has the password")
